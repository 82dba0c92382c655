import { slotCount, type ShardMap } from '../model/shard-map.ts';
import { overridesOf, type MapForecast } from './hot-elements.ts';
import { planOverrides } from './override-plan.ts';
import type { Placement, SlotMove } from './placement.ts';

/*
 * Between two plans: hot elements only. Slots stay where they are; what is hot by the forecast or by what was just observed gets its replicas, every few thousand accesses.
 */

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
  for (const tag of forecast.wide) overrides.set(tag, previous.get(tag) ?? []);
  const moves = overrideMoves(map, overrides);
  return moves.length === 0 ? { map, moves } : { map: withOverrides(map, overrides), moves };
}

/** A map whose slots are as old as they were, one epoch on. */
function withOverrides(map: ShardMap, overrides: ReadonlyMap<number, readonly number[]>): ShardMap {
  const sets = map.sets.slice(0, slotSets(map));
  const numbers = new Map<string, number>();
  const numberOf = (set: readonly number[]): number => {
    const name = set.join();
    let number = numbers.get(name);
    if (number === undefined) numbers.set(name, (number = sets.push(set) - 1));
    return number;
  };
  return {
    ...map, epoch: map.epoch + 1, ages: map.ages.map((age) => Math.min(255, age + 1)),
    overrides: new Map([...overrides].map(([tag, set]) => [tag, numberOf(set)])), sets,
  };
}

/** How many sets there are up to the last one that a slot uses, or used before a change under way. */
function slotSets(map: ShardMap): number {
  let last = 0;
  for (let slot = 0; slot < slotCount; slot++) last = Math.max(last, map.slots[slot] as number);
  for (const { old } of map.changes.values()) last = Math.max(last, old);
  return last + 1;
}

/** Replicas that hot elements gain and lose; one without an override is where its slot is. */
function overrideMoves(map: ShardMap, overrides: ReadonlyMap<number, readonly number[]>): SlotMove[] {
  const id = (member: number): string => map.members[member]?.id ?? '';
  const moves: SlotMove[] = [];
  for (const tag of new Set([...map.overrides.keys(), ...overrides.keys()])) {
    const slots = map.sets[map.slots[tag >>> 16] ?? 0] ?? [];
    const before = map.sets[map.overrides.get(tag) ?? -1] ?? slots;
    const after = overrides.get(tag) ?? slots;
    const [add, remove] = [after.filter((member) => !before.includes(member)).map(id), before.filter((member) => !after.includes(member)).map(id)];
    if (add.length > 0 || remove.length > 0) moves.push({ slot: null, tag, add, remove });
  }
  return moves;
}
