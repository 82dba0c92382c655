import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import type { SlotEntry } from './slot-register.ts';

/** Entries of a map by what they say: many slots have the same. */
const entriesOf = new WeakMap<ShardMap, Map<string | number, SlotEntry>>();

/** The entry of a slot in a map: what every operation on its heads carries. Slots of which the map says the same share one object. */
export function entryOf(map: ShardMap, slot: number): SlotEntry {
  let entries = entriesOf.get(map);
  if (entries === undefined) entriesOf.set(map, (entries = new Map()));
  const [set, age, change] = [map.slots[slot] ?? 0, map.ages[slot] ?? 0, map.changes.get(slot)];
  const name = change === undefined ? set * 256 + age : `${set} ${age} ${change.old} ${change.pull} ${change.joining.join()}`;
  let entry = entries.get(name);
  if (entry !== undefined) return entry;
  const names = (indexes: readonly number[]): string[] => indexes.map((index) => memberName(map.members[index] as Member));
  entry = {
    incarnation: map.incarnation, epoch: map.epoch - age, own: names(map.sets[set] ?? []), old: change === undefined ? [] : names(map.sets[change.old] ?? []),
    joining: change === undefined ? [] : names(change.joining), pull: change?.pull ?? 0,
  };
  entries.set(name, entry);
  return entry;
}
