import { slotOfHash } from '../model/directory.ts';
import type { SlotTable } from './slot-table.ts';
import type { Workload } from './workload.ts';

/*
 * Copies of single tags, so that a known request finds all it reads on one member. Intuition: tags share a slot by chance, so the best place of a slot is the wrong one for some of its tags; where the requests
 * are known exactly (a suite that is replayed), a copy of such a tag where its requests go mends that. Method: greedy with votes. The home of a request is the member that holds most of what it reads; each tag
 * it lacks there gets a vote, 1 ÷ the tags lacking, for a copy at that member. The copies with most votes are made, in a few rounds, since each changes what other requests lack. The slot's own owners stay
 * the first of the set, so a reader that misses the override still finds the element. Limits: bounded copies; requests that lack many tags vote weakly and may stay as they are.
 */

/** Options of {@link gatherTags}. */
export interface GatheringOptions {
  readonly workload: Workload;
  readonly table: SlotTable;
  readonly members: number;
  /** Tags that every member holds. */
  readonly wide: readonly number[];
  /** Copies at most, in elements. */
  readonly mostCopies: number;
  /** Whether a tag had a copy at a member before: those are kept for half of the gain. */
  readonly had?: (tagHash: number, member: number) => boolean;
}

/** Votes are counted anew after each round. */
const rounds = 8;

/** Accesses that the copy of an element must save, as for wide elements. */
const gainPerCopy = 1;

/** Entries that these may take of the override table, and bytes that their replica sets may take in a directory. */
const mostGathered = 8192;
const bytesForSets = 60 * 1024;

/** Tags that may have a set for this reason: with many members nearly every set is another one, and clients hold them all. */
export function gatheringLimit(members: number, replicas: number): number {
  const bytesOf = (size: number): number => 4 + 2 * size;
  const further = bytesOf(replicas + 2);
  const left = Math.max(0, bytesForSets - members ** Math.min(2, replicas) * bytesOf(replicas));
  return members ** (replicas + 1) * further <= left ? mostGathered : Math.min(mostGathered, Math.floor(left / further));
}

/** Members that get a copy of a tag beside its slot's owners, by tag number; those that gain most first. A pure function of its arguments. */
export function gatherTags(options: GatheringOptions): Map<number, number[]> {
  const { mostCopies, members, table, workload: { elements } } = options;
  const mostTags = gatheringLimit(members, table.replicas);
  const copies = new Map<number, number[]>();
  const homes = new Homes(options);
  let made = 0;
  for (let round = 1; round <= rounds; round++) {
    const before = made;
    for (const copy of byGain(homes.votes(), members, elements)) {
      const [tag, member] = [Math.floor(copy / members), copy % members];
      const size = Math.max(1, elements[tag] as number);
      if (made + size > Math.min(mostCopies, Math.ceil((mostCopies * round) / rounds))) break;
      const further = copies.get(tag);
      if (further === undefined && copies.size >= mostTags) continue;
      copies.set(tag, [...further ?? [], member]);
      homes.add(tag, member);
      made += size;
    }
    if (made === before) break;
  }
  return copies;
}

/** The copies that save enough, those first that save most for their size. */
function byGain(votes: ReadonlyMap<number, number>, members: number, elements: Float64Array): number[] {
  const gains = new Map<number, number>();
  for (const [copy, saved] of votes) {
    const gain = saved / Math.max(1, elements[Math.floor(copy / members)] as number);
    if (gain > gainPerCopy) gains.set(copy, gain);
  }
  return [...gains.keys()].sort((a, b) => (gains.get(b) as number) - (gains.get(a) as number) || a - b);
}

/** Requests that do not find everything on one member, and what they lack. */
class Homes {
  readonly #options: GatheringOptions;
  /** By tag the members that have it, as far as they do not all. */
  readonly #owners: (readonly number[])[];
  readonly #held: Uint32Array;
  /** Tags that the requests with that home read, by member. */
  readonly #loads: Float64Array;
  /** Requests that are split as yet. */
  #open: Uint32Array;

  constructor(options: GatheringOptions) {
    const { workload: { hashes, groups }, table, members, wide } = options;
    this.#options = options;
    this.#owners = Array.from(hashes, (hash) => table.set(slotOfHash(hash)));
    for (const tag of wide) this.#owners[tag] = [];
    this.#held = new Uint32Array(members);
    this.#loads = new Float64Array(members);
    this.#open = Uint32Array.from(groups.weights.keys());
  }

  /** A member has the tag from now on. */
  add(tag: number, member: number): void {
    this.#owners[tag] = [...this.#owners[tag] as number[], member];
  }

  /** Accesses that a copy saves, by `tag * members + member`; the same request may vote for several, none of which helps alone. */
  votes(): Map<number, number> {
    const { groups: { weights } } = this.#options.workload;
    const votes = new Map<number, number>();
    this.#open = this.#open.filter((group) => {
      const { home, lacking, read } = this.#homeOf(group);
      if (lacking > 0) this.#vote(votes, group, home, (weights[group] as number) / lacking);
      else this.#loads[home] = (this.#loads[home] as number) + (weights[group] as number) * read;
      return lacking > 0;
    });
    return votes;
  }

  /** The member that holds most of what a request reads, of equals the one with less to do; how many tags it lacks, and how many are read. */
  #homeOf(group: number): { readonly home: number; readonly lacking: number; readonly read: number } {
    const { starts, tags } = this.#options.workload.groups;
    const held = this.#held.fill(0);
    let read = 0;
    for (let at = starts[group] as number; at < (starts[group + 1] as number); at++) {
      const owners = this.#owners[tags[at] as number] as readonly number[];
      if (owners.length > 0) read++;
      for (const member of owners) held[member] = (held[member] as number) + 1;
    }
    let home = 0;
    for (let member = 1; member < held.length; member++) {
      const more = (held[member] as number) - (held[home] as number);
      if (more > 0 || (more === 0 && (this.#loads[member] as number) < (this.#loads[home] as number))) home = member;
    }
    return { home, lacking: read - (held[home] as number), read };
  }

  #vote(votes: Map<number, number>, group: number, home: number, vote: number): void {
    const { workload: { groups: { starts, tags }, hashes }, members, had } = this.#options;
    for (let at = starts[group] as number; at < (starts[group + 1] as number); at++) {
      const tag = tags[at] as number;
      const owners = this.#owners[tag] as readonly number[];
      if (owners.length === 0 || owners.includes(home)) continue;
      const ease = had?.(hashes[tag] as number, home) === true ? 2 : 1;
      const copy = tag * members + home;
      votes.set(copy, (votes.get(copy) ?? 0) + ease * vote);
    }
  }
}
