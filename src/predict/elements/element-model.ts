/*
 * P(access) of each element in a coming window: the mean log-odds of a logistic model on recency, frequency and renewal, and, for the next window and the hottest
 * elements, of an LSTM over what the last windows saw; calibrated (Platt 1999) on windows held back. Where the table of (recency × rate) told those windows
 * better, the table is used: it cannot explode when nothing repeats.
 */
import type { Prng } from '../../lib/prng.ts';
import type { LstmKernel } from '../lstm/kernel.ts';
import { featureCount } from './access-table.ts';
import { horizons, learntWindows, rowsOf, type ElementHistory, type Snapshot } from './element-history.ts';
import { ElementLstm } from './element-lstm.ts';
import { HitTable } from './hit-table.ts';
import { LogisticModel, logit, sigmoid, type LabelledRows } from './logistic.ts';
import { scoreProbabilities, type ProbabilityScore } from './probability-score.ts';

/** Windows held back to choose and to calibrate; more where windows see few accesses, up to a third. */
const heldBack = 2;
/** Windows a logistic model and a table learn from; more where windows see few accesses. */
const learnt = 8;
/** Accesses that the windows held back must have seen for more than the base rate to be believed. */
const leastHits = 30;
/** Accesses that a model learns from where windows see few. */
const enoughHits = 100;
/** Elements that the LSTM is asked about. */
const hottest = 50_000;

/** How the probabilities of one horizon are made. */
export interface HorizonModel {
  /** Windows ahead. */
  readonly horizon: number;
  readonly method: 'logistic and LSTM' | 'logistic' | 'table' | 'base rate';
  /** On the windows held back: what was chosen, and what the others would have been. */
  readonly scores: readonly { readonly method: string; readonly score: ProbabilityScore }[];
}

/** What the model is given beside the history. */
export interface ElementModelOptions {
  readonly prng: Prng;
  /** A kernel with a memory of its own; left out: no LSTM. */
  readonly kernel?: () => LstmKernel;
}

interface Fitted { readonly info: HorizonModel; readonly logistic: LogisticModel | undefined; readonly table: HitTable; readonly lstm: ElementLstm | undefined; readonly calibration: Calibration }

interface Calibration { readonly slope: number; readonly intercept: number }

const identity: Calibration = { slope: 1, intercept: 0 };

/** P(access) of some elements by how far ahead: between learnt horizons by their log-odds. */
export class ProbabilityCurves {
  readonly #horizons: readonly number[];
  readonly #logits: readonly Float32Array[];

  constructor(horizons: readonly number[], logits: readonly Float32Array[]) {
    this.#horizons = horizons;
    this.#logits = logits;
  }

