/*
 * Ridge regression on lags (Hoerl & Kennard 1970): one linear model for each bucket ahead, over all series at once, on the last values, the same
 * time on days and weeks before, and the clock. As good as a plain neural network without memory (DLinear; Zeng et al. 2023), in milliseconds.
 */
import type { Prng } from '../../lib/prng.ts';
import { pointForecast } from './simple.ts';
import { Window, WindowSampler, WindowSource, type WindowShape } from './window.ts';
import type { Forecaster, Series } from './series.ts';

const lastValues = 12;
const features = lastValues + 14;
const samples = 8000;
const penalty = 0.003;
const largestTarget = 6;

/** A series with the end of what may be learnt from. */
export interface TrainingSeries { readonly series: Series; readonly trainEnd: number }

/** Fits ridge regression to the windows of all series. undefined: there are too few. */
export function fitRidge(training: readonly TrainingSeries[], shape: WindowShape, prng: Prng): Forecaster | undefined {
  const sampler = new WindowSampler(training.map(({ series, trainEnd }) => ({ source: new WindowSource(series), trainEnd })), shape);
  if (sampler.size < 4 * features) return undefined;
  const systems = Array.from({ length: shape.horizon }, () => new NormalEquations(features));
  const row = new Float64Array(features);
  const count = Math.min(samples, 4 * sampler.size);
  for (let sample = 0; sample < count; sample++) {
    const { source, end } = sampler.draw(prng.next(), prng.next());
    const window = new Window(source, end, shape);
    const fixed = fixedFeatures(window, row);
    for (const [step, system] of systems.entries()) {
      stepFeatures(window, step, fixed, row);
      system.add(row, Math.max(-largestTarget, Math.min(largestTarget, window.at(end + step))));
    }
  }
  const weights = systems.map((system) => system.solve(penalty * count));
  return {
    name: 'ridge',
    forecast: (series, end, horizon) => {
      if (horizon > shape.horizon || series.bucketMs !== shape.bucketMs || !Window.fits(end, shape)) return undefined;
      const window = new Window(new WindowSource(series), end, shape);
      const features = new Float64Array(row.length);
      const fixed = fixedFeatures(window, features);
      return pointForecast(Float64Array.from({ length: horizon }, (_, step) => {
        stepFeatures(window, step, fixed, features);
        let sum = 0;
        for (let i = 0; i < features.length; i++) sum += (features[i] as number) * ((weights[step] as Float64Array)[i] as number);
        return window.value(sum);
      }));
    },
  };
}

/** Features that are the same for every bucket ahead; returns how many. */
function fixedFeatures(window: Window, row: Float64Array): number {
  for (let back = 1; back <= lastValues; back++) row[back - 1] = window.at(window.end - back);
  row[lastValues] = window.meanOfLast(window.shape.day || window.shape.steps);
  return lastValues + 1;
}

function stepFeatures(window: Window, step: number, from: number, row: Float64Array): void {
  const { day, week } = window.shape;
  const at = window.end + step;
  const mean = row[lastValues] as number;
  let i = from;
  const lag = (back: number): number => (back === 0 ? mean : window.lag(at - back, mean));
  for (const offset of [-1, 0, 1]) row[i++] = lag(day === 0 ? 0 : day - offset);
  row[i++] = lag(2 * day);
  const weekly = (offset: number): number => (week === 0 || at - week + offset < 0 ? row[from + 1] as number : window.lag(at - week + offset, mean));
  for (const offset of [-1, 0, 1]) row[i++] = weekly(offset);
  row[i++] = window.sameTimeOfDay(at, mean);
  for (const part of window.clock(at)) row[i++] = part;
  row[i] = 1;
}

/** (XᵀX + λI) w = Xᵀy, collected row by row and solved by Cholesky's method. The last feature is the constant and is not shrunk. */
class NormalEquations {
  readonly #size: number;
  readonly #matrix: Float64Array;
  readonly #right: Float64Array;

  constructor(size: number) {
    this.#size = size;
    this.#matrix = new Float64Array(size * size);
    this.#right = new Float64Array(size);
  }

  add(row: Float64Array, target: number): void {
    const n = this.#size;
    for (let i = 0; i < n; i++) {
      const value = row[i] as number;
      this.#right[i] = (this.#right[i] as number) + value * target;
      for (let j = 0; j <= i; j++) this.#matrix[i * n + j] = (this.#matrix[i * n + j] as number) + value * (row[j] as number);
    }
  }

  solve(lambda: number): Float64Array {
    const a = this.#matrix.slice();
    for (let i = 0; i < this.#size - 1; i++) a[i * this.#size + i] = (a[i * this.#size + i] as number) + lambda;
    return choleskySolve(a, this.#right, this.#size);
  }
}

/** Solves a·x = b for a symmetric positive definite a[n×n], of which the lower half is read and overwritten. */
export function choleskySolve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const at = (i: number, j: number): number => a[i * n + j] as number;
  for (let j = 0; j < n; j++) {
    let diagonal = at(j, j);
    for (let k = 0; k < j; k++) diagonal -= at(j, k) ** 2;
    const root = Math.sqrt(Math.max(diagonal, 1e-12));
    a[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      a[i * n + j] = sum / root;
    }
  }
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - at(i, k) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] = (x[i] as number) - at(k, i) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  return x;
}
