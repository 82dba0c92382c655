import { ownersOfHash, slotOfHash, tagHash } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { loadOf } from './affinity.ts';

/*
 * Hot elements get more replicas than their slot. Rule (facts/sharding.md 6.1): an element with the share p of all accesses gets
 * ceil(p · members / θ) replicas, so that no copy carries more than θ of one member's mean load; its slot's owners stay the first of them, so a
 * client that misses the override still finds it. Hysteresis: an override of the map before stays down to half of the threshold.
 */

/** The most that one copy may carry, as a share of one member's mean load. */
const copyShare = 0.05;

/** Overrides beyond this number cost every client more than they give. */
const mostOverrides = 4096;

/** Owners of each hot element, the slot's own first, hottest element first. */
export function hotElements(options: {
  readonly heatmap: Heatmap;
  readonly owners: readonly (readonly number[])[];
  readonly members: number;
  readonly replicas: number;
  readonly previous: ShardMap | undefined;
}): Map<number, number[]> {
  const { heatmap, owners, members, replicas, previous } = options;
  const byTag = new Map<number, number>();
  for (const element of heatmap.elements) {
    const tag = tagHash(element.key);
    byTag.set(tag, (byTag.get(tag) ?? 0) + loadOf(element.expected));
  }
  const loads = [...byTag].map(([tag, load]) => ({ tag, load })).sort((a, b) => b.load - a.load || a.tag - b.tag);
  const total = loads.reduce((sum, element) => sum + element.load, 0);
  const planned = plannedLoads(loads, owners, members);
  const hot = new Map<number, number[]>();
  for (const { tag, load } of loads) {
    const wanted = Math.min(members, Math.ceil((load * members) / (total * copyShare)));
    const kept = previous?.overrides.has(tag) === true && wanted * 2 > replicas;
    if (total === 0 || (wanted <= replicas && !kept) || hot.size >= mostOverrides) continue;
    const before = kept && previous !== undefined ? ownersOfHash(previous, tag).length : 0;
    const count = Math.min(members, Math.max(wanted, Math.min(before, wanted * 2), replicas));
    const set = [...(owners[slotOfHash(tag)] ?? [])];
    if (count <= set.length) continue;
    const others = planned.map((value, member) => ({ member, value })).filter(({ member }) => !set.includes(member));
    for (const { member } of others.sort((a, b) => a.value - b.value || a.member - b.member).slice(0, count - set.length)) set.push(member);
    for (const member of set) planned[member] = (planned[member] ?? 0) + load / set.length;
    hot.set(tag, set);
  }
  return hot;
}

function plannedLoads(loads: readonly { readonly tag: number; readonly load: number }[], owners: readonly (readonly number[])[], members: number): number[] {
  const planned = Array.from({ length: members }, () => 0);
  for (const { tag, load } of loads) {
    const set = owners[slotOfHash(tag)] ?? [];
    for (const member of set) planned[member] = (planned[member] ?? 0) + load / set.length;
  }
  return planned;
}
