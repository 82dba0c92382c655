/*
 * What a global model sees of a series as of one moment: values on the logarithmic scale, less their mean and divided by their spread over the
 * last days, so that a service with ten requests a minute and one with ten thousand look alike, and one model learns from all.
 */
import { calendarOf, type Series } from './series.ts';

/** How much a global model looks at. */
export interface WindowShape {
  readonly bucketMs: number;
  /** Buckets ahead. */
  readonly horizon: number;
  /** Buckets that are looked at one by one. */
  readonly steps: number;
  /** Buckets that mean and spread are taken over. */
  readonly norm: number;
  /** Buckets that the scale is taken over. */
  readonly history: number;
  /** Buckets of a day and a week; 0 where there are none. */
  readonly day: number;
  readonly week: number;
}

/** From half-hour buckets on a window is days long, below that hours. */
const longBucketMs = 1_800_000;

/** The window for buckets of this length. */
export function windowShape(bucketMs: number, horizon: number): WindowShape {
  const isLong = bucketMs >= longBucketMs;
  const { day, week } = calendarOf(bucketMs);
  return { bucketMs, horizon, day, week, steps: isLong ? 72 : 48, norm: isLong ? 168 : 576, history: isLong ? 672 : 2880 };
}

/** A series that windows are taken from, with what makes that cheap. */
export class WindowSource {
  readonly series: Series;
  readonly #sums: Float64Array;

  constructor(series: Series) {
    this.series = series;
    this.#sums = new Float64Array(series.values.length + 1);
    for (let i = 0; i < series.values.length; i++) this.#sums[i + 1] = (this.#sums[i] as number) + (series.values[i] as number);
  }

  /** The mean of the values in [start, end). */
  mean(start: number, end: number): number {
    return ((this.#sums[end] as number) - (this.#sums[start] as number)) / Math.max(1, end - start);
  }
}

const leastSpread = 0.05;

/** A series as of one moment. */
export class Window {
  readonly end: number;
  readonly shape: WindowShape;
  readonly #values: Float64Array;
  readonly #startMs: number;
  readonly #unit: number;
  readonly #center: number;
  readonly #spread: number;
  readonly isResource: boolean;

  constructor(source: WindowSource, end: number, shape: WindowShape) {
    this.end = end;
    this.shape = shape;
    this.#values = source.series.values;
    this.#startMs = source.series.startMs;
    this.isResource = source.series.kind === 'resource';
    this.#unit = (source.mean(Math.max(0, end - shape.history), end) || 1) / 4;
    const from = Math.max(0, end - shape.norm);
    let [sum, squares] = [0, 0];
    for (let i = from; i < end; i++) {
      const z = this.#z(i);
      sum += z;
      squares += z * z;
    }
    const count = Math.max(1, end - from);
    this.#center = sum / count;
    this.#spread = Math.sqrt(Math.max(0, squares / count - this.#center ** 2)) + leastSpread;
  }

  /** Whether there is enough history to look at. */
  static fits(end: number, shape: WindowShape): boolean {
    return end >= Math.max(shape.steps, 2 * shape.day);
  }

  /** The normalised value of a bucket, whether before the end or, in training, after it. */
  at(index: number): number {
    return (this.#z(index) - this.#center) / this.#spread;
  }

  /** As {@link at}; `otherwise` where the series has not begun yet. */
  lag(index: number, otherwise: number): number {
    return index >= 0 && index < this.end ? this.at(index) : otherwise;
  }

  /** The mean of the last `count` normalised values. */
  meanOfLast(count: number): number {
    const from = Math.max(0, this.end - count);
    let sum = 0;
    for (let i = from; i < this.end; i++) sum += this.at(i);
    return sum / Math.max(1, this.end - from);
  }

  /** The mean of the same bucket on the last seven days; `otherwise` where there is none. */
  sameTimeOfDay(index: number, otherwise: number): number {
    const { day } = this.shape;
    let [sum, count] = [0, 0];
    if (day > 0) {
      for (let back = 1; back <= 7; back++) {
        const at = index - back * day;
        if (at < 0 || at >= this.end) continue;
        sum += this.at(at);
        count++;
      }
    }
    return count === 0 ? otherwise : sum / count;
  }

  /** The value that a normalised one stands for. */
  value(normalised: number): number {
    return Math.max(0, Math.expm1(Math.min(20, normalised * this.#spread + this.#center)) * this.#unit);
  }

  /** Where the day and the week stand at a bucket: sine and cosine of each. */
  clock(index: number): readonly [number, number, number, number] {
    const ms = this.#startMs + index * this.shape.bucketMs;
    const day = (2 * Math.PI * (ms % 86_400_000)) / 86_400_000;
    const week = (2 * Math.PI * (ms % 604_800_000)) / 604_800_000;
    return [Math.sin(day), Math.cos(day), Math.sin(week), Math.cos(week)];
  }

  #z(index: number): number {
    return Math.log1p((this.#values[index] as number) / this.#unit);
  }
}

/** A drawn window of a training set. */
export interface DrawnWindow { readonly source: WindowSource; readonly end: number }

/** Windows to train on: those of each series that lie before its `trainEnd` whole, drawn in proportion to the square root of how many there are. */
export class WindowSampler {
  readonly #sources: readonly { readonly source: WindowSource; readonly first: number; readonly count: number }[];
  readonly #cumulated: readonly number[];

  constructor(training: readonly { readonly source: WindowSource; readonly trainEnd: number }[], shape: WindowShape) {
    const first = Math.max(shape.steps, 2 * shape.day);
    this.#sources = training.map(({ source, trainEnd }) => ({ source, first, count: Math.max(0, trainEnd - shape.horizon - first + 1) })).filter(({ count }) => count > 0);
    let sum = 0;
    this.#cumulated = this.#sources.map(({ count }) => (sum += Math.sqrt(count)));
  }

  /** How many windows there are. */
  get size(): number {
    return this.#sources.reduce((sum, { count }) => sum + count, 0);
  }

  /** A window by two random numbers in [0, 1); there must be some. */
  draw(whichSeries: number, whichWindow: number): DrawnWindow {
    const at = whichSeries * (this.#cumulated.at(-1) as number);
    const found = this.#sources[this.#cumulated.findIndex((sum) => at < sum)] ?? this.#sources.at(-1);
    if (found === undefined) throw new RangeError('there is no window to draw');
    return { source: found.source, end: found.first + Math.floor(whichWindow * found.count) };
  }
}
