import { memberName, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';

/** Owners that a slot, or a hot element, gains and loses: what handing over acts on. Members by name (id, and life where it has one). */
export interface SlotMove {
  readonly slot: number | null;
  /** The hash of the hot tag this is about; null: the slot as a whole. */
  readonly tag: number | null;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** What has to be copied and dropped to get from one map to the next. A hot tag that had no set of its own, or has none any longer, is owned as its slot is. */
export function movesBetween(before: ShardMap, after: ShardMap): SlotMove[] {
  const moves: SlotMove[] = [];
  const add = (slot: number | null, tag: number | null, old: readonly string[], now: readonly string[]): void => {
    const added = now.filter((name) => !old.includes(name));
    const removed = old.filter((name) => !now.includes(name));
    if (added.length > 0 || removed.length > 0) moves.push({ slot, tag, add: added, remove: removed });
  };
  const [namesBefore, namesAfter] = [namesOf(before), namesOf(after)];
  for (let slot = 0; slot < slotCount; slot++) add(slot, null, namesBefore[before.slots[slot] ?? 0] ?? [], namesAfter[after.slots[slot] ?? 0] ?? []);
  for (const tag of new Set([...before.overrides.keys(), ...after.overrides.keys()])) {
    const slot = tag >>> 16;
    const old = namesBefore[before.overrides.get(tag) ?? before.slots[slot] ?? 0] ?? [];
    const now = namesAfter[after.overrides.get(tag) ?? after.slots[slot] ?? 0] ?? [];
    add(null, tag, old, now);
  }
  return moves;
}

function namesOf(map: ShardMap): string[][] {
  return map.sets.map((set) => set.map((index) => memberName(map.members[index] as Member)));
}
