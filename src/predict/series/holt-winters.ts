/*
 * Exponential smoothing with seasons (Holt 1957, Winters 1960), additive on the logarithmic scale: a level, a profile of the day, and one
 * of the week where there are two of them and a bit. No trend: over a day ahead it does more harm than good. The weights are chosen from a small grid by
 * the errors one step, half the horizon and the whole horizon ahead over the second half of the history.
 */
import { scaleOf } from './scale.ts';
import { pointForecast } from './simple.ts';
import { calendarOf, type Forecaster } from './series.ts';

const alphas = [0.02, 0.1, 0.3, 0.6];
const dayGammas = [0.05, 0.2, 0.4];
const weekGamma = 0.2;
/** Weeks of history from which on the week has a profile. */
const leastWeeks = 2.2;

/** Holt-Winters with the seasons that the history bears. */
export const holtWinters: Forecaster = {
  name: 'Holt-Winters',
  forecast: (series, end, horizon) => {
    if (end < 3) return undefined;
    const calendar = calendarOf(series.bucketMs);
    const day = end >= 2 * calendar.day ? calendar.day : 0;
    const week = day > 0 && end >= leastWeeks * calendar.week ? calendar.week : 0;
    const scale = scaleOf(series.values, end);
    const z = Float64Array.from({ length: end }, (_, i) => scale.to(series.values[i] as number));
    const smoothed = alphas.flatMap((alpha) => (day === 0 ? [0] : dayGammas).map((gamma) => smooth(z, { alpha, gamma, day, week, horizon })));
    const best = smoothed.reduce((least, one) => (one.error < least.error ? one : least));
    return pointForecast(Float64Array.from({ length: horizon }, (_, step) => scale.from(best.ahead(step))));
  },
};

interface Settings { readonly alpha: number; readonly gamma: number; readonly day: number; readonly week: number; readonly horizon: number }

function smooth(z: Float64Array, { alpha, gamma, day, week, horizon }: Settings): { readonly error: number; readonly ahead: (step: number) => number } {
  const daily = new Float64Array(Math.max(1, day));
  const weekly = new Float64Array(Math.max(1, week));
  const first = Math.max(1, Math.min(z.length, day > 0 ? day : 1));
  let level = 0;
  for (let i = 0; i < first; i++) level += (z[i] as number) / first;
  for (let i = 0; i < day; i++) daily[i] = (z[i] as number) - level;
  const ahead = (at: number): number => level + (day > 0 ? daily[at % day] as number : 0) + (week > 0 ? weekly[at % week] as number : 0);
  const horizons = [...new Set([1, horizon >> 1, horizon - 1].filter((h) => h >= 1))];
  const from = z.length >> 1;
  let error = 0;
  for (let t = first; t < z.length; t++) {
    if (t >= from) for (const h of horizons) if (t + h - 1 < z.length) error += Math.abs((z[t + h - 1] as number) - ahead(t + h - 1));
    const value = z[t] as number;
    const season = ahead(t) - level;
    const surprise = value - level - season;
    level += alpha * surprise;
    if (day > 0) daily[t % day] = (daily[t % day] as number) + gamma * (1 - alpha) * surprise;
    if (week > 0) weekly[t % week] = (weekly[t % week] as number) + weekGamma * (1 - alpha) * (1 - gamma) * surprise;
  }
  return { error, ahead: (step) => ahead(z.length + step) };
}
