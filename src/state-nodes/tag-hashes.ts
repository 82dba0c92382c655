import { murmur3 } from '../lib/hash.ts';
import { tagHash } from '../model/directory.ts';
import type { StateKey } from '../model/state-key.ts';

/** Hashes of tags by key: finding the tag of a key takes fifty times as long as finding the key here. Each key has one place, which the last comer has. */
export class TagHashes {
  readonly #keys: (StateKey | undefined)[];
  readonly #hashes: Uint32Array;

  /** @param places a power of two */
  constructor(places: number = 65_536) {
    this.#keys = Array.from({ length: places });
    this.#hashes = new Uint32Array(places);
  }

  /** {@link tagHash} of a key. */
  of(key: StateKey): number {
    const place = murmur3(key) & (this.#hashes.length - 1);
    if (this.#keys[place] === key) return this.#hashes[place] as number;
    const hash = tagHash(key);
    this.#keys[place] = key;
    this.#hashes[place] = hash;
    return hash;
  }
}
