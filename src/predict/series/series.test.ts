import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32 } from '../../lib/prng.ts';
import { lstmKernel } from '../lstm/wasm-kernel.ts';
import { backtestOrigins, chooseForecaster, quantileOf } from './backtest.ts';
import { holtWinters } from './holt-winters.ts';
import { fitLstm } from './lstm-forecaster.ts';
import { predictSeries } from './predict-series.ts';
import { choleskySolve, fitRidge } from './ridge.ts';
import { scaleOf } from './scale.ts';
import { SeriesCounter } from './series-counter.ts';
import { ensembleOf, ewma, naive, pointForecast, seasonalNaive } from './simple.ts';
import { calendarOf, coarser, withoutGaps, type Forecast, type Forecaster, type Series } from './series.ts';
import { windowShape } from './window.ts';

const hourMs = 3_600_000;
const seed = '00000001000000020000000300000004';

/** Requests an hour with a rhythm of the day, a level, and some noise. */
function daily(days: number, given: { level?: number; phase?: number; noise?: number; seed?: string } = {}): Series {
  const prng = sfc32(given.seed ?? seed);
  const values = Float64Array.from({ length: days * 24 }, (_, hour) => Math.max(0, (given.level ?? 100) * (1 + 0.8 * Math.sin((2 * Math.PI * (hour + (given.phase ?? 0))) / 24)) * (1 + (given.noise ?? 0.1) * (prng.next() - 0.5))));
  return { name: 'daily', kind: 'rate', startMs: 0, bucketMs: hourMs, values };
}

async function errorOf(forecaster: Forecaster, series: Series, end: number, horizon: number): Promise<number> {
  const { median } = await forecaster.forecast(series, end, horizon) as Forecast;
  let sum = 0;
  for (let step = 0; step < horizon; step++) sum += Math.abs((median[step] as number) - (series.values[end + step] as number));
  return sum / horizon;
}

describe('series', () => {
  test('have no gaps and nothing negative', () => {
    expect([...withoutGaps([Number.NaN, 3, Number.NaN, -1, 5])]).toEqual([3, 3, 3, 0, 5]);
    expect([...withoutGaps([Number.NaN, Number.NaN])]).toEqual([0, 0]);
  });

  test('know days and weeks where buckets divide them', () => {
    expect([calendarOf(hourMs), calendarOf(300_000), calendarOf(7000), calendarOf(86_400_000)]).toEqual([{ day: 24, week: 168 }, { day: 288, week: 2016 }, { day: 0, week: 0 }, { day: 0, week: 0 }]);
  });

  test('are counted in any order of moments', () => {
    fc.assert(fc.property(fc.array(fc.nat(50_000), { minLength: 1, maxLength: 40 }), (moments) => {
      const counter = new SeriesCounter(1000, 'rate');
      for (const at of moments) counter.add(at);
      const { values, startMs } = counter.series('s', 51_000);
      expect(values.reduce((sum, value) => sum + value, 0)).toBe(moments.length);
      values.forEach((value, bucket) => expect(value).toBe(moments.filter((at) => at >= startMs + bucket * 1000 && at < startMs + (bucket + 1) * 1000).length));
      expect(counter.total).toBe(moments.length);
    }));
  });

  test('of resources are means of samples, and the last one where there is none', () => {
    const counter = new SeriesCounter(10, 'resource');
    for (const [at, value] of [[5, 1], [6, 3], [35, 8]] as const) counter.add(at, value);
    expect([...counter.series('cpu', 50).values]).toEqual([2, 2, 2, 8, 8]);
  });

  test('in longer buckets: sums of rates, means of resources, the end kept', () => {
    const series: Series = { name: 's', kind: 'rate', startMs: 0, bucketMs: 10, values: Float64Array.of(1, 2, 3, 4, 5) };
    expect(coarser(series, 2)).toMatchObject({ startMs: 10, bucketMs: 20, values: Float64Array.of(5, 9) });
    expect(coarser({ ...series, kind: 'resource' }, 2).values).toEqual(Float64Array.of(2.5, 4.5));
  });

  test('go to the logarithmic scale and back', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (value, mean) => {
      const scale = scaleOf(Float64Array.of(mean), 1);
      fc.pre(scale.to(value) < 20);
      expect(Math.abs(scale.from(scale.to(value)) - value)).toBeLessThanOrEqual(1e-6 * Math.max(1, value, mean));
    }));
  });
});

