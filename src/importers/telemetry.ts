import type { TrafficItem } from '../model/traffic.ts';
import { OtlpMetrics } from './otlp/otlp-metrics.ts';
import { spansOf } from './otlp/otlp-spans.ts';
import type { InputProblems } from './problems.ts';
import { SpanJoiner } from './spans/span-joiner.ts';
import type { TraceSpan } from './spans/span.ts';
import { TimeOrder } from './time-order.ts';

/** Options of {@link Telemetry}. */
export interface TelemetryOptions {
  readonly problems: InputProblems;
  /** The service of spans whose resource names none. */
  readonly service: string;
  /** How far items may be out of order: see {@link TimeOrder}. Default 60,000, which is more than a batch waits in an SDK or a collector. */
  readonly horizonMs?: number;
  /** See {@link SpanJoiner}. */
  readonly mostSpans?: number;
}

const defaultHorizonMs = 60_000;

/** Turns spans and metrics, as they come, into traffic in order of time. */
export class Telemetry {
  readonly #problems: InputProblems;
  readonly #service: string;
  readonly #joiner: SpanJoiner;
  readonly #metrics = new OtlpMetrics();
  readonly #order: TimeOrder;
  #nowMs = 0;

  constructor(options: TelemetryOptions) {
    this.#problems = options.problems;
    this.#service = options.service;
    this.#joiner = new SpanJoiner({ problems: options.problems, ...(options.mostSpans === undefined ? {} : { mostSpans: options.mostSpans }) });
    this.#order = new TimeOrder({ horizonMs: options.horizonMs ?? defaultHorizonMs });
  }

  /** Items that wait for others before them. */
  get waiting(): number {
    return this.#order.size;
  }

  /** Takes one span and gives what is complete. */
  addSpan(span: TraceSpan): TrafficItem[] {
    this.#joiner.add(span, this.#nowMs);
    return this.#order.push(this.#joiner.take());
  }

  /** Takes a ResourceSpans message and gives what is complete. `number` names it in messages about what is wrong with it. */
  addResourceSpans(message: unknown, number: number): TrafficItem[] {
    const out: TrafficItem[] = [];
    for (const span of spansOf(message, { number, service: this.#service, problems: this.#problems })) out.push(...this.addSpan(span));
    return out;
  }

  /** Takes a ResourceMetrics message and gives what is complete. */
  addResourceMetrics(message: unknown, number: number): TrafficItem[] {
    return this.#order.push(this.#metrics.samplesOf(message, { number, service: this.#service, problems: this.#problems }));
  }

  /**
   * For what arrives live: tells the time of the clock on the wall. Traces that got nothing for `idleMs` wait no longer, and items that are twice as old
   * are given: what such a trace still gives is no older.
   */
  tick(nowMs: number, idleMs: number): TrafficItem[] {
    this.#joiner.settleUntouchedSince(nowMs - idleMs);
    this.#nowMs = nowMs;
    return [...this.#order.push(this.#joiner.take()), ...this.#order.releaseBefore(nowMs - 2 * idleMs)];
  }

  /** Gives all that is left: nothing more comes. */
  *finish(): Generator<TrafficItem[]> {
    this.#joiner.finish();
    yield this.#order.push(this.#joiner.take());
    yield* this.#order.drain();
  }
}
