import { murmur3 } from '../lib/hash.ts';
import { looksLikeId } from './route.ts';
import type { ShardMap } from './shard-map.ts';
import { parseStateKey, type StateKey } from './state-key.ts';

/**
 * The tag of an element: what it is placed by, so that elements of one entity lie together. It is the text in the first `{…}` of the name
 * (as Redis Cluster has it, whatever the kind), else the key up to and including the last part that is an id (`redis:0/cart:7` for
 * `redis:0/cart:7:items`), else the whole key.
 */
export function tagOf(key: StateKey): string {
  const name = parseStateKey(key)?.name ?? key;
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open + 1);
  if (close > open + 1) return name.slice(open + 1, close);
  let end = -1;
  const parts = /[^:/|.?&= ]+/g;
  const start = key.length - name.length;
  for (let part = parts.exec(name); part !== null; part = parts.exec(name)) {
    if (looksLikeId(part[0])) end = start + parts.lastIndex;
  }
  return end < 0 ? key : key.slice(0, end);
}

/** What an element is found by: the MurmurHash3 of its tag, an unsigned 32-bit number. */
export function tagHash(key: StateKey): number {
  return murmur3(tagOf(key));
}

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
