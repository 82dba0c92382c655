/*
 * Follows accesses of one kind window by window and keeps what a model learns from: at the start of each window the features of some elements (those that were accessed
 * lately more densely than the others, with weights that make up for it), and at the ends of that and later windows, whether they were accessed.
 */
import type { Prng } from '../../lib/prng.ts';
import { AccessTable, featureCount } from './access-table.ts';
import type { LabelledRows } from './logistic.ts';

/** Windows ahead that are learnt: the next one, the sixth and the twenty-fourth. */
export const horizons = [1, 6, 24] as const;

/** Sampled elements a window: of those accessed in the last eight windows, and of the others. */
const lately = 8;
const sampledRecent = 10_000;
const sampledOthers = 5_000;
/** Windows whose accesses are kept one by one, for the sequences that the LSTM reads. */
export const keptWindows = 30;
const mostLogged = 300_000;
/** Labelled windows that are kept, however many elements they sampled. */
export const learntWindows = 12;
/** Sampled elements up to which more windows than these are kept: where a window sees little, few say nothing. */
const keptRows = 180_000;
/** And never more than so many: most of a long silence is the same. */
const mostKept = 1000;

/** Some elements as they were at the start of a window. */
export interface Snapshot {
  readonly window: number;
  readonly numbers: Int32Array;
  /** Row by row, {@link featureCount} each. */
  readonly features: Float32Array;
  readonly weights: Float32Array;
  /** By horizon, once known: whether each element was accessed in the window so far ahead. */
  readonly labels: Map<number, Uint8Array>;
}

/** Which elements a window saw, and how often. */
export interface WindowLog { readonly window: number; readonly numbers: Int32Array; readonly counts: Float32Array }

/** The history of accesses of one kind. */
export class ElementHistory {
  readonly table: AccessTable = new AccessTable();
  readonly #prng: Prng;
  #touched: number[] = [];
  #before: number[] = [];
  readonly #logs: WindowLog[] = [];
  readonly #snapshots: Snapshot[] = [];
  /** Elements sampled in them. */
  #rows = 0;
  #stamps = new Int32Array(1024);
  #accesses = 0;
  readonly #volumes: number[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** An access in the open window, at a time in windows. */
  add(number: number, time: number): void {
    const before = this.table.add(number, time);
    this.#accesses++;
    if (before < 0) return;
    this.#touched.push(number);
    this.#before.push(before);
  }

  /** The open window, number `window`, is over. */
  close(window: number): void {
    const numbers = Int32Array.from(this.#touched);
    const counts = Float32Array.from(numbers, (number, index) => this.table.total(number) - (this.#before[index] as number));
    this.#touched = [];
    this.#before = [];
    this.#logs.push(numbers.length > mostLogged ? { window, numbers: numbers.subarray(0, mostLogged), counts: counts.subarray(0, mostLogged) } : { window, numbers, counts });
    if (this.#logs.length > keptWindows) this.#logs.shift();
    this.#volumes.push(this.#accesses);
    this.#accesses = 0;
    for (const horizon of horizons) {
      const snapshot = this.#snapshots.findLast((one) => one.window <= window - horizon + 1);
      if (snapshot?.window === window - horizon + 1) snapshot.labels.set(horizon, Uint8Array.from(snapshot.numbers, (number) => (this.table.isAccessedSince(number, window) ? 1 : 0)));
    }
    const oldest = window - Math.max(...horizons) - learntWindows;
    this.#snapshots.push(this.#snapshot(window + 1));
    this.#rows += this.#snapshots.at(-1)?.numbers.length ?? 0;
    while ((this.#rows > keptRows || this.#snapshots.length > mostKept) && (this.#snapshots[0] as Snapshot).window <= oldest) this.#rows -= this.#snapshots.shift()?.numbers.length ?? 0;
  }

  /** Accesses a window, oldest first. */
  get volumes(): readonly number[] {
    return this.#volumes;
  }

  /** What the last windows saw, oldest first. */
  get logs(): readonly WindowLog[] {
    return this.#logs;
  }

  /** Snapshots whose outcome so far ahead is known, oldest first. */
  labelled(horizon: number): Snapshot[] {
    return this.#snapshots.filter((one) => one.labels.has(horizon));
  }

  #snapshot(window: number): Snapshot {
    const recent = this.#recent(window);
    const chosen: number[] = [];
    const weights: number[] = [];
    const step = Math.max(1, recent.length / sampledRecent);
    for (let at = this.#prng.next() * step; at < recent.length; at += step) {
      chosen.push(recent[Math.floor(at)] as number);
      weights.push(step);
    }
    const others = this.#others(window, recent.length);
    for (const number of others.numbers) {
      chosen.push(number);
      weights.push(others.weight);
    }
    const features = new Float32Array(chosen.length * featureCount);
    chosen.forEach((number, row) => this.table.features(number, window, features, row * featureCount));
    return { window, numbers: Int32Array.from(chosen), features, weights: Float32Array.from(weights), labels: new Map() };
  }

  /** Elements accessed in the last windows, each once. */
  #recent(window: number): number[] {
    if (this.#stamps.length < this.table.size) {
      const larger = new Int32Array(Math.max(this.table.size, this.#stamps.length * 2));
      larger.set(this.#stamps);
      this.#stamps = larger;
    }
    const found: number[] = [];
    for (const log of this.#logs.slice(-lately)) {
      for (const number of log.numbers) {
        if (this.#stamps[number] === window) continue;
        this.#stamps[number] = window;
        found.push(number);
      }
    }
    return found;
  }

  /** Elements that were not: drawn at random among all, those just stamped left out. */
  #others(window: number, recent: number): { readonly numbers: readonly number[]; readonly weight: number } {
    const numbers: number[] = [];
    const { size } = this.table;
    if (size - recent <= sampledOthers) {
      for (let number = 0; number < size; number++) if (this.#stamps[number] !== window && this.table.has(number)) numbers.push(number);
      return { numbers, weight: 1 };
    }
    let draws = 0;
    for (; numbers.length < sampledOthers && draws < 20 * sampledOthers; draws++) {
      const number = Math.floor(this.#prng.next() * size);
      if (this.#stamps[number] !== window && this.table.has(number)) numbers.push(number);
    }
    return { numbers, weight: size / Math.max(1, draws) };
  }
}

/** Snapshots as rows to learn from, those of later windows last. */
export function rowsOf(snapshots: readonly Snapshot[], horizon: number): LabelledRows {
  const count = snapshots.reduce((sum, snapshot) => sum + snapshot.numbers.length, 0);
  const rows = { features: new Float32Array(count * featureCount), hits: new Uint8Array(count), weights: new Float32Array(count), count };
  let row = 0;
  for (const snapshot of snapshots) {
    rows.features.set(snapshot.features, row * featureCount);
    rows.hits.set(snapshot.labels.get(horizon) as Uint8Array, row);
    rows.weights.set(snapshot.weights, row);
    row += snapshot.numbers.length;
  }
  return rows;
}
