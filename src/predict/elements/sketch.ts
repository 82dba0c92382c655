/*
 * Counting more than fits: a Count-Min sketch (Cormode & Muthukrishnan 2005) with conservative update (Estan & Varghese 2002) for how often, HyperLogLog (Flajolet
 * et al. 2007) for how many different ones. Both never forget and never undercount; how far they may be off is part of what they tell.
 */
import { murmur3 } from '../../lib/hash.ts';

const rows = 4;

/** Counts names approximately: never too few. */
export class CountMinSketch {
  readonly #width: number;
  readonly #counts: Uint32Array;
  #total = 0;

  /** @param width cells a row, a power of two */
  constructor(width: number = 1 << 17) {
    this.#width = width;
    this.#counts = new Uint32Array(rows * width);
  }

  /** Counts a name; returns its estimate. */
  add(name: string): number {
    const places = this.#places(name);
    const estimate = Math.min(...places.map((place) => this.#counts[place] as number)) + 1;
    for (const place of places) if ((this.#counts[place] as number) < estimate) this.#counts[place] = estimate;
    this.#total++;
    return estimate;
  }

  estimate(name: string): number {
    return Math.min(...this.#places(name).map((place) => this.#counts[place] as number));
  }

  /** All that was counted. */
  get total(): number {
    return this.#total;
  }

  /** By how much an estimate may be too high, with a chance of 98 %: e ÷ width of all that was counted. */
  get errorBound(): number {
    return Math.ceil((Math.E / this.#width) * this.#total);
  }

  #places(name: string): number[] {
    const first = murmur3(name, 1);
    const second = murmur3(name, 2) | 1;
    return Array.from({ length: rows }, (_, row) => row * this.#width + (((first + row * second) >>> 0) & (this.#width - 1)));
  }
}

const precision = 14;
const registers = 1 << precision;

/** Counts different names, within about 1 %. */
export class DistinctCounter {
  readonly #ranks = new Uint8Array(registers);

  add(name: string): void {
    const hash = murmur3(name, 3);
    const place = hash >>> (32 - precision);
    const rank = Math.clz32((murmur3(name, 4) | 1) >>> 0) + 1;
    if ((this.#ranks[place] as number) < rank) this.#ranks[place] = rank;
  }

  get estimate(): number {
    let [sum, zeros] = [0, 0];
    for (const rank of this.#ranks) {
      sum += 2 ** -rank;
      if (rank === 0) zeros++;
    }
    const raw = (0.7213 / (1 + 1.079 / registers)) * registers ** 2 / sum;
    return raw <= 2.5 * registers && zeros > 0 ? registers * Math.log(registers / zeros) : raw;
  }
}
