/*
 * Forecasts many series at once: trains the models that learn from all of them, chooses for each the method that its past speaks for, and calibrates its interval. A horizon
 * of very many buckets is forecast in longer ones: a model that tells 288 values at once knows none of them.
 */
import { shuffled, type Prng } from '../../lib/prng.ts';
import type { LstmKernel } from '../lstm/kernel.ts';
import { backtestOrigins, chooseForecaster, type BacktestScore, type ForecasterPool } from './backtest.ts';
import { holtWinters } from './holt-winters.ts';
import { fitLstm } from './lstm-forecaster.ts';
import { fitRidge } from './ridge.ts';
import { ensembleOf, ewma, naive } from './simple.ts';
import { coarser, type Forecast, type Forecaster, type Series } from './series.ts';
import { windowShape } from './window.ts';

/** Options of {@link predictSeries}. */
export interface SeriesOptions {
  /** Buckets ahead. */
  readonly horizon: number;
  readonly prng: Prng;
  /** Methods from outside: MSTL, Prophet. Slow ones are asked for the busiest series only. */
  readonly engines?: readonly Forecaster[];
  /** A kernel with a memory of its own; left out: no LSTM. */
  readonly kernel?: () => LstmKernel;
  readonly lstmSteps?: number;
  readonly lstmSeeds?: number;
  /** Series that engines are asked for; 200 when left out. */
  readonly enginesFor?: number;
  /** What is being done, and how much of it, from 0 to 1. */
  readonly onProgress?: (stage: string, share: number) => void;
}

/** The forecast of one series. */
export interface SeriesForecast {
  readonly series: Series;
  readonly model: string;
  readonly why: string;
  readonly scores: readonly BacktestScore[];
  readonly forecast: Forecast;
}

/** Buckets that one forecast tells at most. */
const mostSteps = 48;

/** Forecasts each series from its end on. Series without a value are left out. */
export async function predictSeries(all: readonly Series[], options: SeriesOptions): Promise<SeriesForecast[]> {
  const factor = Math.max(1, Math.ceil(options.horizon / mostSteps));
  const horizon = Math.ceil(options.horizon / factor);
  const given = all.filter(({ values }) => values.length > 0);
  const jobs = given.map((series) => {
    const long = coarser(series, factor);
    const usable = long.values.length >= 4 ? long : series;
    return { series, long: usable, factor: usable === series ? 1 : factor, origins: usable === series && factor > 1 ? [] : backtestOrigins(usable, usable.values.length, horizon) };
  });
  const pool = trainPool(jobs.filter((job) => job.factor === factor), horizon, options);
  const busiest = new Set(jobs.map((job, index) => ({ index, total: sum(job.long.values) })).sort((a, b) => b.total - a.total).slice(0, options.enginesFor ?? 200).map(({ index }) => index));
  const forecasts: SeriesForecast[] = [];
  for (const [index, job] of jobs.entries()) {
    const steps = job.factor === factor ? horizon : options.horizon;
    forecasts.push(await forecastOne(job, steps, options.horizon, pool(busiest.has(index))));
    options.onProgress?.('forecasting series', (index + 1) / jobs.length);
  }
  return forecasts;
}

interface Job { readonly series: Series; readonly long: Series; readonly factor: number; readonly origins: readonly number[] }

/** The methods to choose from, with the slow ones or without. */
function trainPool(jobs: readonly Job[], horizon: number, options: SeriesOptions): (withEngines: boolean) => ForecasterPool {
  const { prng, kernel, engines = [], onProgress } = options;
  const bucketMs = jobs[0]?.long.bucketMs;
  const simple = [naive, ewma, holtWinters];
  let [ridge, lstm]: [Forecaster | undefined, Forecaster | undefined] = [undefined, undefined];
  if (bucketMs !== undefined) {
    const shape = windowShape(bucketMs, horizon);
    // what lies behind the first moment that is looked back on is not learnt from: it is what the models are compared on
    const training = shuffled(jobs, prng).map(({ long, origins }) => ({ series: long, trainEnd: origins[0] ?? long.values.length }));
    ridge = fitRidge(training, shape, prng);
    if (kernel !== undefined) {
      lstm = fitLstm(training, shape, prng, {
        kernel, steps: options.lstmSteps ?? 700, seeds: options.lstmSeeds ?? 2, onProgress: (share) => onProgress?.('training the LSTM', share),
      });
    }
  }
  const of = (more: readonly Forecaster[]): ForecasterPool => {
    const rivals = [...simple, ...more, ...ridge === undefined ? [] : [ridge]];
    return { preferred: lstm, fallback: ensembleOf('median ensemble', [holtWinters, ...more, ...ridge === undefined ? [ewma] : [ridge]]), rivals };
  };
  const [fast, whole] = [of([]), of(engines)];
  return (withEngines) => (withEngines ? whole : fast);
}

async function forecastOne({ series, long, factor, origins }: Job, horizon: number, fineHorizon: number, pool: ForecasterPool): Promise<SeriesForecast> {
  const choice = await chooseForecaster(long, origins, horizon, pool);
  const end = long.values.length;
  const raw = await choice.forecaster.forecast(long, end, horizon) ?? naive.forecast(long, end, horizon);
  const forecast = choice.calibrate(await raw as Forecast, long, end);
  return { series, model: choice.forecaster.name, why: choice.why, scores: choice.scores, forecast: finer(forecast, { factor, horizon: fineHorizon, isRate: series.kind === 'rate' }) };
}

/** A forecast in buckets `factor` times as short: rates are divided, level values repeated. */
function finer(forecast: Forecast, { factor, horizon, isRate }: { readonly factor: number; readonly horizon: number; readonly isRate: boolean }): Forecast {
  const spread = (values: Float64Array): Float64Array => Float64Array.from({ length: horizon }, (_, bucket) => (values[Math.min(values.length - 1, Math.floor(bucket / factor))] as number) / (isRate ? factor : 1));
  return { low: spread(forecast.low), median: spread(forecast.median), high: spread(forecast.high) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
