import { assert } from '../lib/assert.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { shardMapFormatVersion, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { groupSlots, slotLoads } from './affinity.ts';
import { hotElements } from './hot-elements.ts';
import { assignSlots } from './slot-owners.ts';

/** Owners that a slot, or a hot element, gains and loses: what handing over acts on. Member ids. */
export interface SlotMove {
  readonly slot: number | null;
  /** The hash of the hot tag this is about; null: the slot as a whole. */
  readonly tag: number | null;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** A map, and what changes from the map before. Without one before, nothing is there to move. */
export interface Placement {
  readonly map: ShardMap;
  readonly moves: readonly SlotMove[];
}

/** Options of {@link placeElements}. */
export interface PlacementOptions {
  /** Members that own each slot, where there are so many. */
  readonly replicas: number;
  /** Share of the slots in use that may leave their preferred owner for the sake of grouping, when there is a map before. */
  readonly moveBudget?: number;
}

/**
 * Places state: a pure function of its arguments. Every slot gets `replicas` different members (of different zones where there are
 * enough), slots accessed together lie together as far as balance allows, hot elements get further replicas, and what
 * the map before had stays unless there is a reason. The epoch rises when anything changed.
 */
export function placeElements(heatmap: Heatmap, members: readonly Member[], previous: ShardMap | undefined, options: PlacementOptions): Placement {
  assert(members.length > 0, 'placement needs a member');
  assert(options.replicas >= 1, 'placement needs at least one replica');
  assert(new Set(members.map((member) => member.id)).size === members.length, 'member ids are unique');
  const { owners } = assignSlots(members, previous, options.replicas);
  const inUse = slotLoads(heatmap).size;
  groupSlots(owners, members, heatmap, {
    imbalance: 0.1, passes: 10,
    inertia: previous === undefined ? 0 : 1,
    budget: previous === undefined ? slotCount : Math.max(1, Math.floor(inUse * (options.moveBudget ?? 0.02))),
  });
  const hot = hotElements({ heatmap, owners, members: members.length, replicas: options.replicas, previous });
  const map = mapOf(members, owners, hot, previous);
  if (previous === undefined) return { map, moves: [] };
  const moves = movesBetween(previous, map);
  return { map: moves.length === 0 && sameMembers(previous, map) && sameOrder(previous, map) ? { ...map, epoch: previous.epoch } : map, moves };
}

function mapOf(members: readonly Member[], owners: readonly (readonly number[])[], hot: ReadonlyMap<number, readonly number[]>, previous: ShardMap | undefined): ShardMap {
  const sets: (readonly number[])[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (set: readonly number[]): number => {
    const name = set.join();
    let number = numbers.get(name);
    if (number === undefined) {
      number = sets.push([...set]) - 1;
      numbers.set(name, number);
    }
    return number;
  };
  const slots = Uint16Array.from({ length: slotCount }, (_, slot) => numberOf(owners[slot] ?? []));
  const overrides = new Map([...hot].map(([key, set]) => [key, numberOf(set)]));
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: previous?.incarnation ?? 0, epoch: (previous?.epoch ?? 0) + 1, members, sets, slots,
    ages: new Uint8Array(slotCount), overrides, changes: new Map(),
  };
}

/** What has to be copied and dropped to get from one map to the next. */
export function movesBetween(before: ShardMap, after: ShardMap): SlotMove[] {
  const moves: SlotMove[] = [];
  const add = (slot: number | null, tag: number | null, old: readonly string[], now: readonly string[]): void => {
    const added = now.filter((id) => !old.includes(id));
    const removed = old.filter((id) => !now.includes(id));
    if (added.length > 0 || removed.length > 0) moves.push({ slot, tag, add: added, remove: removed });
  };
  const idsBefore = before.sets.map((set) => set.map((index) => before.members[index]?.id ?? ''));
  const idsAfter = after.sets.map((set) => set.map((index) => after.members[index]?.id ?? ''));
  for (let slot = 0; slot < slotCount; slot++) add(slot, null, idsBefore[before.slots[slot] ?? 0] ?? [], idsAfter[after.slots[slot] ?? 0] ?? []);
  for (const tag of new Set([...before.overrides.keys(), ...after.overrides.keys()])) {
    add(null, tag, idsBefore[before.overrides.get(tag) ?? -1] ?? [], idsAfter[after.overrides.get(tag) ?? -1] ?? []);
  }
  return moves;
}

function sameMembers(before: ShardMap, after: ShardMap): boolean {
  return JSON.stringify(before.members) === JSON.stringify(after.members);
}

/** The same owners may still be in another order: the preferred one comes first. */
function sameOrder(before: ShardMap, after: ShardMap): boolean {
  return before.slots.every((set, slot) => before.sets[set]?.join() === after.sets[after.slots[slot] ?? 0]?.join());
}
