import { ownersOf } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { setCover } from '../model/set-cover.ts';
import type { Member, ShardMap } from '../model/shard-map.ts';
import { sharesOf } from './shares.ts';
import { loadOf } from './workload.ts';

/*
 * What a map will be like under the traffic of a heatmap, before anything moves. Method: every recorded request is read the way the client reads (the same set cover, the loads as
 * they have become so far); what an element is expected to get goes to its replicas as these requests read them, and evenly to its owners where no request is known.
 */

/** What one member will have. */
export interface MemberExpectation {
  readonly member: Member;
  /** Slots it owns, and elements of the heatmap it holds. */
  readonly slots: number;
  readonly elements: number;
  /** Expected accesses, and their share of all; and what it should have by its capacity. */
  readonly load: number;
  readonly loadShare: number;
  readonly capacityShare: number;
}

/** What a map will be like. */
export interface MapExpectation {
  readonly members: readonly MemberExpectation[];
  /** Load of the busiest member over what its capacity asks for: 1 is perfect. */
  readonly imbalance: number;
  /** Distinct members a request touches, and the share of requests that touch one; null: no requests are known. */
  readonly fanOut: number | null;
  readonly single: number | null;
  /** Copies of the heatmap's elements, and those beyond what their slots have. */
  readonly copies: number;
  readonly hotCopies: number;
}

/** What a map will be like under the traffic of a heatmap. */
export function expectationOf(map: ShardMap, heatmap: Heatmap): MapExpectation {
  const shares = sharesOf(map.members);
  const reads = readGroups(map, heatmap, shares);
  const loads = loadsOf(map, heatmap, reads.byElement);
  const total = loads.reduce((sum, load) => sum + load, 0);
  const slots = map.members.map(() => 0);
  for (const set of map.slots) for (const member of map.sets[set] ?? []) slots[member] = (slots[member] ?? 0) + 1;
  const elements = map.members.map(() => 0);
  let copies = 0;
  for (const { key } of heatmap.elements) {
    for (const member of ownersOf(map, key)) elements[member] = (elements[member] ?? 0) + 1;
    copies += ownersOf(map, key).length;
  }
  const bySlot = map.sets[map.slots[0] ?? 0]?.length ?? 1;
  return {
    members: map.members.map((member, index) => ({
      member, slots: slots[index] as number, elements: elements[index] as number, load: loads[index] as number,
      loadShare: total > 0 ? (loads[index] as number) / total : 0, capacityShare: shares[index] as number,
    })),
    imbalance: total > 0 ? loads.reduce((most, load, index) => Math.max(most, load / total / (shares[index] as number)), 0) : 1,
    fanOut: reads.weight > 0 ? reads.touched / reads.weight : null, single: reads.weight > 0 ? reads.single / reads.weight : null,
    copies, hotCopies: copies - heatmap.elements.length * bySlot,
  };
}

/** Reads every recorded request; by element, how often each member was asked for it. */
function readGroups(map: ShardMap, heatmap: Heatmap, shares: Float64Array): { readonly byElement: ReadonlyMap<string, Map<number, number>>; readonly weight: number; readonly touched: number; readonly single: number } {
  const byElement = new Map<string, Map<number, number>>();
  const loads = map.members.map(() => 0);
  let [weight, touched, single, read] = [0, 0, 0, 0];
  for (const group of heatmap.groups) {
    const asked = setCover(group.keys.map((key) => ownersOf(map, key)), loads, read / loads.length);
    for (const [item, member] of asked.entries()) {
      const key = group.keys[item] as string;
      const counts = byElement.get(key) ?? new Map<number, number>();
      byElement.set(key, counts.set(member, (counts.get(member) ?? 0) + group.weight));
      // loads are compared relative to capacity
      loads[member] = (loads[member] as number) + group.weight / ((shares[member] as number) * loads.length);
      read += group.weight;
    }
    const distinct = new Set(asked).size;
    weight += group.weight;
    touched += distinct * group.weight;
    if (distinct === 1) single += group.weight;
  }
  return { byElement, weight, touched, single };
}

function loadsOf(map: ShardMap, heatmap: Heatmap, byElement: ReadonlyMap<string, ReadonlyMap<number, number>>): number[] {
  const loads = map.members.map(() => 0);
  const add = (member: number, load: number): void => {
    loads[member] = (loads[member] as number) + load;
  };
  for (const { key, expected } of heatmap.elements) {
    const load = loadOf(expected);
    const asked = byElement.get(key);
    const owners = ownersOf(map, key);
    if (asked === undefined) for (const member of owners) add(member, load / owners.length);
    else {
      const times = [...asked.values()].reduce((sum, count) => sum + count, 0);
      for (const [member, count] of asked) add(member, (load * count) / times);
    }
  }
  return loads;
}
