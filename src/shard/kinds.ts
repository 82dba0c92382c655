import type { Heatmap } from '../model/heatmap.ts';
import { valueFor, type KindValue } from '../model/kind-values.ts';
import type { StateKey } from '../model/state-key.ts';

/*
 * Kinds of state with replication factors of their own. Intuition: how many copies there are is a property of a map (its slots, their registers and quorums all rest on it), so a
 * factor has a map of its own, over the same members. Each map is balanced by its own load, so all together are. Limits: what a request reads of two factors is not
 * grouped across the maps (docs/decisions/0008).
 */

/** The state that has so many copies: one map. */
export interface ReplicationFactor {
  readonly replicas: number;
  /** Prefixes of its state keys; the empty one: what no other prefix fits. */
  readonly prefixes: readonly string[];
  readonly has: (key: StateKey) => boolean;
}

/** The factors that kinds ask for, on so many members: more copies than members there cannot be. */
export function factorsOf(kinds: readonly KindValue<number>[], members: number): ReplicationFactor[] {
  const possible = kinds.map(({ prefix, value }) => ({ prefix, value: Math.min(value, members) }));
  return [...new Set(possible.map(({ value }) => value))].map((replicas) => ({
    replicas, prefixes: possible.filter(({ value }) => value === replicas).map(({ prefix }) => prefix), has: (key) => valueFor(key, possible) === replicas,
  }));
}

/** What a heatmap says of the state of one factor. */
export function heatmapOf(heatmap: Heatmap, { has }: Pick<ReplicationFactor, 'has'>): Heatmap {
  const groups = heatmap.groups.map(({ keys, weight }) => ({ keys: keys.filter(has), weight })).filter(({ keys }) => keys.length > 0);
  return { ...heatmap, elements: heatmap.elements.filter(({ key }) => has(key)), groups };
}