  /** P(access) of the element in this row in the window so far ahead; 1: the next one. */
  at(row: number, horizon: number): number {
    const after = this.#horizons.findIndex((known) => known >= horizon);
    const right = (this.#logits[after < 0 ? this.#logits.length - 1 : after] as Float32Array)[row] as number;
    if (after <= 0 || this.#horizons[after] === horizon) return sigmoid(right);
    const left = (this.#logits[after - 1] as Float32Array)[row] as number;
    const [near, far] = [Math.log(this.#horizons[after - 1] as number), Math.log(this.#horizons[after] as number)];
    return sigmoid(left + ((Math.log(horizon) - near) / (far - near)) * (right - left));
  }
}

/** Probabilities of all elements of a history, as of the start of its next window. */
export class ElementModel {
  readonly #history: ElementHistory;
  readonly #fitted: readonly Fitted[];

  private constructor(history: ElementHistory, fitted: readonly Fitted[]) {
    this.#history = history;
    this.#fitted = fitted;
  }

  /** Learns from what the history has labelled. */
  static fit(history: ElementHistory, options: ElementModelOptions): ElementModel {
    const fitted = horizons.flatMap((horizon) => {
      const snapshots = history.labelled(horizon);
      return snapshots.length < 2 ? [] : [fitHorizon(history, snapshots, horizon, options)];
    });
    return new ElementModel(history, fitted);
  }

  /** How the probabilities of each horizon are made; empty: too little history for any. */
  get models(): readonly HorizonModel[] {
    return this.#fitted.map(({ info }) => info);
  }

  /** Log-odds of an access at each learnt horizon for elements by number, as of the window that begins at `now`. */
  curves(numbers: Int32Array, now: number): ProbabilityCurves {
    if (this.#fitted.length === 0) return new ProbabilityCurves([1], [this.#byRate(numbers, now)]);
    return new ProbabilityCurves(this.#fitted.map(({ info }) => info.horizon), this.#fitted.map((fitted) => this.#logits(fitted, numbers, now)));
  }

  /** Expected accesses a window by the LSTM, where it is used; undefined otherwise. */
  expectedCounts(numbers: Int32Array, now: number): Float32Array | undefined {
    return this.#fitted[0]?.lstm?.predict(this.#history.table, this.#history.logs, now, numbers).counts;
  }

  /** With nothing learnt: accesses as if independent, at half their rate since they come in bursts. */
  #byRate(numbers: Int32Array, now: number): Float32Array {
    return Float32Array.from(numbers, (number) => logit(1 - Math.exp(-0.5 * this.#history.table.rate(number, now))));
  }

  #logits(fitted: Fitted, numbers: Int32Array, now: number): Float32Array {
    const features = new Float32Array(featureCount);
    const { table } = this.#history;
    const { logistic, lstm, calibration, info } = fitted;
    const logits = new Float32Array(numbers.length);
    numbers.forEach((number, row) => {
      table.features(number, now, features, 0);
      logits[row] = info.method === 'base rate' ? logit(fitted.table.baseRate)
        : logistic === undefined || info.method === 'table' ? logit(fitted.table.probability(features[0] as number, features[1] as number)) : logistic.logit(features, 0);
    });
    if (lstm !== undefined && info.method === 'logistic and LSTM') {
      const rows = hottestRows(numbers, (number) => table.rate(number, now));
      const { logits: more } = lstm.predict(table, this.#history.logs, now, Int32Array.from(rows, (row) => numbers[row] as number));
      rows.forEach((row, index) => (logits[row] = 0.5 * ((logits[row] as number) + (more[index] as number))));
    }
    if (calibration !== identity) for (let row = 0; row < logits.length; row++) logits[row] = calibration.slope * (logits[row] as number) + calibration.intercept;
    return logits;
  }
}

function hottestRows(numbers: Int32Array, rate: (number: number) => number): number[] {
  const rows = Array.from(numbers.keys());
  if (rows.length <= hottest) return rows;
  const rates = Float32Array.from(numbers, rate);
  return rows.sort((a, b) => (rates[b] as number) - (rates[a] as number)).slice(0, hottest);
}

function fitHorizon(history: ElementHistory, snapshots: readonly Snapshot[], horizon: number, { prng, kernel }: ElementModelOptions): Fitted {
  // Where windows see much and little of it was there before, more windows would say nothing else.
  const isSparse = mean(history.volumes.slice(-learnt)) < leastHits;
  const held = latest(snapshots, horizon, { least: Math.min(heldBack, snapshots.length - 1), most: isSparse ? Math.floor(snapshots.length / 3) : heldBack, hits: leastHits });
  const older = snapshots.slice(0, -held.length);
  const lessons = rowsOf(latest(older, horizon, { least: learnt, most: isSparse ? older.length : learnt, hits: enoughHits }), horizon);
  // the accesses of long ago are not kept one by one
  const recent = snapshots.slice(-learntWindows);
  const withLstm = horizon === 1 && kernel !== undefined;
  const trial = {
    logistic: LogisticModel.fit(lessons, featureCount), table: HitTable.fit(lessons, featureCount),
    lstm: withLstm && recent.length > held.length ? ElementLstm.fit(recent.slice(0, -held.length), history.logs, prng, kernel()) : undefined,
  };
  const rows = rowsOf(held, horizon);
  const candidates = candidatesOf(trial, rows, held, history);
  const hits = rows.hits.reduce((sum, hit) => sum + hit, 0);
  if (hits < leastHits) for (const method of candidates.keys()) if (method !== 'base rate') candidates.delete(method);
  const scores = [...candidates].map(([method, logits]) => ({ method, score: scoreProbabilities(logits.map(sigmoid), rows) }));
  const best = scores.reduce((least, one) => (one.score.logLoss < least.score.logLoss ? one : least));
  const method = best.method as HorizonModel['method'];
  const calibration = method === 'base rate' ? identity : calibrate(candidates.get(method) as Float32Array, rows);
  const all = rowsOf(latest(snapshots, horizon, { least: learnt, most: isSparse ? snapshots.length : learnt, hits: enoughHits }), horizon);
  return {
    info: { horizon, method, scores }, calibration, table: HitTable.fit(all, featureCount),
    logistic: method === 'table' ? undefined : LogisticModel.fit(all, featureCount) ?? trial.logistic,
    lstm: method === 'logistic and LSTM' && kernel !== undefined ? ElementLstm.fit(recent, history.logs, prng, kernel()) ?? trial.lstm : undefined,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The last snapshots: at least and at most so many, in between as many as saw so many accesses. */
function latest(snapshots: readonly Snapshot[], horizon: number, { least, most, hits }: { readonly least: number; readonly most: number; readonly hits: number }): readonly Snapshot[] {
  let [count, seen] = [0, 0];
  while (count < snapshots.length && (count < least || (count < most && seen < hits))) {
    count++;
    for (const hit of (snapshots[snapshots.length - count] as Snapshot).labels.get(horizon) ?? []) seen += hit;
  }
  return count === 0 ? [] : snapshots.slice(-count);
}

function candidatesOf(
  { logistic, table, lstm }: Pick<Fitted, 'logistic' | 'table' | 'lstm'>, rows: LabelledRows, held: readonly Snapshot[], history: ElementHistory,
): Map<string, Float32Array> {
  const candidates = new Map<string, Float32Array>();
  const each = (of: (at: number) => number): Float32Array => Float32Array.from({ length: rows.count }, (_, row) => of(row * featureCount));
  if (logistic !== undefined) {
    const logits = each((at) => logistic.logit(rows.features, at));
    if (lstm !== undefined) {
      const more = held.flatMap((snapshot) => [...lstm.predictSnapshot(snapshot, history.logs).logits]);
      candidates.set('logistic and LSTM', logits.map((value, row) => 0.5 * (value + (more[row] as number))));
    }
    candidates.set('logistic', logits);
  }
  candidates.set('table', each((at) => logit(table.probability(rows.features[at] as number, rows.features[at + 1] as number))));
  candidates.set('base rate', each(() => logit(table.baseRate)));
  return candidates;
}

/** Slope and intercept on the log-odds, drawn towards 1 and 0: a few windows must not bend much. */
function calibrate(logits: Float32Array, rows: LabelledRows): Calibration {
  const cases = rows.weights.reduce((sum, weight) => sum + weight, 0);
  const hold = 0.02 * cases * 0.1;
  let [slope, intercept] = [1, 0];
  for (let iteration = 0; iteration < 10; iteration++) {
    let [g0, g1, h00, h01, h11] = [-hold * (slope - 1), -hold * intercept, hold, 0, hold];
    for (let row = 0; row < rows.count; row++) {
      const z = logits[row] as number;
      const weight = rows.weights[row] as number;
      const p = sigmoid(slope * z + intercept);
      const curvature = weight * p * (1 - p);
      const error = weight * ((rows.hits[row] as number) - p);
      g0 += error * z;
      g1 += error;
      h00 += curvature * z * z;
      h01 += curvature * z;
      h11 += curvature;
    }
    const determinant = h00 * h11 - h01 * h01;
    if (determinant <= 1e-9) return identity;
    slope += (h11 * g0 - h01 * g1) / determinant;
    intercept += (h00 * g1 - h01 * g0) / determinant;
  }
  return slope > 0.5 && slope < 2 && Math.abs(intercept) < 2 ? { slope, intercept } : identity;
}
