import type { ShardMap } from './shard-map.ts';
import type { StateKey } from './state-key.ts';
import { tagHash } from './tag.ts';

export { tagHash, tagOf } from './tag.ts';

/** The slot of a tag's hash, 0 to 65,535: its upper half. */
export function slotOfHash(hash: number): number {
  return hash >>> 16;
}

/** The slot of an element. */
export function slotOf(key: StateKey): number {
  return tagHash(key) >>> 16;
}

/** The members that own an element, as indexes into the map's members, the preferred one first. */
export function ownersOf(map: ShardMap, key: StateKey): readonly number[] {
  return ownersOfHash(map, tagHash(key));
}

/** The owners of whatever has a tag of this hash. */
export function ownersOfHash(map: ShardMap, hash: number): readonly number[] {
  const set = map.overrides.get(hash) ?? map.slots[hash >>> 16] ?? 0;
  return map.sets[set] ?? [];
}
