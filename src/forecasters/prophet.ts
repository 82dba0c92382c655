import { Worker } from 'node:worker_threads';
import { scaleOf } from '../predict/series/scale.ts';
import { calendarOf, type Forecast, type Forecaster, type Series } from '../predict/series/series.ts';
import { deferred, type Deferred } from '../lib/deferred.ts';
import { isConstant, onScale } from './mstl.ts';
import type { ProphetAnswer, ProphetTask } from './prophet-worker.ts';

/** Newest values that are fitted. */
const longestHistory = { long: 672, short: 2880 };
const leastWeeks = 2.2;
/** A fit takes a tenth of a second, now and then some seconds; what takes longer is given up. */
const patienceMs = 60_000;

type Answered = Exclude<ProphetAnswer, { readonly failed: string }>;

/**
 * Prophet (Taylor & Letham 2018): a trend with changepoints and Fourier seasons of day and week, fitted by Stan, on the logarithmic scale. By augurs in a
 * worker thread. Constant series are kept from it: it traps on them. {@link close} ends the thread.
 */
export class ProphetForecaster implements Forecaster {
  readonly name = 'Prophet';
  #worker: Worker | undefined;
  #tasks = 0;
  readonly #waiting = new Map<number, Deferred<Answered | undefined>>();

  async forecast(series: Series, end: number, horizon: number): Promise<Forecast | undefined> {
    const { day, week } = calendarOf(series.bucketMs);
    const start = Math.max(0, end - (series.bucketMs >= 1_800_000 ? longestHistory.long : longestHistory.short));
    const length = end - start;
    if (length < 24 || isConstant(series.values, start, end)) return undefined;
    const scale = scaleOf(series.values, end, start);
    const answer = await this.#ask({
      id: ++this.#tasks, startSeconds: Math.round((series.startMs + start * series.bucketMs) / 1000), bucketSeconds: series.bucketMs / 1000, horizon,
      z: Float64Array.from({ length }, (_, i) => scale.to(series.values[start + i] as number)),
      daily: day > 0 && length >= 2 * day, weekly: week > 0 && length >= leastWeeks * week,
    });
    return answer === undefined ? undefined : onScale(answer, scale.from);
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#giveUp();
    await worker?.terminate();
  }

  async #ask(task: ProphetTask): Promise<Answered | undefined> {
    const answer = deferred<Answered | undefined>();
    this.#waiting.set(task.id, answer);
    this.#started().postMessage(task);
    const timer = setTimeout(() => void this.close(), patienceMs);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(task.id);
    }
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./prophet-worker.js', import.meta.url.replace('/src/', '/dist/')), { stdout: true, stderr: true }); // its optimizer talks to itself
    worker.unref();
    worker.on('message', (answer: ProphetAnswer) => this.#waiting.get(answer.id)?.resolve('failed' in answer ? undefined : answer));
    worker.on('error', () => this.#lost(worker));
    worker.on('exit', () => this.#lost(worker));
    this.#worker = worker;
    return worker;
  }

  #lost(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#giveUp();
  }

  #giveUp(): void {
    for (const waiting of this.#waiting.values()) waiting.resolve(undefined);
  }
}
