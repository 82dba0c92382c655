/** Latencies in buckets that grow by a quarter, from 1 µs to about 10 minutes: quantiles are right to 12 %. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(91);
  #count = 0;
  #sumMs = 0;

  /** Counts one latency in milliseconds. */
  record(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, 0.001) / 0.001) / Math.log(1.25));
    this.#counts[Math.min(bucket, 90)] = (this.#counts[Math.min(bucket, 90)] as number) + 1;
    this.#count += 1;
    this.#sumMs += ms;
  }

  /** The latency that this share (0..1) of all stayed below, in milliseconds; 0 when there are none. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#count));
    if (this.#count === 0) return 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket] as number;
      if (left <= 0) return 0.001 * 1.25 ** bucket;
    }
    return 0.001 * 1.25 ** 90;
  }

  /** Upper ends of the buckets that hold anything, in milliseconds, with how many latencies were no longer. */
  cumulated(): [number, number][] {
    let sum = 0;
    return [...this.#counts].flatMap((count, bucket): [number, number][] => (count === 0 ? [] : [[0.001 * 1.25 ** bucket, (sum += count)]]));
  }

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }
}
