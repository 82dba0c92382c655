/*
 * Which method forecasts this series, and how sure may it be? Each is asked at several past moments for what came next (rolling origin; Tashman 2000).
 * Choosing the best of ten by a few such moments is worse than a good default, so the default stays unless a rival was better by a fifth, and at four moments
 * at least. Intervals are made honest by what the errors at those moments were: split conformal prediction (Vovk et al. 2005) for methods that give a
 * point, conformalised quantile regression (Romano et al. 2019) for those that give quantiles. Errors are taken on the logarithmic scale.
 */
import { scaleOf, type Scale } from './scale.ts';
import { seasonalNaive } from './simple.ts';
import { calendarOf, type Forecast, type Forecaster, type Series } from './series.ts';

/** How a method did at past moments. */
export interface BacktestScore {
  readonly name: string;
  /** Moments at which it gave a forecast. */
  readonly origins: number;
  /** Mean absolute error, in the unit of the series. */
  readonly mae: number;
  /** The same divided by that of the seasonal naive forecast at the same moments. */
  readonly relativeMae: number;
  /** Share of the values within its 80 % interval, calibrated by the other moments. */
  readonly coverage: number;
}

/** The method chosen for a series, with what is needed to use it. */
export interface Choice {
  readonly forecaster: Forecaster;
  /** In words, why this one. */
  readonly why: string;
  /** All methods, the chosen one among them. */
  readonly scores: readonly BacktestScore[];
  /** Gives the forecast its calibrated interval. */
  calibrate(forecast: Forecast, series: Series, end: number): Forecast;
}

/** The methods to choose from. */
export interface ForecasterPool {
  /** Used unless a rival is clearly better. undefined: it could not be trained. */
  readonly preferred: Forecaster | undefined;
  /** Used where the preferred one cannot forecast. */
  readonly fallback: Forecaster;
  readonly rivals: readonly Forecaster[];
}

const enoughOrigins = 4;
const clearlyBetter = 0.8;
const [lowQuantile, highQuantile] = [0.1, 0.9];

/**
 * Moments to look back on: up to `most` before `end`, as far apart as the horizon, or by half days where that is short; closer where the history is short, so that two thirds
 * of it are left to learn from. The oldest first.
 */
export function backtestOrigins(series: Series, end: number, horizon: number, most: number = 6): number[] {
  const { day } = calendarOf(series.bucketMs);
  const usual = day > 0 && horizon < day / 4 ? Math.round(day * 0.52) : horizon;
  const stride = Math.max(1, Math.min(usual, Math.floor((end / 3 - horizon) / (most - 1))));
  const origins: number[] = [];
  for (let origin = end - horizon; origins.length < most && origin >= Math.max(4, end / 3); origin -= stride) origins.push(origin);
  return origins.reverse();
}

/** Chooses a method for a series by its past before `end`. `origins`: where to look back, each at least `horizon` before `end`. */
export async function chooseForecaster(series: Series, origins: readonly number[], horizon: number, pool: ForecasterPool): Promise<Choice> {
  const candidates = [...new Set([...pool.preferred === undefined ? [] : [pool.preferred], pool.fallback, ...pool.rivals])];
  const trials = new Map<string, Trial[]>();
  for (const forecaster of candidates) trials.set(forecaster.name, await tryAt(series, origins, horizon, forecaster));
  const yardstick = new Map((await tryAt(series, origins, horizon, seasonalNaive)).map((trial) => [trial.origin, trial.mae]));
  const of = (forecaster: Forecaster): readonly Trial[] => trials.get(forecaster.name) ?? [];
  const start = pool.preferred !== undefined && of(pool.preferred).length > 0 ? pool.preferred : undefined;
  const { forecaster, why } = decide(start, pool, of);
  return { forecaster, why, scores: candidates.map((candidate) => scoreOf(series, candidate.name, of(candidate), yardstick)), calibrate: calibration(of(forecaster)) };
}

/** One forecast of the past. */
interface Trial {
  readonly origin: number;
  readonly mae: number;
  readonly forecast: Forecast;
  readonly actual: Float64Array;
  readonly scale: Scale;
}

async function tryAt(series: Series, origins: readonly number[], horizon: number, forecaster: Forecaster): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const origin of origins) {
    const forecast = await forecaster.forecast(series, origin, horizon);
    if (forecast === undefined) continue;
    const actual = series.values.subarray(origin, origin + horizon);
    let error = 0;
    for (let step = 0; step < horizon; step++) error += Math.abs((actual[step] as number) - (forecast.median[step] as number));
    trials.push({ origin, mae: error / horizon, forecast, actual, scale: scaleOf(series.values, origin) });
  }
  return trials;
}

