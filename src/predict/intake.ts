/*
 * Takes traffic in, in order of time, and keeps what forecasts are made from, in bounded memory: a series of requests for each route, of samples for each resource, the
 * accesses of each element window by window, who is accessed together with whom, and who calls whom.
 */
import type { Prng } from '../lib/prng.ts';
import type { AccessEvent, CallEvent, MetricSample, RequestEvent, TrafficItem } from '../model/traffic.ts';
import { CoAccessModel } from './elements/co-access.ts';
import { ElementHistory } from './elements/element-history.ts';
import { ElementRegistry } from './elements/element-registry.ts';
import { GroupTable } from './elements/group-table.ts';
import { DependencyGraph, seriesName } from './graph/dependency-graph.ts';
import { SeriesCounter } from './series/series-counter.ts';
import { Trails } from './trails.ts';

/** Options of {@link TrafficIntake}. */
export interface IntakeOptions {
  /** Length of a window, and of a bucket of the heatmap, in ms. */
  readonly windowMs: number;
  readonly prng: Prng;
  /** Elements that are followed one by one; 2 million when left out. */
  readonly mostElements?: number;
}

/** What the traffic consisted of. */
export interface IntakeCounts {
  requests: number;
  accesses: number;
  calls: number;
  samples: number;
  /** Items that came more than a window late: they count for the open window. */
  late: number;
}

/** Windows in silence that are closed one by one; a longer silence is as if it had lasted so long. */
const mostIdleWindows = 200;

/** Everything that forecasts are made from. */
export class TrafficIntake {
  readonly windowMs: number;
  readonly elements: ElementRegistry;
  readonly reads: ElementHistory;
  readonly writes: ElementHistory;
  readonly coAccess: CoAccessModel = new CoAccessModel();
  readonly groups: GroupTable = new GroupTable();
  readonly graph: DependencyGraph = new DependencyGraph();
  readonly counts: IntakeCounts = { requests: 0, accesses: 0, calls: 0, samples: 0, late: 0 };
  /** Requests by {@link seriesName}. */
  readonly routes: Map<string, SeriesCounter> = new Map();
  /** Samples by member and metric. */
  readonly metrics: Map<string, { readonly member: string; readonly metric: string; readonly series: SeriesCounter }> = new Map();
  readonly #trails = new Trails();
  #originMs = Number.NaN;
  #window = 0;
  #firstMs = 0;
  #lastMs = 0;
  /** Windows that were left out of a long silence. */
  #skipped = 0;

  constructor(options: IntakeOptions) {
    this.windowMs = options.windowMs;
    this.reads = new ElementHistory(options.prng);
    this.writes = new ElementHistory(options.prng);
    this.elements = new ElementRegistry({
      most: options.mostElements ?? 2_000_000, prng: options.prng,
      total: (number) => this.reads.table.total(number) + this.writes.table.total(number),
      onReplaced: (number) => {
        this.reads.table.forget(number);
        this.writes.table.forget(number);
      },
    });
  }

  /** Number of the open window, from 0 on. */
  get window(): number {
    return this.#window;
  }

  /** When the open window began, Unix ms. */
  get windowStartMs(): number {
    return this.#originMs + (this.#window + this.#skipped) * this.windowMs;
  }

  /** When the newest item was, Unix ms; NaN: there was none. */
  get lastMs(): number {
    return Number.isNaN(this.#originMs) ? Number.NaN : this.#lastMs;
  }

  /** From the first item to the newest, ms. */
  get spanMs(): number {
    return Number.isNaN(this.#originMs) ? 0 : this.#lastMs - this.#firstMs;
  }

  /** Takes one item in. */
  add(item: TrafficItem): void {
    switch (item.kind) {
      case 'request': this.#request(item); break;
      case 'access': this.#access(item); break;
      case 'call': this.#call(item); break;
      case 'metric': this.#metric(item); break;
    }
  }

  /** Ends the open window: call it once, after the last item. */
  finish(): void {
    if (!Number.isNaN(this.#originMs)) this.#close();
  }

  #request(event: RequestEvent): void {
    this.#advance(event.at);
    this.counts.requests++;
    const name = seriesName(event.service, event.route);
    this.#counter(this.routes, name).add(event.at);
    this.graph.request(event);
  }

  #access(event: AccessEvent): void {
    const time = this.#advance(event.at);
    this.counts.accesses++;
    const number = this.elements.access(event.key);
    if (number === undefined) return;
    const isNew = !this.reads.table.has(number) && !this.writes.table.has(number);
    (event.access === 'read' ? this.reads : this.writes).add(number, time);
    this.groups.access(number, event.key, { route: event.route === null ? null : seriesName(event.service ?? '', event.route), isNew, window: this.#window });
    this.#together(event, number);
  }

  #together(event: AccessEvent, number: number): void {
    const trail = this.#trails.of(event.request ?? '');
    if (trail.at(-1) === number) return; // read and written by one request: one touch
    this.coAccess.observe(trail, number);
    trail.push(number);
    if (trail.length > 2 * this.coAccess.context) trail.splice(0, this.coAccess.context);
  }

  #call(event: CallEvent): void {
    this.#advance(event.at);
    this.counts.calls++;
    this.graph.call(event);
  }

  #metric({ at, member, metric, value }: MetricSample): void {
    this.counts.samples++;
    const name = `${member}\u0000${metric}`;
    let known = this.metrics.get(name);
    if (known === undefined) this.metrics.set(name, (known = { member, metric, series: new SeriesCounter(this.windowMs, 'resource') }));
    known.series.add(at, value);
  }

  #counter(counters: Map<string, SeriesCounter>, name: string): SeriesCounter {
    let counter = counters.get(name);
    if (counter === undefined) counters.set(name, (counter = new SeriesCounter(this.windowMs, 'rate')));
    return counter;
  }

  /** Closes windows up to a moment, and tells it in windows; a moment that has passed counts as now. */
  #advance(at: number): number {
    if (Number.isNaN(this.#originMs)) {
      this.#originMs = Math.floor(at / this.windowMs) * this.windowMs;
      this.#firstMs = at;
      this.#lastMs = at;
    }
    if (at < this.windowStartMs) {
      if (at < this.windowStartMs - this.windowMs) this.counts.late++;
      return this.#window + Math.max(0, (this.#lastMs - this.windowStartMs) / this.windowMs);
    }
    const ahead = Math.floor((at - this.windowStartMs) / this.windowMs);
    const idle = Math.min(ahead, mostIdleWindows);
    for (let i = 0; i < idle; i++) this.#close();
    this.#skipped += ahead - idle;
    this.#lastMs = Math.max(this.#lastMs, at);
    return this.#window + (this.#lastMs - this.windowStartMs) / this.windowMs;
  }

  #close(): void {
    this.reads.close(this.#window);
    this.writes.close(this.#window);
    this.#window++;
  }
}
