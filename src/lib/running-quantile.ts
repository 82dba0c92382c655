/** A quantile of the last values seen: of 128 of them at most, computed anew every 16. */
export class RunningQuantile {
  readonly #share: number;
  readonly #values = new Float64Array(128);
  #count = 0;
  #value = Number.NaN;

  /** @param share which quantile, 0 to 1 */
  constructor(share: number) {
    this.#share = share;
  }

  /** Counts a value in. */
  record(value: number): void {
    this.#values[this.#count % this.#values.length] = value;
    this.#count += 1;
    if (this.#count % 16 !== 0) return;
    const sorted = this.#values.slice(0, Math.min(this.#count, this.#values.length)).sort();
    this.#value = sorted[Math.ceil(this.#share * sorted.length) - 1] as number;
  }

  /** The quantile; NaN until 16 values were seen. */
  get value(): number {
    return this.#value;
  }
}
