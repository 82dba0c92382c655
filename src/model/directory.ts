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

/** The slot of an element, 0 to 65,535: the upper half of the MurmurHash3 of its tag. */
export function slotOf(key: StateKey): number {
  return murmur3(tagOf(key)) >>> 16;
}

/** The members that own an element, as indexes into the map's members, the preferred one first. */
export function ownersOf(map: ShardMap, key: StateKey): readonly number[] {
  const set = map.overrides.get(key) ?? map.slots[slotOf(key)] ?? 0;
  return map.sets[set] ?? [];
}
