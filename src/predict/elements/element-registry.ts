/*
 * Which elements are followed one by one. All, as long as there is room; beyond that the frequent ones: a newcomer is counted in a sketch, and takes the place of a rare
 * element (the rarest of eight at random) once it has been seen more often. What was counted in the sketch alone is the tail, of which only the size is known.
 */
import type { Prng } from '../../lib/prng.ts';
import { KeyTable } from './key-table.ts';
import { CountMinSketch, DistinctCounter } from './sketch.ts';

const looked = 8;

/** What is known of elements that are not followed one by one. */
export interface TailEstimate {
  /** Accesses that were counted in the sketch alone. */
  readonly accesses: number;
  /** Different elements among them, within about 1 %. */
  readonly elements: number;
  /** By how much the count of one may be too high, with a chance of 98 %. */
  readonly countError: number;
}

/** Gives elements numbers as long as there is room. */
export class ElementRegistry {
  readonly #keys = new KeyTable();
  readonly #most: number;
  readonly #prng: Prng;
  readonly #total: (number: number) => number;
  readonly #onReplaced: (number: number) => void;
  #tail: { readonly counts: CountMinSketch; readonly distinct: DistinctCounter } | undefined;

  /** @param total how often an element has been accessed; @param onReplaced its number now belongs to another */
  constructor(options: { readonly most: number; readonly prng: Prng; readonly total: (number: number) => number; readonly onReplaced: (number: number) => void }) {
    this.#most = options.most;
    this.#prng = options.prng;
    this.#total = options.total;
    this.#onReplaced = options.onReplaced;
  }

  get size(): number {
    return this.#keys.size;
  }

  name(number: number): string {
    return this.#keys.name(number);
  }

  /** The number of an element by name, if it is followed. */
  find(name: string): number | undefined {
    return this.#keys.find(name);
  }

  /** An access: the number of the element; undefined when it is in the tail. */
  access(name: string): number | undefined {
    if (this.#keys.size < this.#most) return this.#keys.number(name);
    const known = this.#keys.find(name);
    if (known !== undefined) return known;
    this.#tail ??= { counts: new CountMinSketch(), distinct: new DistinctCounter() };
    this.#tail.distinct.add(name);
    const seen = this.#tail.counts.add(name);
    let rarest = 0;
    for (let look = 0; look < looked; look++) {
      const number = Math.floor(this.#prng.next() * this.#keys.size);
      if (look === 0 || this.#total(number) < this.#total(rarest)) rarest = number;
    }
    if (seen <= this.#total(rarest)) return undefined;
    this.#keys.rename(rarest, name);
    this.#onReplaced(rarest);
    return rarest;
  }

  /** The tail; undefined while there is room for all. */
  get tail(): TailEstimate | undefined {
    return this.#tail && { accesses: this.#tail.counts.total, elements: Math.round(this.#tail.distinct.estimate), countError: this.#tail.counts.errorBound };
  }
}