describe('forecasters', () => {
  const all: Forecaster[] = [naive, seasonalNaive, ewma, holtWinters, ensembleOf('both', [ewma, holtWinters])];

  test('see the past alone', async () => {
    const series = daily(18);
    const changed = { ...series, values: series.values.map((value, index) => (index < 400 ? value : value * 7 + 3)) };
    const shape = windowShape(hourMs, 12);
    const training = [{ series, trainEnd: 390 }];
    const global = [fitRidge(training, shape, sfc32(seed)), fitLstm(training, shape, sfc32(seed), { kernel: lstmKernel, steps: 20 })] as Forecaster[];
    for (const forecaster of [...all, ...global]) {
      const forecast = await forecaster.forecast(series, 400, 12);
      expect(forecast, forecaster.name).toBeDefined();
      expect(await forecaster.forecast(changed, 400, 12)).toEqual(forecast);
    }
  });

  test('of a seasonal series know its season, but for those that cannot', async () => {
    const series = daily(21);
    const yardstick = await errorOf(seasonalNaive, series, 400, 24);
    expect(await errorOf(holtWinters, series, 400, 24)).toBeLessThan(yardstick);
    expect(await errorOf(naive, series, 400, 24)).toBeGreaterThan(5 * yardstick);
  });

  test('give numbers that are not negative, for whatever series', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })), { minLength: 1, maxLength: 80 }), fc.integer({ min: 1, max: 30 }), async (values, horizon) => {
      const series: Series = { name: 's', kind: 'rate', startMs: 0, bucketMs: hourMs, values: Float64Array.from(values) };
      for (const forecaster of all) {
        const forecast = await forecaster.forecast(series, values.length, horizon);
        if (forecast === undefined) continue;
        for (const quantile of [forecast.low, forecast.median, forecast.high]) {
          expect(quantile).toHaveLength(horizon);
          expect([...quantile].every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
        }
      }
    }), { numRuns: 50 });
  });

  test('that learn from all series beat the seasonal naive forecast on one they have not seen', async () => {
    const training = Array.from({ length: 4 }, (_, index) => ({ series: daily(21, { level: 10 * 10 ** index, phase: 5 * index, noise: 0.6, seed: `0000000${index + 1}000000020000000300000004` }), trainEnd: 21 * 24 }));
    const shape = windowShape(hourMs, 24);
    const models = [fitRidge(training, shape, sfc32(seed)), fitLstm(training, shape, sfc32(seed), { kernel: lstmKernel, steps: 200 })];
    const unseen = daily(21, { level: 77, phase: 3, noise: 0.6, seed: 'ffffffff000000020000000300000004' });
    for (const model of models) {
      const [error, yardstick] = [await errorOf(model as Forecaster, unseen, 400, 24), await errorOf(seasonalNaive, unseen, 400, 24)];
      expect(error, (model as Forecaster).name).toBeLessThan(0.9 * yardstick);
    }
  }, 60_000);

  test('that are trained from a seed repeat exactly', async () => {
    const series = daily(21);
    const shape = windowShape(hourMs, 6);
    const [a, b] = [1, 2].map(() => fitLstm([{ series, trainEnd: 500 }], shape, sfc32(seed), { kernel: lstmKernel, steps: 30, seeds: 2 })) as [Forecaster, Forecaster];
    expect(await a.forecast(series, 500, 6)).toEqual(await b.forecast(series, 500, 6));
  });
});

test('Cholesky solves what it should', () => {
  const x = choleskySolve(Float64Array.of(4, 0, 0, 2, 5, 0, 1, 3, 6), Float64Array.of(9, 21, 25), 3);
  // [4 2 1; 2 5 3; 1 3 6] · x = [9 21 25]
  expect([4 * (x[0] as number) + 2 * (x[1] as number) + (x[2] as number), 2 * (x[0] as number) + 5 * (x[1] as number) + 3 * (x[2] as number), (x[0] as number) + 3 * (x[1] as number) + 6 * (x[2] as number)].map((value) => Math.round(value * 1e9) / 1e9)).toEqual([9, 21, 25]);
});

