import { scaleOf } from '../predict/series/scale.ts';
import { calendarOf, type Forecast, type Forecaster } from '../predict/series/series.ts';
import { augursModule } from './augurs.ts';

/** Weeks of history from which on the week is a season. */
const leastWeeks = 2.2;
/** Newest values that are fitted: more costs much and changes little. */
const longestHistory = { long: 672, short: 2880 };

/**
 * MSTL: the series is taken apart into seasons (of the day and the week) and a rest by loess (Bandara, Hyndman & Bergmeir 2021), the rest is forecast by
 * ETS, on the logarithmic scale. By augurs; its AutoETS alone knows no seasons.
 */
export async function mstlForecaster(): Promise<Forecaster> {
  const { MSTL, initSync } = await import('@bsull/augurs/mstl');
  initSync(augursModule('mstl'));
  return {
    name: 'MSTL',
    forecast: (series, end, horizon) => {
      const { day, week } = calendarOf(series.bucketMs);
      const start = Math.max(0, end - (series.bucketMs >= 1_800_000 ? longestHistory.long : longestHistory.short));
      const periods = [day, week].filter((period, index) => period > 1 && end - start >= (index === 0 ? 2 : leastWeeks) * period);
      if (periods.length === 0 || isConstant(series.values, start, end)) return undefined;
      const scale = scaleOf(series.values, end, start);
      const model = MSTL.ets(periods, { impute: true });
      try {
        model.fit(Float64Array.from({ length: end - start }, (_, i) => scale.to(series.values[start + i] as number)));
        const { point, intervals } = model.predict(horizon, 0.8);
        return onScale({ median: point, low: intervals?.lower ?? point, high: intervals?.upper ?? point }, scale.from);
      } catch {
        return undefined; // it does not converge on every series
      } finally {
        model.free();
      }
    },
  };
}

/** Whether all values are the same: nothing to fit, and some engines trap on it. */
export function isConstant(values: Float64Array, start: number, end: number): boolean {
  for (let i = start + 1; i < end; i++) if (values[i] !== values[start]) return false;
  return true;
}

/** A forecast taken back from the logarithmic scale; undefined where it is no number. */
export function onScale(z: { readonly low: readonly number[]; readonly median: readonly number[]; readonly high: readonly number[] }, from: (z: number) => number): Forecast | undefined {
  if (![...z.low, ...z.median, ...z.high].every(Number.isFinite)) return undefined;
  return { low: Float64Array.from(z.low, from), median: Float64Array.from(z.median, from), high: Float64Array.from(z.high, from) };
}
