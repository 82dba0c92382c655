/*
 * How likely is an element to be accessed in a window? Intuition: elements accessed as recently and as often as this one were, in the past, hit so and so often
 * afterwards. Method: a table of (log recency × log rate) → hits ÷ cases. 1 − exp(−rate) would be far too sure of itself, because accesses come in bursts.
 * It has most of the skill there is, cannot explode, and so is what everything else falls back to.
 */
import type { LabelledRows } from './logistic.ts';

const side = 24;
/** Cases by which a cell leans towards the average. */
const lean = 0.5;

/** Learnt hit rates by recency and rate: the first two features of a row. */
export class HitTable {
  readonly #cases = new Float64Array(side * side);
  readonly #hits = new Float64Array(side * side);
  #allCases = 0;
  #allHits = 0;

  /** Learns from rows of `width` features. */
  static fit(rows: LabelledRows, width: number): HitTable {
    const table = new HitTable();
    for (let row = 0; row < rows.count; row++) {
      const cell = cellOf(rows.features[row * width] as number, rows.features[row * width + 1] as number);
      const weight = rows.weights[row] as number;
      const hit = weight * (rows.hits[row] as number);
      table.#cases[cell] = (table.#cases[cell] as number) + weight;
      table.#hits[cell] = (table.#hits[cell] as number) + hit;
      table.#allCases += weight;
      table.#allHits += hit;
    }
    return table;
  }

  /** Probability of an access, strictly between 0 and 1. */
  probability(logRecency: number, logRate: number): number {
    const cell = cellOf(logRecency, logRate);
    return ((this.#hits[cell] as number) + lean * this.baseRate) / ((this.#cases[cell] as number) + lean);
  }

  /** Share of hits among all cases. */
  get baseRate(): number {
    return (this.#allHits + 0.5) / (this.#allCases + 1);
  }
}

function cellOf(logRecency: number, logRate: number): number {
  return clip(Math.floor((logRecency + 4.6) * 2.2)) * side + clip(Math.floor((logRate + 9.3) * 1.7));
}

function clip(value: number): number {
  return Math.max(0, Math.min(side - 1, value));
}
