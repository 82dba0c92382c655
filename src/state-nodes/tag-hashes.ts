import { tagHash } from '../model/directory.ts';
import type { StateKey } from '../model/state-key.ts';

/**
 * Hashes of tags by key: finding the tag of a key takes fifty times as long as finding the key here. Bounded: when there are `size` new ones, those not
 * asked for since the last time are forgotten. A Map, since the runtime keeps a hash with each string; hashing keys here anew would cost more than a read.
 */
export class TagHashes {
  readonly #size: number;
  #recent = new Map<StateKey, number>();
  #before = new Map<StateKey, number>();

  /** @param size keys of which this many at least are known, and twice as many at most */
  constructor(size: number = 65_536) {
    this.#size = size;
  }

  /** {@link tagHash} of a key. */
  of(key: StateKey): number {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const hash = this.#before.get(key) ?? tagHash(key);
    if (this.#recent.size >= this.#size) {
      this.#before = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, hash);
    return hash;
  }
}