describe('the choice of a method', () => {
  const flat = (name: string, value: number): Forecaster => ({ name, forecast: (_series, _end, horizon) => pointForecast(new Float64Array(horizon).fill(value)) });
  const constant: Series = { name: 'c', kind: 'rate', startMs: 0, bucketMs: 7000, values: new Float64Array(100).fill(10) };
  const origins = backtestOrigins(constant, 100, 5);

  test('looks back on moments that leave room for the horizon', () => {
    expect(origins).toEqual([70, 75, 80, 85, 90, 95]);
    expect(backtestOrigins(constant, 8, 5)).toEqual([]);
    expect(Math.max(...backtestOrigins(daily(30), 700, 24))).toBeLessThanOrEqual(676);
  });

  test('keeps the default unless a rival is clearly better', async () => {
    const pick = async (preferred: number, rival: number): Promise<string> => {
      const { forecaster } = await chooseForecaster(constant, origins, 5, { preferred: flat('default', preferred), fallback: naive, rivals: [flat('rival', rival)] });
      return forecaster.name;
    };
    expect([await pick(12, 11.7), await pick(12, 11), await pick(10, 10)]).toEqual(['default', 'rival', 'default']);
  });

  test('falls back where the default cannot forecast, and says why', async () => {
    const unable: Forecaster = { name: 'unable', forecast: () => undefined };
    const choice = await chooseForecaster(constant, origins, 5, { preferred: unable, fallback: ewma, rivals: [] });
    expect([choice.forecaster.name, choice.why]).toEqual(['EWMA', 'too little history for the LSTM']);
    expect(choice.scores.map(({ name, origins: count }) => [name, count])).toEqual([['unable', 0], ['EWMA', 6]]);
  });

  test('makes intervals that hold 80 % of what comes', async () => {
    const series = daily(60, { noise: 1 });
    const choice = await chooseForecaster(series, backtestOrigins(series, 600, 24), 24, { preferred: holtWinters, fallback: naive, rivals: [] });
    let [within, count] = [0, 0];
    for (let end = 600; end + 24 <= series.values.length; end += 24) {
      const { low, high } = choice.calibrate(await choice.forecaster.forecast(series, end, 24) as Forecast, series, end);
      for (let step = 0; step < 24; step++, count++) if ((series.values[end + step] as number) >= (low[step] as number) && (series.values[end + step] as number) <= (high[step] as number)) within++;
    }
    expect(within / count).toBeGreaterThan(0.68);
    expect(within / count).toBeLessThan(0.92);
  });

  test('takes quantiles between neighbours', () => {
    expect([quantileOf([1, 2, 3], 0.5), quantileOf([1, 2], 0.25), quantileOf([], 0.5)]).toEqual([2, 1.25, 0]);
  });
});

test('many series at once: each with its model, its scores and an interval around its median; long horizons in longer buckets', async () => {
  const series = [daily(30), { ...daily(30, { level: 5, phase: 6 }), name: 'other' }, { ...daily(30), name: 'cpu', kind: 'resource' as const }];
  const stages = new Set<string>();
  const forecasts = await predictSeries(series, { horizon: 96, prng: sfc32(seed), kernel: lstmKernel, lstmSteps: 100, lstmSeeds: 1, onProgress: (stage) => stages.add(stage) });
  expect(forecasts.map(({ series: { name } }) => name)).toEqual(['daily', 'other', 'cpu']);
  for (const { forecast, scores } of forecasts) {
    for (let bucket = 0; bucket < 96; bucket++) {
      expect(forecast.low[bucket]).toBeLessThanOrEqual(forecast.median[bucket] as number);
      expect(forecast.high[bucket]).toBeGreaterThanOrEqual(forecast.median[bucket] as number);
    }
    expect(scores.map(({ name }) => name)).toEqual(expect.arrayContaining(['LSTM', 'median ensemble', 'Holt-Winters', 'ridge', 'naive', 'EWMA']));
  }
  const [first] = forecasts;
  const total = (first as (typeof forecasts)[0]).forecast.median.slice(0, 24).reduce((sum, value) => sum + value, 0);
  expect(total / 2400).toBeGreaterThan(0.7);
  expect(total / 2400).toBeLessThan(1.3);
  expect(stages).toEqual(new Set(['training the LSTM', 'forecasting series']));
});
