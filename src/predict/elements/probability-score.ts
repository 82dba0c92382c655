import type { LabelledRows } from './logistic.ts';

/** How good probabilities were. */
export interface ProbabilityScore {
  readonly cases: number;
  readonly baseRate: number;
  /** Mean squared error (Brier 1950). */
  readonly brier: number;
  /** 1 − Brier score ÷ that of the base rate: 0 is as good as knowing that alone, 1 is perfect. */
  readonly brierSkill: number;
  readonly logLoss: number;
  /** Expected calibration error over 20 bins: by how much a probability is off from how often it comes true. */
  readonly ece: number;
}

const bins = 20;

/** Scores probabilities against what happened. */
export function scoreProbabilities(probabilities: ArrayLike<number>, rows: Pick<LabelledRows, 'hits' | 'weights' | 'count'>): ProbabilityScore {
  let [cases, hits, brier, loss] = [0, 0, 0, 0];
  const [total, sum, came] = [0, 1, 2].map(() => new Float64Array(bins)) as [Float64Array, Float64Array, Float64Array];
  for (let row = 0; row < rows.count; row++) {
    const p = Math.max(1e-7, Math.min(1 - 1e-7, probabilities[row] as number));
    const hit = rows.hits[row] as number;
    const weight = rows.weights[row] as number;
    cases += weight;
    hits += weight * hit;
    brier += weight * (p - hit) ** 2;
    loss -= weight * Math.log(hit === 1 ? p : 1 - p);
    const bin = Math.min(bins - 1, Math.floor(p * bins));
    total[bin] = (total[bin] as number) + weight;
    sum[bin] = (sum[bin] as number) + weight * p;
    came[bin] = (came[bin] as number) + weight * hit;
  }
  const baseRate = cases === 0 ? 0 : hits / cases;
  const reference = baseRate * (1 - baseRate);
  let ece = 0;
  for (let bin = 0; bin < bins; bin++) ece += Math.abs((sum[bin] as number) - (came[bin] as number));
  return {
    cases, baseRate, brier: brier / Math.max(cases, 1e-9), brierSkill: reference === 0 ? 0 : 1 - brier / cases / reference,
    logLoss: loss / Math.max(cases, 1e-9), ece: ece / Math.max(cases, 1e-9),
  };
}
