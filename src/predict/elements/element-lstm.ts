/*
 * An LSTM over what the last sixteen windows saw of an element: it sees bursts and pauses that averages blur. For the hottest elements, beside the logistic model
 * whose features it gets too. It tells the log-odds of an access and the logarithm of the expected count.
 */
import type { Prng } from '../../lib/prng.ts';
import type { LstmKernel } from '../lstm/kernel.ts';
import { LstmNetwork } from '../lstm/network.ts';
import { featureCount, type AccessTable } from './access-table.ts';
import type { Snapshot, WindowLog } from './element-history.ts';
import { sigmoid } from './logistic.ts';

const steps = 16;
const inputs = 3;
const hidden = 16;
const batch = 128;
const outputs = 2;
const training = { rate: 3e-3, weightDecay: 1e-3, clip: 1, steps: 900 };
const countShare = 0.3;
const largestGradient = 20;
const rowsPerWindow = 3000;
const learntWindows = 12;
const leastRows = 2000;

interface Scale { readonly mean: Float64Array; readonly spread: Float64Array }

/** The trained network with what it needs to be asked. */
export class ElementLstm {
  readonly #network: LstmNetwork;
  readonly #scale: Scale;

  private constructor(network: LstmNetwork, scale: Scale) {
    this.#network = network;
    this.#scale = scale;
  }

  /** Trains on snapshots whose next window is known and that have sixteen windows before them. undefined: too few. */
  static fit(snapshots: readonly Snapshot[], logs: readonly WindowLog[], prng: Prng, kernel: LstmKernel): ElementLstm | undefined {
    const usable = snapshots.slice(-learntWindows).filter(({ window, labels }) => labels.has(1) && (logs[0]?.window ?? Infinity) <= window - steps);
    const sets = usable.map((snapshot) => trainingRows(snapshot, logs, prng));
    const count = sets.reduce((sum, set) => sum + set.hits.length, 0);
    if (count < leastRows || !sets.some((set) => set.hits.includes(1))) return undefined;
    const scale = scaleOf(sets.map((set) => set.features));
    const network = new LstmNetwork(kernel, { inputs, hidden, steps, skips: featureCount, outputs, batch }, prng);
    const order = sets.flatMap((set, index) => Array.from({ length: set.hits.length }, (_, row) => [index, row] as const));
    const model = new ElementLstm(network, scale);
    for (let step = 0; step < training.steps; step++) {
      const drawn = Array.from({ length: batch }, () => order[Math.floor(prng.next() * order.length)] as readonly [number, number]);
      const x = network.inputs(batch);
      drawn.forEach(([index, row], place) => model.#fill(x, { place, rows: batch, sequence: (sets[index] as RowSet).sequences, features: (sets[index] as RowSet).features, row }));
      const rate = training.rate * (0.5 + 0.5 * Math.cos((Math.PI * step) / training.steps));
      network.train(batch, (out, rows) => lossOf(out, rows, drawn.map(([index, row]) => caseOf(sets[index] as RowSet, row))), { ...training, rate });
    }
    return model;
  }

  /** Log-odds of an access in the window that begins at `now`, and the expected count, for these elements. */
  predict(table: AccessTable, logs: readonly WindowLog[], now: number, numbers: Int32Array): { readonly logits: Float32Array; readonly counts: Float32Array } {
    const sequences = sequencesOf(numbers, now, logs);
    const features = new Float32Array(numbers.length * featureCount);
    numbers.forEach((number, row) => table.features(number, now, features, row * featureCount));
    return this.predictRows(sequences, features, numbers.length);
  }

  /** The same for elements as a snapshot has them. */
  predictSnapshot(snapshot: Snapshot, logs: readonly WindowLog[]): { readonly logits: Float32Array; readonly counts: Float32Array } {
    return this.predictRows(sequencesOf(snapshot.numbers, snapshot.window, logs), snapshot.features, snapshot.numbers.length);
  }

  private predictRows(sequence: Float32Array, features: Float32Array, count: number): { readonly logits: Float32Array; readonly counts: Float32Array } {
    const [logits, counts] = [new Float32Array(count), new Float32Array(count)];
    for (let from = 0; from < count; from += batch) {
      const rows = Math.min(batch, count - from);
      const x = this.#network.inputs(rows);
      for (let place = 0; place < rows; place++) this.#fill(x, { place, rows, sequence, features, row: from + place });
      const out = this.#network.predict(rows);
      for (let place = 0; place < rows; place++) {
        logits[from + place] = out[place * outputs] as number;
        counts[from + place] = Math.exp(Math.min(15, out[place * outputs + 1] as number));
      }
    }
    return { logits, counts };
  }

  #fill(x: Float32Array, { place, rows, sequence, features, row }: { readonly place: number; readonly rows: number; readonly sequence: Float32Array; readonly features: Float32Array; readonly row: number }): void {
    for (let t = 0; t < steps; t++) {
      const count = sequence[row * steps + t] as number;
      const at = (t * rows + place) * inputs;
      x[at] = Math.log1p(count);
      x[at + 1] = count > 0 ? 1 : 0;
      x[at + 2] = t / steps - 0.5;
    }
    this.#network.setSkips(place, Array.from({ length: featureCount }, (_, i) => {
      const standard = ((features[row * featureCount + i] as number) - (this.#scale.mean[i] as number)) / (this.#scale.spread[i] as number);
      return Math.max(-3, Math.min(3, standard));
    }));
  }
}

