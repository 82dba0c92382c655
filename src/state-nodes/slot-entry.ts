import { memberName, type ShardMap } from '../model/shard-map.ts';
import type { SlotEntry } from './slot-register.ts';

/** The entry of a slot in a map: what every operation on its heads carries. */
export function entryOf(map: ShardMap, slot: number): SlotEntry {
  const change = map.changes.get(slot);
  const names = (set: readonly number[]): string[] => set.map((index) => memberName(map.members[index] as ShardMap['members'][number]));
  return {
    incarnation: map.incarnation, epoch: map.epoch - (map.ages[slot] ?? 0),
    own: names(map.sets[map.slots[slot] ?? 0] ?? []),
    old: change === undefined ? [] : names(map.sets[change.old] ?? []),
    joining: change === undefined ? [] : names(change.joining),
    pull: change?.pull ?? 0,
  };
}
