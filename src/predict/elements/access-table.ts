/*
 * What is remembered of each element's accesses of one kind: 32 bytes. Exponentially weighted counts at four half-lives, of which each is brought up to date only when
 * the element is accessed again; when it was accessed first and last; how many times, and in how many windows; the mean and spread of the time in between.
 * Time is counted in windows, with the fraction inside one.
 */

/** Half-lives of the weighted counts, in windows. */
export const halfLives = [1, 4, 16, 64] as const;

/** What {@link AccessTable.features} tells of an element: each a number around zero. */
export const featureNames = [
  'log recency', 'log rate, half-life 8', 'log rate, half-life 32', 'log lifetime rate', 'log count', 'log recency by mean gap', 'variation of gaps', 'log age', 'share of active windows',
] as const;

/** How many there are. */
export const featureCount: number = featureNames.length;

const [slow1, slow4, slow16, slow64] = halfLives.map((halfLife) => Math.LN2 / halfLife) as [number, number, number, number];
/** What turns a weighted count into accesses a window: 1 − 2^(−1/half-life). */
const [unit1, unit4, unit16, unit64] = halfLives.map((halfLife) => 1 - 2 ** (-1 / halfLife)) as [number, number, number, number];
const gapWeight = 0.25;
const largestVariation = 3;
/** So that rounding to 32 bits does not carry a time into the next window. */
const largestFraction = 0.99;
const leastRate = 1e-4;

/** Gaps are kept in 16 bits: windows on a logarithmic scale, to 0.05 % from 2⁻¹⁰ to 2²². 0: none yet. */
const gapStep = 2048;
const gapCode = (windows: number): number => Math.max(1, Math.min(65_535, Math.round((Math.log2(windows) + 10) * gapStep)));
const gapOf = (code: number): number => 2 ** (code / gapStep - 10);

/** Windows ahead up to which the level of the last 8 windows counts, from which on that of the last 32, and from which on that of all. */
const [shortAhead, middleAhead, longAhead] = [8, 32, 256] as const;

/** Of levels over the last 8 windows, the last 32 and all, the one to expect so many windows ahead: in between by the logarithm. */
export function blendAhead(horizon: number, short: number, middle: number, all: number): number {
  const between = (from: number, to: number): number => Math.min(1, Math.max(0, Math.log(horizon / from) / Math.log(to / from)));
  if (horizon <= middleAhead) return short + between(shortAhead, middleAhead) * (middle - short);
  return middle + between(middleAhead, longAhead) * (all - middle);
}

/** Memory of the accesses to elements by their numbers. */
export class AccessTable {
  #capacity = 1024;
  #count = 0;
  #e1: Float32Array = new Float32Array(1024);
  #e4: Float32Array = new Float32Array(1024);
  #e16: Float32Array = new Float32Array(1024);
  #e64: Float32Array = new Float32Array(1024);
  #last: Float32Array = new Float32Array(1024);
  #total: Float32Array = new Float32Array(1024);
  #first: Uint16Array = new Uint16Array(1024);
  #active: Uint16Array = new Uint16Array(1024);
  #gap: Uint16Array = new Uint16Array(1024);
  #gapSquare: Uint16Array = new Uint16Array(1024);

  /** Elements up to the highest number that was accessed. */
  get size(): number {
    return this.#count;
  }

  /** Bytes an element takes. */
  static readonly bytesPerElement: number = 32;