interface RowSet { readonly sequences: Float32Array; readonly features: Float32Array; readonly hits: Uint8Array; readonly counts: Float32Array; readonly weights: Float32Array }

/** Rows of one snapshot: as many hits as misses, weighted back. */
function trainingRows(snapshot: Snapshot, logs: readonly WindowLog[], prng: Prng): RowSet {
  const labels = snapshot.labels.get(1) as Uint8Array;
  const [hit, miss] = [1, 0].map((label) => Array.from(labels.keys()).filter((row) => labels[row] === label));
  const chosen: number[] = [];
  const scale: number[] = [];
  for (const rows of [hit as number[], miss as number[]]) {
    const share = Math.min(1, rowsPerWindow / 2 / Math.max(1, rows.length));
    for (const row of rows) {
      if (prng.next() >= share) continue;
      chosen.push(row);
      scale.push(1 / share);
    }
  }
  const features = new Float32Array(chosen.length * featureCount);
  chosen.forEach((row, index) => features.set(snapshot.features.subarray(row * featureCount, (row + 1) * featureCount), index * featureCount));
  const numbers = Int32Array.from(chosen, (row) => snapshot.numbers[row] as number);
  return {
    features, sequences: sequencesOf(numbers, snapshot.window, logs), hits: Uint8Array.from(chosen, (row) => labels[row] as number),
    counts: columnOf(numbers, snapshot.window, logs), weights: Float32Array.from(chosen, (row, index) => (snapshot.weights[row] as number) * (scale[index] as number)),
  };
}

/** Counts of the sixteen windows before `now`, row by row. */
function sequencesOf(numbers: Int32Array, now: number, logs: readonly WindowLog[]): Float32Array {
  const rows = rowsByNumber(numbers);
  const sequences = new Float32Array(numbers.length * steps);
  for (const log of logs) {
    const t = log.window - (now - steps);
    if (t < 0 || t >= steps) continue;
    log.numbers.forEach((number, index) => {
      for (const row of rows.get(number) ?? []) sequences[row * steps + t] = log.counts[index] as number;
    });
  }
  return sequences;
}

function columnOf(numbers: Int32Array, window: number, logs: readonly WindowLog[]): Float32Array {
  const rows = rowsByNumber(numbers);
  const counts = new Float32Array(numbers.length);
  logs.find((log) => log.window === window)?.numbers.forEach((number, index) => {
    for (const row of rows.get(number) ?? []) counts[row] = (logs.find((log) => log.window === window) as WindowLog).counts[index] as number;
  });
  return counts;
}

function rowsByNumber(numbers: Int32Array): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  numbers.forEach((number, row) => {
    const known = rows.get(number);
    if (known === undefined) rows.set(number, [row]);
    else known.push(row);
  });
  return rows;
}

interface Case { readonly hit: number; readonly count: number; readonly weight: number }

function caseOf(set: RowSet, row: number): Case {
  return { hit: set.hits[row] as number, count: set.counts[row] as number, weight: set.weights[row] as number };
}

/** Logistic loss of the first output, and a share of Poisson loss of the second; weights have the mean 1. */
function lossOf(out: Float32Array, rows: number, cases: readonly Case[]): number {
  const total = cases.reduce((sum, one) => sum + one.weight, 0);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const { hit, count, weight } = cases[row] as Case;
    const share = weight / total;
    const p = sigmoid(out[row * outputs] as number);
    const rate = Math.exp(Math.min(15, out[row * outputs + 1] as number));
    loss += share * (-(hit === 1 ? Math.log(p + 1e-9) : Math.log(1 - p + 1e-9)) + countShare * (rate - count * Math.log(rate + 1e-9)));
    out[row * outputs] = share * (p - hit);
    out[row * outputs + 1] = share * countShare * Math.max(-largestGradient, Math.min(largestGradient, rate - count));
  }
  return loss;
}

function scaleOf(sets: readonly Float32Array[]): Scale {
  const [mean, squares] = [new Float64Array(featureCount), new Float64Array(featureCount)];
  let count = 0;
  for (const features of sets) {
    for (let at = 0; at < features.length; at += featureCount, count++) {
      for (let i = 0; i < featureCount; i++) {
        mean[i] = (mean[i] as number) + (features[at + i] as number);
        squares[i] = (squares[i] as number) + (features[at + i] as number) ** 2;
      }
    }
  }
  return {
    mean: mean.map((sum) => sum / count),
    spread: squares.map((square, i) => Math.sqrt(Math.max(0, square / count - ((mean[i] as number) / count) ** 2)) + 0.05),
  };
}
