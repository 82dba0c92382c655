import { slotOf } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { capacityOf, zonesOf } from './slot-owners.ts';
import type { Member } from '../model/shard-map.ts';

/*
 * Keeps together what is accessed together. Intuition: every request that finds all it needs on one member is one round trip
 * less. Method: local search on probabilistic fan-out after the Social Hash Partitioner (Kabiljo et al., VLDB 2017, arXiv 1707.06665): a group
 * with n(b) slots on member b costs Σ 1 − 0.5^n(b); a slot moves to the member with the best gain whose load stays under its cap.
 * Warm-started from the owners given, so most slots stay; a slot must gain something to leave, and at most a budget of them may.
 * Limits: moves the preferred owner only; single moves, no swaps; local optimum.
 */

/** Expected accesses by slot, over the whole heatmap. */
export function slotLoads(heatmap: Heatmap): Map<number, number> {
  const loads = new Map<number, number>();
  for (const element of heatmap.elements) {
    const slot = slotOf(element.key);
    loads.set(slot, (loads.get(slot) ?? 0) + loadOf(element.expected));
  }
  return loads;
}

/** Expected accesses of an element over all buckets. */
export function loadOf(expected: readonly number[]): number {
  return expected.reduce((sum, value) => sum + value, 0);
}

/** Options of {@link groupSlots}. */
export interface GroupingOptions {
  /** Load of a member over its share at most: 0.1 is a tenth. */
  readonly imbalance: number;
  /** What a move must gain, in accesses saved, when the owners come from a map before. */
  readonly inertia: number;
  /** Slots that may change their preferred owner. */
  readonly budget: number;
  /** Passes over all slots at most. */
  readonly passes: number;
}

interface Group {
  readonly slots: readonly number[];
  readonly weight: number;
}

/** Changes the preferred owners in place so that groups touch few members; returns how many slots have another one now. */
export function groupSlots(owners: number[][], members: readonly Member[], heatmap: Heatmap, options: GroupingOptions): number {
  if (members.length < 2) return 0;
  const search = new AffinitySearch(owners, members, heatmap, options);
  for (let pass = 0; pass < options.passes; pass++) if (search.pass() === 0) break;
  return search.movedSlots;
}

class AffinitySearch {
  readonly #owners: number[][];
  readonly #members: readonly Member[];
  readonly #options: GroupingOptions;
  readonly #loads: ReadonlyMap<number, number>;
  readonly #groupsOf = new Map<number, number[]>();
  readonly #groups: Group[];
  /** Slots of group g on member m, at `g * members + m`. */
  readonly #onMember: Uint16Array;
  readonly #memberLoads: number[];
  readonly #caps: number[];
  readonly #home = new Map<number, number>();
  readonly #moved = new Set<number>();

