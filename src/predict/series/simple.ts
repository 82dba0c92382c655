/*
 * What every forecast has to beat, and what stays best where a series has neither season nor memory: the last value (naive), the value a
 * day ago (seasonal naive), an exponentially weighted mean (EWMA; Brown 1959). On resource metrics that shift their level they win.
 */
import { scaleOf } from './scale.ts';
import { calendarOf, type Forecast, type Forecaster, type Series } from './series.ts';

/** A forecast that is sure of itself; its intervals come from calibration. */
export function pointForecast(values: Float64Array): Forecast {
  return { low: values, median: values, high: values };
}

/** The last value, for every bucket ahead. */
export const naive: Forecaster = {
  name: 'naive',
  forecast: (series, end, horizon) => (end === 0 ? undefined : pointForecast(new Float64Array(horizon).fill(series.values[end - 1] as number))),
};

/** The value of the same bucket a day before; the last value where there is no day to look back on. */
export const seasonalNaive: Forecaster = {
  name: 'seasonal naive',
  forecast: (series, end, horizon) => {
    const { day } = calendarOf(series.bucketMs);
    if (day === 0 || end < day) return naive.forecast(series, end, horizon);
    return pointForecast(Float64Array.from({ length: horizon }, (_, step) => series.values[end - day + (step % day)] as number));
  },
};

/** The exponentially weighted mean on the logarithmic scale: a weight of 0.3 for the newest hour, 0.25 for shorter buckets. */
export const ewma: Forecaster = {
  name: 'EWMA',
  forecast: (series, end, horizon) => {
    if (end === 0) return undefined;
    const scale = scaleOf(series.values, end);
    const alpha = series.bucketMs >= 1_800_000 ? 0.3 : 0.25;
    let mean = scale.to(series.values[0] as number);
    for (let i = 1; i < end; i++) mean += alpha * (scale.to(series.values[i] as number) - mean);
    return pointForecast(new Float64Array(horizon).fill(scale.from(mean)));
  },
};

/** The median of several forecasts, quantile by quantile. */
export function medianOf(forecasts: readonly Forecast[]): Forecast {
  const pick = (name: keyof Forecast): Float64Array => {
    const length = forecasts[0]?.[name].length ?? 0;
    return Float64Array.from({ length }, (_, step) => {
      const sorted = forecasts.map((forecast) => forecast[name][step] as number).sort((a, b) => a - b);
      const middle = sorted.length >> 1;
      return sorted.length % 2 === 1 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
    });
  };
  return { low: pick('low'), median: pick('median'), high: pick('high') };
}

/** The median of what several methods say. */
export function ensembleOf(name: string, members: readonly Forecaster[]): Forecaster {
  return {
    name,
    forecast: async (series: Series, end: number, horizon: number) => {
      const found: Forecast[] = [];
      for (const member of members) {
        const forecast = await member.forecast(series, end, horizon);
        if (forecast !== undefined) found.push(forecast);
      }
      return found.length === 0 ? undefined : medianOf(found);
    },
  };
}