  /**
   * An access at a time, in windows; times must not go back. Returns how often the element had been accessed before, if this is its first access in
   * this window, else −1.
   */
  add(number: number, time: number): number {
    if (number >= this.#capacity) this.#grow(number + 1);
    if (number >= this.#count) this.#count = number + 1;
    const window = Math.floor(time);
    const total = this.#total[number] as number;
    if (total === 0) this.#first[number] = Math.min(65_535, window);
    const last = this.#last[number] as number;
    const passed = total === 0 ? 0 : window - Math.floor(last);
    if (passed > 0) {
      this.#e1[number] = (this.#e1[number] as number) * Math.exp(-slow1 * passed);
      this.#e4[number] = (this.#e4[number] as number) * Math.exp(-slow4 * passed);
      this.#e16[number] = (this.#e16[number] as number) * Math.exp(-slow16 * passed);
      this.#e64[number] = (this.#e64[number] as number) * Math.exp(-slow64 * passed);
    }
    this.#e1[number] = (this.#e1[number] as number) + 1;
    this.#e4[number] = (this.#e4[number] as number) + 1;
    this.#e16[number] = (this.#e16[number] as number) + 1;
    this.#e64[number] = (this.#e64[number] as number) + 1;
    if (total > 0) this.#noteGap(number, Math.max(time - last, 2 ** -10));
    if ((total === 0 || passed > 0) && (this.#active[number] as number) < 65_535) this.#active[number] = (this.#active[number] as number) + 1;
    this.#last[number] = window + Math.min(time - window, largestFraction);
    this.#total[number] = total + 1;
    return total === 0 || passed > 0 ? total : -1;
  }

  /** Forgets an element: its number is another's from now on. */
  forget(number: number): void {
    if (number >= this.#count) return;
    for (const array of [this.#e1, this.#e4, this.#e16, this.#e64, this.#last, this.#total, this.#first, this.#active, this.#gap, this.#gapSquare]) array[number] = 0;
  }

  /** Whether the element has been accessed at or after a time. */
  isAccessedSince(number: number, time: number): boolean {
    return number < this.#count && (this.#total[number] as number) > 0 && (this.#last[number] as number) >= time;
  }

  /** Whether it has ever been accessed. */
  has(number: number): boolean {
    return number < this.#count && (this.#total[number] as number) > 0;
  }

  /** How often it has been accessed. */
  total(number: number): number {
    return number < this.#count ? this.#total[number] as number : 0;
  }

  /** When it was accessed last, in windows. */
  last(number: number): number {
    return this.#last[number] as number;
  }

  /** Accesses a window that a half-life of about 8 windows expects, as of the start of a window. */
  rate(number: number, now: number): number {
    if (!this.has(number)) return 0;
    const passed = now - 1 - Math.floor(this.#last[number] as number);
    return 0.5 * ((this.#e4[number] as number) * unit4 * Math.exp(-slow4 * passed) + (this.#e16[number] as number) * unit16 * Math.exp(-slow16 * passed));
  }

  /** Accesses a window to expect so many windows ahead: what lies further ahead goes by what was longer ago. */
  rateAhead(number: number, now: number, horizon: number): number {
    if (!this.has(number)) return 0;
    const passed = now - 1 - Math.floor(this.#last[number] as number);
    const r4 = (this.#e4[number] as number) * unit4 * Math.exp(-slow4 * passed);
    const r16 = (this.#e16[number] as number) * unit16 * Math.exp(-slow16 * passed);
    const r64 = (this.#e64[number] as number) * unit64 * Math.exp(-slow64 * passed);
    return blendAhead(horizon, 0.5 * (r4 + r16), 0.5 * (r16 + r64), (this.#total[number] as number) / Math.max(1, now - (this.#first[number] as number)));
  }

  /** Accesses a window that a half-life of 16 windows expects, and how long ago the last one was: what a {@link HitTable} goes by. */
  recencyAndRate(number: number, now: number): readonly [recency: number, rate: number] {
    const last = this.#last[number] as number;
    return [now - last, (this.#e16[number] as number) * unit16 * Math.exp(-slow16 * (now - 1 - Math.floor(last)))];
  }

  /** The features of an element as of the start of a window, written to `out` from `at` on. It must have been accessed before. */
  features(number: number, now: number, out: Float32Array, at: number): void {
    const last = this.#last[number] as number;
    const total = this.#total[number] as number;
    const passed = now - 1 - Math.floor(last);
    const recency = Math.max(now - last, 0);
    const r4 = (this.#e4[number] as number) * unit4 * Math.exp(-slow4 * passed);
    const r16 = (this.#e16[number] as number) * unit16 * Math.exp(-slow16 * passed);
    const r64 = (this.#e64[number] as number) * unit64 * Math.exp(-slow64 * passed);
    const age = Math.max(1, now - (this.#first[number] as number));
    const gap = this.#gap[number] === 0 ? age : gapOf(this.#gap[number] as number);
    const square = this.#gap[number] === 0 ? 0 : gapOf(this.#gapSquare[number] as number);
    out[at] = Math.log(recency + 0.01);
    out[at + 1] = Math.log(0.5 * (r4 + r16) + leastRate);
    out[at + 2] = Math.log(0.5 * (r16 + r64) + leastRate);
    out[at + 3] = Math.log(total / age + leastRate);
    out[at + 4] = Math.log1p(total);
    out[at + 5] = Math.log((recency + 0.01) / gap);
    out[at + 6] = total < 3 ? largestVariation : Math.min(largestVariation, Math.sqrt(Math.max(0, square ** 2 - gap ** 2)) / gap);
    out[at + 7] = Math.log(age);
    out[at + 8] = (this.#active[number] as number) / age;
  }

  /** The rate of the last windows by the shortest half-life, as of the start of a window. */
  latestRate(number: number, now: number): number {
    return this.has(number) ? (this.#e1[number] as number) * unit1 * Math.exp(-slow1 * (now - 1 - Math.floor(this.#last[number] as number))) : 0;
  }

  #noteGap(number: number, gap: number): void {
    const known = this.#gap[number] as number;
    if (known === 0) {
      this.#gap[number] = this.#gapSquare[number] = gapCode(gap);
      return;
    }
    const mean = gapOf(known);
    const root = gapOf(this.#gapSquare[number] as number);
    this.#gap[number] = gapCode(mean + gapWeight * (gap - mean));
    this.#gapSquare[number] = gapCode(Math.sqrt(root ** 2 + gapWeight * (gap ** 2 - root ** 2)));
  }

  #grow(least: number): void {
    this.#capacity = Math.max(least, this.#capacity * 2);
    const floats = (array: Float32Array): Float32Array => {
      const larger = new Float32Array(this.#capacity);
      larger.set(array);
      return larger;
    };
    const shorts = (array: Uint16Array): Uint16Array => {
      const larger = new Uint16Array(this.#capacity);
      larger.set(array);
      return larger;
    };
    this.#e1 = floats(this.#e1);
    this.#e4 = floats(this.#e4);
    this.#e16 = floats(this.#e16);
    this.#e64 = floats(this.#e64);
    this.#last = floats(this.#last);
    this.#total = floats(this.#total);
    this.#first = shorts(this.#first);
    this.#active = shorts(this.#active);
    this.#gap = shorts(this.#gap);
    this.#gapSquare = shorts(this.#gapSquare);
  }
}
