import type { StateKey } from '../model/state-key.ts';
import { HitTable } from './hit-table.ts';

/** What is remembered of one element: its decayed count as of a window, and that window. */
interface Remembered {
  /** Exponentially weighted accesses a window, as of `window`. */
  rate: number;
  window: number;
  /** Accesses in the window now open. */
  current: number;
}

/** What is to be expected of one element in the next window. */
export interface Expectation {
  readonly key: StateKey;
  readonly probability: number;
  /** Accesses. */
  readonly expected: number;
}

/**
 * Follows how often elements are accessed, window by window, and learns on each window how well recency and frequency foretold
 * it. Rates are exponentially weighted means with a half-life in windows.
 */
export class AccessHistory {
  readonly #elements = new Map<StateKey, Remembered>();
  readonly #table = new HitTable();
  readonly #decay: number;
  #window = 0;

  constructor(halfLifeWindows: number) {
    this.#decay = 0.5 ** (1 / halfLifeWindows);
  }

  /** An access in the open window. */
  count(key: StateKey): void {
    const known = this.#elements.get(key);
    if (known === undefined) this.#elements.set(key, { rate: 0, window: this.#window, current: 1 });
    else known.current += 1;
  }

  /** Closes the open window and lets `idle` further ones pass in which nothing was accessed. */
  close(idle = 0): void {
    this.#table.age();
    for (const known of this.#elements.values()) {
      const isNew = known.window === this.#window;
      if (!isNew) this.#table.learn(this.#window - known.window, this.#rateAt(known, this.#window), known.current > 0);
      if (known.current === 0) continue;
      // A new element starts from what it showed; any other moves towards it.
      known.rate = isNew ? known.current : this.#rateAt(known, this.#window) + (1 - this.#decay) * known.current;
      known.current = 0;
      // From here on `window` is the first one that this access does not belong to.
      known.window = this.#window;
    }
    this.#window += 1 + idle;
  }

  /** What the next window is expected to bring, for every element seen. */
  *expectations(): Generator<Expectation> {
    for (const [key, known] of this.#elements) {
      const expected = this.#rateAt(known, this.#window);
      yield { key, expected, probability: this.#table.probability(this.#window - known.window, expected) };
    }
  }

  /** The rate after windows without an access. */
  #rateAt(known: Remembered, window: number): number {
    return known.rate * this.#decay ** (window - known.window);
  }
}