  constructor(owners: number[][], members: readonly Member[], heatmap: Heatmap, options: GroupingOptions) {
    this.#owners = owners;
    this.#members = members;
    this.#options = options;
    this.#loads = slotLoads(heatmap);
    this.#groups = groupsOf(heatmap);
    this.#onMember = new Uint16Array(this.#groups.length * members.length);
    for (const [index, group] of this.#groups.entries()) {
      for (const slot of group.slots) {
        const list = this.#groupsOf.get(slot);
        if (list === undefined) this.#groupsOf.set(slot, [index]);
        else list.push(index);
        this.#count(index, this.#ownerOf(slot), 1);
      }
    }
    const total = [...this.#loads.values()].reduce((sum, load) => sum + load, 0);
    const capacity = members.reduce((sum, member) => sum + capacityOf(member), 0);
    this.#caps = members.map((member) => (total * capacityOf(member) * (1 + options.imbalance)) / capacity);
    this.#memberLoads = members.map(() => 0);
    for (const [slot, load] of this.#loads) this.#addLoad(this.#ownerOf(slot), load);
  }

  get movedSlots(): number {
    return this.#moved.size;
  }

  /** Visits every slot with load, the heaviest first; returns how many moved. */
  pass(): number {
    let moves = 0;
    const slots = [...this.#loads].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    for (const [slot, load] of slots) {
      const from = this.#ownerOf(slot);
      const to = this.#best(slot, load, from);
      if (to === from || !this.#mayMove(slot, to)) continue;
      this.#move(slot, load, from, to);
      moves += 1;
    }
    return moves;
  }

  #best(slot: number, load: number, from: number): number {
    const overloaded = (this.#memberLoads[from] as number) > (this.#caps[from] as number);
    let best = from;
    // An overloaded member gives away at any gain, an ordinary one only for more than the inertia.
    let bestGain = overloaded ? Number.NEGATIVE_INFINITY : this.#options.inertia + 1e-9;
    for (let member = 0; member < this.#caps.length; member++) {
      if (member === from) continue;
      const after = (this.#memberLoads[member] as number) + load;
      const fits = after <= (this.#caps[member] as number) || (overloaded && after < (this.#memberLoads[from] as number));
      if (!fits || !this.#keepsZones(slot, member)) continue;
      const gain = this.#gain(slot, from, member) - (overloaded ? 1e-6 * after : 0);
      if (gain > bestGain) [best, bestGain] = [member, gain];
    }
    return best;
  }

  #gain(slot: number, from: number, to: number): number {
    let gain = 0;
    for (const index of this.#groupsOf.get(slot) ?? []) {
      const { weight } = this.#groups[index] as Group;
      gain += weight * (0.5 ** (this.#at(index, from) - 1) - 0.5 ** this.#at(index, to));
    }
    // Going back home is as good as never having left.
    return gain + (this.#home.get(slot) === to ? this.#options.inertia : 0);
  }

  #keepsZones(slot: number, to: number): boolean {
    const set = this.#owners[slot] ?? [];
    return set.length < 2 || set.includes(to) || zonesOf(this.#members, set.with(0, to)) >= zonesOf(this.#members, set);
  }

  #mayMove(slot: number, to: number): boolean {
    return this.#moved.has(slot) || this.#moved.size < this.#options.budget || this.#home.get(slot) === to;
  }

  #move(slot: number, load: number, from: number, to: number): void {
    const set = this.#owners[slot] as number[];
    const place = set.indexOf(to);
    if (place > 0) set[place] = from; // the two change places: nothing is copied
    set[0] = to;
    if (!this.#home.has(slot)) this.#home.set(slot, from);
    if (this.#home.get(slot) === to) this.#moved.delete(slot);
    else this.#moved.add(slot);
    this.#addLoad(from, -load);
    this.#addLoad(to, load);
    for (const index of this.#groupsOf.get(slot) ?? []) {
      this.#count(index, from, -1);
      this.#count(index, to, 1);
    }
  }

  #ownerOf(slot: number): number {
    return this.#owners[slot]?.[0] ?? 0;
  }

  #addLoad(member: number, load: number): void {
    this.#memberLoads[member] = (this.#memberLoads[member] ?? 0) + load;
  }

  #at(group: number, member: number): number {
    return this.#onMember[group * this.#members.length + member] ?? 0;
  }

  #count(group: number, member: number, by: number): void {
    const at = group * this.#members.length + member;
    this.#onMember[at] = (this.#onMember[at] ?? 0) + by;
  }
}

/** Groups as sets of slots; those within one slot cost nothing and are left out, equal ones are one. */
function groupsOf(heatmap: Heatmap): Group[] {
  const merged = new Map<string, Group>();
  for (const group of heatmap.groups) {
    const slots = [...new Set(group.keys.map(slotOf))].sort((a, b) => a - b);
    if (slots.length < 2) continue;
    const name = slots.join();
    merged.set(name, { slots, weight: (merged.get(name)?.weight ?? 0) + group.weight });
  }
  return [...merged.values()];
}
