import { slotOfHash } from '../model/directory.ts';
import { slotCount, type ShardMap } from '../model/shard-map.ts';
import { overridesOf, type MapForecast } from './hot-elements.ts';
import { planOverrides } from './override-plan.ts';
import { tagMoves } from './moves.ts';
import type { Placement } from './placement.ts';

/*
 * Between two plans: hot elements only. Slots stay where they are; what is hot by the forecast or by what was just observed gets its replicas, every few thousand accesses.
 */

/** Replica sets have 16-bit numbers, and the last one means none. */
const mostSets = 65_535;

/**
 * The map with the overrides that forecast and observation want, and what has to be copied; the same map where nothing changes.
 * @param forecast of the map that the last plan made
 * @param observed what a HeatTracker tells
 */
export function replanHotElements(map: ShardMap, forecast: MapForecast, observed: ReadonlyMap<number, number>): Placement {
  const previous = overridesOf(map, map.members.map(({ id }) => id));
  const overrides: Map<number, readonly number[]> = planOverrides({
    forecast: forecast.shares, loads: forecast.loads, observed, replicas: forecast.replicas,
    capacities: map.members.map(({ capacity }) => capacity), ownersOf: (slot) => map.sets[map.slots[slot] ?? 0] ?? [], previous,
  });
  for (const [tag, members] of forecast.gathered) {
    const set = overrides.get(tag) ?? map.sets[map.slots[slotOfHash(tag)] ?? 0] ?? [];
    overrides.set(tag, [...new Set([...set, ...members])]);
  }
  const next = withOverrides(map, overrides);
  const moves = tagMoves(map, next);
  return moves.length === 0 ? { map, moves } : { map: next, moves };
}

/** A map whose slots are as old as they were, one epoch on. Replica sets keep their numbers, so that the difference to the map before is small. */
function withOverrides(map: ShardMap, overrides: ReadonlyMap<number, readonly number[]>): ShardMap {
  const numbers = new Map<number, number>();
  for (const [tag, set] of overrides) {
    const number = map.overrides.get(tag);
    if (number !== undefined && isSame(map.sets[number] ?? [], set)) numbers.set(tag, number);
  }
  const used = usedSets(map, numbers.values());
  const sets = [...map.sets];
  let free = 0;
  for (const [tag, set] of overrides) {
    if (numbers.has(tag)) continue;
    while (used.has(free)) free++;
    if (free >= mostSets) break; // the coldest go without
    sets[free] = set;
    used.add(free);
    numbers.set(tag, free);
  }
  while (!used.has(sets.length - 1)) sets.pop();
  const inOrder = [...overrides.keys()].flatMap((tag) => (numbers.has(tag) ? [[tag, numbers.get(tag) as number] as const] : []));
  return { ...map, epoch: map.epoch + 1, ages: map.ages.map((age) => Math.min(255, age + 1)), overrides: new Map(inOrder), sets };
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((member, place) => b[place] === member);
}

/** Numbers of replica sets that slots, changes under way and these overrides use. */
function usedSets(map: ShardMap, more: Iterable<number>): Set<number> {
  const used = new Set(more);
  const bySlot = new Uint8Array(slotCount);
  for (let slot = 0; slot < slotCount; slot++) bySlot[map.slots[slot] as number] = 1;
  bySlot.forEach((isUsed, number) => {
    if (isUsed === 1) used.add(number);
  });
  for (const { old } of map.changes.values()) used.add(old);
  return used;
}
