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

/** No set: an empty place of the override table. */
const noSet = 0xffff;

/** How full the override table is: six bytes a place make eight an override. */
const mostFull = 0.75;

/** Bits of the guard: the low 15 bits of a hash have one each. */
const guardBits = 32_768;

/**
 * A shard map for the hot path: who owns an element, found without allocation in a few nanoseconds from its stored hash. A table of slots, and for hot tags an open-addressed table of
 * fingerprints three quarters full, behind a bitmap that answers "no override" for nearly all others. Its size does not depend on the number of elements.
 */
export class Directory {
  /** What it was made of. */
  readonly incarnation: number;
  readonly epoch: number;
  /** Members; owners are indexes into them. */
  readonly members: number;
  readonly #slots: Uint16Array;
  readonly #ages: Uint8Array;
  readonly #guard = new Uint32Array(guardBits / 32);
  readonly #tags: Uint32Array;
  readonly #tagSets: Uint16Array;
  /** Owners of set s: `owners[starts[s]]` to `owners[starts[s + 1] - 1]`. */
  readonly #starts: Uint32Array;
  readonly #owners: Uint16Array;

  constructor(map: ShardMap) {
    this.incarnation = map.incarnation;
    this.epoch = map.epoch;
    this.members = map.members.length;
    this.#slots = map.slots;
    this.#ages = map.ages;
    this.#starts = new Uint32Array(map.sets.length + 1);
    for (const [set, owners] of map.sets.entries()) this.#starts[set + 1] = (this.#starts[set] as number) + owners.length;
    this.#owners = Uint16Array.from(map.sets.flat());
    const places = Math.ceil(map.overrides.size / mostFull) + 1; // one is always empty, so that a search ends
    this.#tags = new Uint32Array(places);
    this.#tagSets = new Uint16Array(places).fill(noSet);
    for (const [tag, set] of map.overrides) this.#override(tag, set);
  }

  /** Bytes that its tables take. */
  get bytes(): number {
    return [this.#slots, this.#ages, this.#guard, this.#tags, this.#tagSets, this.#starts, this.#owners].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** The replica set of whatever has a tag of this hash. */
  setOf(hash: number): number {
    const bit = hash & (guardBits - 1);
    if (((this.#guard[bit >>> 5] as number) & (1 << (bit & 31))) !== 0) {
      const places = this.#tags.length;
      for (let at = placeOf(hash, places); this.#tagSets[at] !== noSet; at = at + 1 === places ? 0 : at + 1) if (this.#tags[at] === hash) return this.#tagSets[at] as number;
    }
    return this.#slots[hash >>> 16] as number;
  }

  /** How many owners a set has. */
  ownersIn(set: number): number {
    return (this.#starts[set + 1] as number) - (this.#starts[set] as number);
  }

  /** An owner of a set: place 0 is the preferred one. */
  ownerAt(set: number, place: number): number {
    return this.#owners[(this.#starts[set] as number) + place] as number;
  }

  /** Writes the owners of a tag's hash into `out`, which then has just them. */
  ownersOf(hash: number, out: number[]): void {
    const set = this.setOf(hash);
    const [from, to] = [this.#starts[set] as number, this.#starts[set + 1] as number];
    out.length = 0;
    for (let at = from; at < to; at++) out.push(this.#owners[at] as number);
  }

  /** The owner with the least load; of equals the one that comes first in the set. */
  leastLoaded(hash: number, loads: ArrayLike<number>): number {
    const set = this.setOf(hash);
    const to = this.#starts[set + 1] as number;
    let at = this.#starts[set] as number;
    let best = this.#owners[at] as number;
    for (at++; at < to; at++) if ((loads[this.#owners[at] as number] as number) < (loads[best] as number)) best = this.#owners[at] as number;
    return best;
  }

  /** The epoch of a slot's entry, or a later one for a slot that has not changed for 255 epochs. */
  epochOf(slot: number): number {
    return this.epoch - (this.#ages[slot] as number);
  }

  #override(tag: number, set: number): void {
    const bit = tag & (guardBits - 1);
    this.#guard[bit >>> 5] = (this.#guard[bit >>> 5] as number) | (1 << (bit & 31));
    const places = this.#tags.length;
    let at = placeOf(tag, places);
    while (this.#tagSets[at] !== noSet) at = at + 1 === places ? 0 : at + 1;
    this.#tags[at] = tag;
    this.#tagSets[at] = set;
  }
}

/** Where a fingerprint's search begins: mixed, since tags of one slot share their upper half; then scaled (Lemire 2019), so that any number of places will do. */
function placeOf(hash: number, places: number): number {
  return Math.floor(((Math.imul(hash, 0x9e3779b1) >>> 0) / 4294967296) * places);
}
