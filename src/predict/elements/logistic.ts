/*
 * Logistic regression by iteratively reweighted least squares (Newton's method; McCullagh & Nelder 1989), with what keeps it from exploding when the traffic
 * drifts: features standardised by their spread + 0.05 and clipped to ±3, an L2 penalty, and no step of a coefficient above 0.7.
 */
import { choleskySolve } from '../series/ridge.ts';

/** Weighted cases: `features` row by row, `hits` 0 or 1. */
export interface LabelledRows {
  readonly features: Float32Array;
  readonly hits: Uint8Array;
  readonly weights: Float32Array;
  readonly count: number;
}

const iterations = 14;
const largestStep = 0.7;
const penalty = 0.003;
const spreadFloor = 0.05;
const clip = 3;
const leastCases = 50;

/** A fitted model. */
export class LogisticModel {
  readonly #mean: Float64Array;
  readonly #spread: Float64Array;
  readonly #coefficients: Float64Array;

  private constructor(mean: Float64Array, spread: Float64Array, coefficients: Float64Array) {
    this.#mean = mean;
    this.#spread = spread;
    this.#coefficients = coefficients;
  }

  /** Fits a model on rows of `width` features. undefined: too few cases, all of one kind, or it did not settle. */
  static fit(rows: LabelledRows, width: number): LogisticModel | undefined {
    const { mean, spread, hits, cases } = momentsOf(rows, width);
    if (cases < leastCases || hits === 0 || hits >= cases) return undefined;
    const coefficients = new Float64Array(width + 1);
    coefficients[width] = Math.log(hits / (cases - hits));
    const model = new LogisticModel(mean, spread, coefficients);
    const x = new Float64Array(width + 1).fill(1);
    for (let iteration = 0; iteration < iterations; iteration++) {
      const hessian = new Float64Array((width + 1) ** 2);
      const gradient = new Float64Array(width + 1);
      for (let row = 0; row < rows.count; row++) {
        const p = sigmoid(model.#sum(rows.features, row * width, x));
        const weight = rows.weights[row] as number;
        const error = weight * ((rows.hits[row] as number) - p);
        const curvature = weight * Math.max(1e-6, p * (1 - p));
        for (let i = 0; i <= width; i++) {
          gradient[i] = (gradient[i] as number) + error * (x[i] as number);
          const scaled = curvature * (x[i] as number);
          for (let j = 0; j <= i; j++) hessian[i * (width + 1) + j] = (hessian[i * (width + 1) + j] as number) + scaled * (x[j] as number);
        }
      }
      for (let i = 0; i < width; i++) {
        gradient[i] = (gradient[i] as number) - penalty * hits * (coefficients[i] as number);
        hessian[i * (width + 2)] = (hessian[i * (width + 2)] as number) + penalty * hits;
      }
      const step = choleskySolve(hessian, gradient, width + 1);
      let largest = 0;
      for (let i = 0; i <= width; i++) {
        const bounded = Math.max(-largestStep, Math.min(largestStep, step[i] as number));
        coefficients[i] = (coefficients[i] as number) + bounded;
        largest = Math.max(largest, Math.abs(bounded));
      }
      if (!Number.isFinite(largest)) return undefined;
      if (largest < 1e-4) break;
    }
    return model;
  }

  /** The log-odds of a row of features. */
  logit(features: Float32Array, at: number): number {
    let sum = this.#coefficients[this.#mean.length] as number;
    for (let i = 0; i < this.#mean.length; i++) sum += (this.#coefficients[i] as number) * this.#standard(features[at + i] as number, i);
    return sum;
  }

  /** As {@link logit}; leaves the standardised features in x. */
  #sum(features: Float32Array, at: number, x: Float64Array): number {
    let sum = this.#coefficients[this.#mean.length] as number;
    for (let i = 0; i < this.#mean.length; i++) {
      const value = (x[i] = this.#standard(features[at + i] as number, i));
      sum += (this.#coefficients[i] as number) * value;
    }
    return sum;
  }

  #standard(value: number, i: number): number {
    return Math.max(-clip, Math.min(clip, (value - (this.#mean[i] as number)) / (this.#spread[i] as number)));
  }
}

function momentsOf(rows: LabelledRows, width: number): { readonly mean: Float64Array; readonly spread: Float64Array; readonly hits: number; readonly cases: number } {
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  let [cases, hits] = [0, 0];
  for (let row = 0; row < rows.count; row++) {
    const weight = rows.weights[row] as number;
    cases += weight;
    hits += weight * (rows.hits[row] as number);
    for (let i = 0; i < width; i++) {
      const value = rows.features[row * width + i] as number;
      mean[i] = (mean[i] as number) + weight * value;
      squares[i] = (squares[i] as number) + weight * value * value;
    }
  }
  const spread = squares.map((square, i) => {
    const center = (mean[i] as number) / Math.max(cases, 1e-9);
    mean[i] = center;
    return Math.sqrt(Math.max(0, square / Math.max(cases, 1e-9) - center ** 2)) + spreadFloor;
  });
  return { mean, spread, hits, cases };
}

/** 1 / (1 + e^−x) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** log(p / (1 − p)), with p kept off 0 and 1. */
export function logit(p: number): number {
  const kept = Math.max(1e-6, Math.min(1 - 1e-6, p));
  return Math.log(kept / (1 - kept));
}
