import { withoutGaps, type Series, type SeriesKind } from './series.ts';

/** A moment further off than so many buckets is none of this series: a broken clock, a zero. */
const mostBuckets = 500_000;

/** Counts requests, or takes samples, by buckets of one length. Moments may come in any order. */
export class SeriesCounter {
  readonly #bucketMs: number;
  readonly #kind: SeriesKind;
  #first = Number.NaN;
  #sums: number[] = [];
  #counts: number[] = [];

  constructor(bucketMs: number, kind: SeriesKind) {
    this.#bucketMs = bucketMs;
    this.#kind = kind;
  }

  /** One request, or a sample of a resource. */
  add(at: number, value = 1): void {
    const bucket = Math.floor(at / this.#bucketMs);
    if (Number.isNaN(this.#first)) this.#first = bucket;
    if (Math.abs(bucket - this.#first) > mostBuckets) return;
    if (bucket < this.#first) {
      const missing = Array.from({ length: this.#first - bucket }, () => 0);
      this.#sums = [...missing, ...this.#sums];
      this.#counts = [...missing, ...this.#counts];
      this.#first = bucket;
    }
    const index = bucket - this.#first;
    while (this.#sums.length <= index) {
      this.#sums.push(0);
      this.#counts.push(0);
    }
    this.#sums[index] = (this.#sums[index] as number) + value;
    this.#counts[index] = (this.#counts[index] as number) + 1;
  }

  /** All that was counted. */
  get total(): number {
    return this.#sums.reduce((sum, value) => sum + value, 0);
  }

  /** The series up to a moment, a whole number of buckets: zeros where nothing came, the last sample where none did. */
  series(name: string, endMs: number): Series {
    const count = Math.max(0, Math.floor(endMs / this.#bucketMs) - this.#first);
    const values = Array.from({ length: count }, (_, index) => {
      const samples = this.#counts[index] ?? 0;
      if (this.#kind === 'rate') return this.#sums[index] ?? 0;
      return samples === 0 ? Number.NaN : (this.#sums[index] as number) / samples;
    });
    return { name, kind: this.#kind, startMs: this.#first * this.#bucketMs, bucketMs: this.#bucketMs, values: withoutGaps(values) };
  }
}
