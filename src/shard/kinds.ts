import { assert } from '../lib/assert.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { Member, ShardMap } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import { placeElements, type Placement, type PlacementOptions } from './placement.ts';

/*
 * Kinds of state with replication factors of their own. Intuition: how many copies there are is a property of a map (its slots, their registers and quorums all rest on it), so a kind
 * that wants another number has another map, over the same members. Each map is balanced by its own load, so all together are. Limits: what a request reads of two kinds is not
 * grouped across the maps (docs/decisions/0008).
 */

/** The state whose keys begin with a prefix (`http:`, `redis:1/`; the longest that fits counts, the empty one is the rest), and how it is placed. */
export interface KindOptions extends PlacementOptions {
  readonly prefix: string;
}

/** The prefix of the kind that an element is of. */
export function kindOf(key: StateKey, prefixes: readonly string[]): string {
  let best: string | undefined;
  for (const prefix of prefixes) if (key.startsWith(prefix) && (best === undefined || prefix.length > best.length)) best = prefix;
  assert(best !== undefined, 'one of the kinds has the empty prefix');
  return best;
}

/** A map for each kind, by prefix; each is planned as `placeElements` does, from what the heatmap says of its elements. */
export function placeKinds(heatmap: Heatmap, members: readonly Member[], previous: ReadonlyMap<string, ShardMap>, kinds: readonly KindOptions[]): Map<string, Placement> {
  const prefixes = kinds.map(({ prefix }) => prefix);
  assert(new Set(prefixes).size === prefixes.length, 'each kind is named once');
  return new Map(kinds.map(({ prefix, ...options }) => [prefix, placeElements(ofKind(heatmap, prefix, prefixes), members, previous.get(prefix), options)]));
}

/** What a heatmap says of one kind. */
function ofKind(heatmap: Heatmap, prefix: string, prefixes: readonly string[]): Heatmap {
  const isOf = (key: StateKey): boolean => kindOf(key, prefixes) === prefix;
  const groups = heatmap.groups.map(({ keys, weight }) => ({ keys: keys.filter(isOf), weight })).filter(({ keys }) => keys.length > 0);
  return { ...heatmap, elements: heatmap.elements.filter(({ key }) => isOf(key)), groups };
}
