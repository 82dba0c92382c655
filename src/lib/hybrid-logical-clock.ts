/** 2025-01-01, from where times are counted: 41 bits of milliseconds last until 2094. */
const origin = 1_735_689_600_000;
const counts = 4096;

/**
 * A hybrid logical clock (Kulkarni et al. 2014): close to wall-clock time, and later than everything it has received. A time is one safe integer, milliseconds × 4096 + counter; a
 * full counter runs on into the next millisecond.
 */
export class HybridLogicalClock {
  readonly #now: () => number;
  #last = 0;

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A time later than all before. */
  tick(): number {
    this.#last = Math.max((this.#now() - origin) * counts, this.#last + 1);
    return this.#last;
  }

  /** Takes note of a time from elsewhere: what is ticked from now on is later. */
  receive(time: number): void {
    this.#last = Math.max(this.#last, time);
  }
}
