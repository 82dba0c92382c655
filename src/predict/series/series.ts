/** What a series counts: requests (a rate), or the use of a resource, which shifts its level more than it has seasons. */
export type SeriesKind = 'rate' | 'resource';

/** A regular time series: one value a bucket, oldest first. */
export interface Series {
  readonly name: string;
  readonly kind: SeriesKind;
  /** Start of the first bucket, Unix milliseconds. */
  readonly startMs: number;
  readonly bucketMs: number;
  /** Not negative, and without gaps: see {@link withoutGaps}. */
  readonly values: Float64Array;
}

/** A forecast: for each bucket ahead its 10 %, 50 % and 90 % quantile, in the unit of the series. */
export interface Forecast {
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
}

/** A method that forecasts any series from its past. */
export interface Forecaster {
  readonly name: string;
  /**
   * Forecasts the `horizon` buckets from `end` on; sees the values before `end` alone.
   * undefined: it cannot, for want of data or because the series is not for it.
   */
  forecast(series: Series, end: number, horizon: number): Forecast | undefined | Promise<Forecast | undefined>;
}

const dayMs = 86_400_000;

/** Buckets of a day and a week; 0 where a bucket does not divide a day, or a day is a bucket. */
export function calendarOf(bucketMs: number): { readonly day: number; readonly week: number } {
  const day = dayMs % bucketMs === 0 ? dayMs / bucketMs : 0;
  return day <= 1 ? { day: 0, week: 0 } : { day, week: 7 * day };
}

/** The values with each gap (NaN) filled by the one before it, or the first known one; all 0 where nothing is known. Negative ones become 0. */
export function withoutGaps(values: ArrayLike<number>): Float64Array {
  const filled = Float64Array.from(values, (value) => (value < 0 ? 0 : value));
  let last = filled.find((value) => !Number.isNaN(value)) ?? 0;
  for (let i = 0; i < filled.length; i++) {
    const value = filled[i] as number;
    if (Number.isNaN(value)) filled[i] = last;
    else last = value;
  }
  return filled;
}

/** The same series in buckets `factor` times as long, the last one whole: sums of rates, means of resources. */
export function coarser(series: Series, factor: number): Series {
  if (factor === 1) return series;
  const count = Math.floor(series.values.length / factor);
  const skipped = series.values.length - count * factor;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j < factor; j++) sum += series.values[skipped + i * factor + j] as number;
    values[i] = series.kind === 'rate' ? sum : sum / factor;
  }
  return { ...series, values, startMs: series.startMs + skipped * series.bucketMs, bucketMs: series.bucketMs * factor };
}