function decide(preferred: Forecaster | undefined, pool: ForecasterPool, of: (forecaster: Forecaster) => readonly Trial[]): Pick<Choice, 'forecaster' | 'why'> {
  const usual = preferred ?? pool.fallback;
  const usually = new Map(of(usual).map((trial) => [trial.origin, trial.mae]));
  let best: { readonly forecaster: Forecaster; readonly ratio: number; readonly wins: number } | undefined;
  for (const rival of pool.rivals) {
    const both = of(rival).filter((trial) => usually.has(trial.origin));
    const wins = both.filter((trial) => trial.mae < (usually.get(trial.origin) as number)).length;
    const ratio = sum(both.map((trial) => trial.mae)) / sum(both.map((trial) => usually.get(trial.origin) as number));
    if (wins >= enoughOrigins && ratio <= clearlyBetter && ratio < (best?.ratio ?? Infinity)) best = { forecaster: rival, ratio, wins };
  }
  if (best !== undefined) {
    return { forecaster: best.forecaster, why: `better than ${usual.name} by ${Math.round(100 * (1 - best.ratio))} %, at ${best.wins} of ${usually.size} past moments` };
  }
  if (preferred === undefined) return { forecaster: usual, why: 'too little history for the LSTM' };
  return { forecaster: usual, why: usually.size === 0 ? 'the default; no past to compare methods on' : 'the default; no rival was clearly better' };
}

function scoreOf(series: Series, name: string, trials: readonly Trial[], yardstick: ReadonlyMap<number, number>): BacktestScore {
  const mae = sum(trials.map((trial) => trial.mae)) / Math.max(1, trials.length);
  const naive = sum(trials.map((trial) => yardstick.get(trial.origin) ?? 0)) / Math.max(1, trials.length);
  let [within, count] = [0, 0];
  for (const trial of trials) {
    const { low, high } = calibration(trials.filter((other) => other !== trial))(trial.forecast, series, trial.origin);
    trial.actual.forEach((value, step) => {
      count++;
      if (value >= (low[step] as number) && value <= (high[step] as number)) within++;
    });
  }
  return { name, origins: trials.length, mae, relativeMae: naive > 0 ? mae / naive : mae > 0 ? Infinity : 1, coverage: count === 0 ? 0 : within / count };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function calibration(trials: readonly Trial[]): Choice['calibrate'] {
  const isPoint = trials.every(({ forecast }) => forecast.low === forecast.median);
  const shifts: { low: number; high: number } | undefined = trials.length === 0 ? undefined : isPoint ? pointShifts(trials) : quantileShifts(trials);
  return (forecast, series, end) => {
    const scale = scaleOf(series.values, end);
    const { low, high } = shifts ?? spreadOfHistory(series, end, forecast.median.length, scale);
    const moved = (values: Float64Array, shift: number): Float64Array => values.map((value) => scale.from(scale.to(value) + shift));
    const lower = moved(forecast.low, low).map((value, step) => Math.min(value, forecast.median[step] as number));
    const upper = moved(forecast.high, high).map((value, step) => Math.max(value, forecast.median[step] as number));
    return { low: lower, median: forecast.median, high: upper };
  };
}

function pointShifts(trials: readonly Trial[]): { low: number; high: number } {
  const residuals = trials.flatMap(({ actual, forecast, scale }) => Array.from(actual, (value, step) => scale.to(value) - scale.to(forecast.median[step] as number)));
  residuals.sort((a, b) => a - b);
  return { low: quantileOf(residuals, lowQuantile), high: quantileOf(residuals, highQuantile) };
}

function quantileShifts(trials: readonly Trial[]): { low: number; high: number } {
  const scores = trials.flatMap(({ actual, forecast, scale }) => Array.from(actual, (value, step) => {
    const z = scale.to(value);
    return Math.max(scale.to(forecast.low[step] as number) - z, z - scale.to(forecast.high[step] as number));
  }));
  scores.sort((a, b) => a - b);
  const widen = quantileOf(scores, highQuantile - lowQuantile);
  return { low: -widen, high: widen };
}

/** Where nothing was tried: what the series moves by over as many buckets. */
function spreadOfHistory(series: Series, end: number, horizon: number, scale: Scale): { low: number; high: number } {
  const gap = Math.max(1, Math.min(horizon, end >> 1));
  const moves: number[] = [];
  for (let i = gap; i < end; i++) moves.push(scale.to(series.values[i] as number) - scale.to(series.values[i - gap] as number));
  moves.sort((a, b) => a - b);
  return { low: Math.min(0, quantileOf(moves, lowQuantile)), high: Math.max(0, quantileOf(moves, highQuantile)) };
}

/** The quantile of sorted values, between neighbours; 0 of none. */
export function quantileOf(sorted: readonly number[], quantile: number): number {
  if (sorted.length === 0) return 0;
  const at = quantile * (sorted.length - 1);
  const below = Math.floor(at);
  const [a, b] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)] as number];
  return a + (b - a) * (at - below);
}
