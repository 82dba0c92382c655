/*
 * How likely is an element to be accessed in the next window? Intuition: elements accessed as recently and as often as this one were,
 * in the past, hit so and so often in the window after. Method: a table of (log recency × log frequency) → hits ÷ cases, learnt on windows held
 * back one at a time: before a window is learnt from, every element known until then counts as a case in its cell, and as a hit
 * when the window touches it. 1 − exp(−rate) would be far too sure of itself, because accesses come in bursts (facts/prediction.md 6).
 * Limits: one window ahead; elements never seen have no cell; the last 8 windows or so decide.
 */

const side = 24;
/** A window's cases count half as much after this many windows: about the last 8 decide. */
const forget = 0.5 ** (1 / 4);

/** Learnt hit rates by recency and frequency. */
export class HitTable {
  readonly #cases = new Float64Array(side * side);
  readonly #hits = new Float64Array(side * side);
  #allCases = 0;
  #allHits = 0;

  /** One held-back window is over: older ones count for less from now on. */
  age(): void {
    for (let cell = 0; cell < side * side; cell++) {
      this.#cases[cell] = (this.#cases[cell] ?? 0) * forget;
      this.#hits[cell] = (this.#hits[cell] ?? 0) * forget;
    }
    this.#allCases *= forget;
    this.#allHits *= forget;
  }

  /** Counts a case: an element of this recency (windows since its last access, at least 1) and frequency (accesses a window). */
  learn(recency: number, frequency: number, hit: boolean): void {
    const cell = cellOf(recency, frequency);
    this.#cases[cell] = (this.#cases[cell] ?? 0) + 1;
    this.#allCases += 1;
    if (!hit) return;
    this.#hits[cell] = (this.#hits[cell] ?? 0) + 1;
    this.#allHits += 1;
  }

  /** Probability of an access in the next window, strictly between 0 and 1. Cells with few cases lean towards the average. */
  probability(recency: number, frequency: number): number {
    const cell = cellOf(recency, frequency);
    const base = (this.#allHits + 0.5) / (this.#allCases + 1);
    return ((this.#hits[cell] ?? 0) + 0.5 * base) / ((this.#cases[cell] ?? 0) + 0.5);
  }
}

function cellOf(recency: number, frequency: number): number {
  const row = Math.floor((Math.log(recency + 0.01) + 4.6) * 2.2);
  const column = Math.floor((Math.log(frequency + 1e-4) + 9.3) * 1.7);
  return clip(row) * side + clip(column);
}

function clip(value: number): number {
  return Math.max(0, Math.min(side - 1, value));
}
