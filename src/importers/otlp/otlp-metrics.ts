import { Lru } from '../../lib/lru.ts';
import type { MetricSample } from '../../model/traffic.ts';
import { fieldsOf, listOf, numberOf, textOf, type Fields } from '../json-fields.ts';
import type { InputProblems } from '../problems.ts';
import { textAttribute, type Attributes } from '../spans/span.ts';
import { MetricNames } from './metric-names.ts';
import { attributesOf, msOfNanos } from './otlp-attributes.ts';

/** Series whose last value is remembered, to make rates of sums. */
const mostSeries = 100_000;

interface Point {
  readonly atMs: number;
  readonly startMs: number | undefined;
  readonly value: number;
  readonly attributes: Attributes;
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly isRate: boolean;
  readonly isDelta: boolean;
  readonly points: readonly Point[];
}

/**
 * Samples out of OTLP gauges and sums; histograms and summaries are left out. A monotonic sum becomes a rate a second, cumulative ones by
 * the difference to the point before; other sums are levels and stay as they are. The points of one moment that differ in attributes (a
 * CPU state, a memory pool) become one sample: what is a ratio is averaged, what is an amount is added; idle CPU time and free memory do not count.
 */
export class OtlpMetrics {
  readonly #names = new MetricNames();
  readonly #previous = new Lru<string, { readonly atMs: number; readonly startMs: number | undefined; readonly value: number }>(mostSeries);

  /** The samples of one ResourceMetrics message, from JSON or from protobuf with the same names. */
  samplesOf(resourceMetrics: unknown, context: { readonly number: number; readonly service: string; readonly problems: InputProblems }): MetricSample[] {
    const fields = fieldsOf(resourceMetrics);
    const resource = attributesOf(fieldsOf(fields['resource'])['attributes']);
    const member = textAttribute(resource, 'service.instance.id', 'host.name', 'service.name') ?? context.service;
    const samples: MetricSample[] = [];
    for (const scope of [...listOf(fields['scopeMetrics']), ...listOf(fields['instrumentationLibraryMetrics'])]) {
      for (const item of listOf(fieldsOf(scope)['metrics'])) {
        const metric = metricOf(fieldsOf(item));
        if (typeof metric === 'object') samples.push(...this.#samples(metric, member));
        else if (metric === 'other') context.problems.note('metrics left out, being no gauges or sums', textOf(fieldsOf(item)['name']) ?? '');
        else context.problems.addBad({ number: context.number, reason: 'a metric without name', text: JSON.stringify(Object.keys(fieldsOf(item))) });
        if (metric !== 'bad') context.problems.addGood();
      }
    }
    return samples;
  }

  #samples(metric: Metric, member: string): MetricSample[] {
    const moments = new Map<number, number[]>();
    for (const point of metric.points) {
      if (isIdle(point.attributes)) continue;
      const value = metric.isRate ? this.#rate(metric, member, point) : point.value;
      if (value === undefined) continue;
      const values = moments.get(point.atMs);
      if (values === undefined) moments.set(point.atMs, [value]);
      else values.push(value);
    }
    const name = this.#names.shortName(member, metric.name);
    const divisor = isRatio(metric) ? cpuCount(metric.points) : undefined;
    return [...moments].map(([at, values]) => {
      const total = values.reduce((sum, value) => sum + value, 0);
      return { kind: 'metric' as const, at, member, metric: name, value: total / (divisor?.(values.length) ?? 1) };
    });
  }

  #rate(metric: Metric, member: string, point: Point): number | undefined {
    if (metric.isDelta) return point.startMs === undefined || point.startMs >= point.atMs ? undefined : (point.value * 1000) / (point.atMs - point.startMs);
    const key = JSON.stringify([member, metric.name, ...[...point.attributes].sort(([a], [b]) => (a < b ? -1 : 1))]);
    const before = this.#previous.get(key);
    this.#previous.set(key, { atMs: point.atMs, startMs: point.startMs, value: point.value });
    // the counter began anew: nobody knows how far it had come
    if (before === undefined || before.atMs >= point.atMs || point.value < before.value || (point.startMs !== before.startMs && (point.startMs ?? 0) > before.atMs)) return undefined;
    return ((point.value - before.value) * 1000) / (point.atMs - before.atMs);
  }
}

function metricOf(fields: Fields): Metric | 'other' | 'bad' {
  const name = textOf(fields['name']);
  if (name === undefined) return 'bad';
  const gauge = fields['gauge'];
  const sum = fields['sum'];
  if (!isObject(gauge) && !isObject(sum)) return 'other';
  const data = fieldsOf(isObject(gauge) ? gauge : sum);
  const isMonotonic = !isObject(gauge) && data['isMonotonic'] === true;
  const temporality = data['aggregationTemporality'];
  const isDelta = !isObject(gauge) && (temporality === 1 || temporality === 'AGGREGATION_TEMPORALITY_DELTA');
  if (isDelta && !isMonotonic) return 'other'; // changes of a level whose value nobody tells
  return { name, unit: textOf(fields['unit']) ?? '', isRate: isMonotonic, isDelta, points: listOf(data['dataPoints']).flatMap(pointOf) };
}

function pointOf(item: unknown): Point[] {
  const fields = fieldsOf(item);
  const atMs = msOfNanos(fields['timeUnixNano']);
  const value = numberOf(fields['asDouble'] ?? fields['asInt']);
  if (atMs === undefined || value === undefined) return [];
  return [{ atMs, startMs: msOfNanos(fields['startTimeUnixNano']), value, attributes: attributesOf(fields['attributes']) }];
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** States of a CPU in which nothing is done, and of memory that nobody uses. */
const idleStates: ReadonlySet<string> = new Set(['idle', 'iowait', 'wait', 'free', 'cached', 'buffers', 'buffered', 'inactive', 'slab_reclaimable', 'slab_unreclaimable']);

function isIdle(attributes: Attributes): boolean {
  const state = textAttribute(attributes, 'cpu.mode', 'system.cpu.state', 'process.cpu.state', 'system.memory.state', 'linux.memory.state', 'state');
  return state !== undefined && idleStates.has(state);
}

function isRatio({ unit, name }: Metric): boolean {
  return unit === '1' || unit === '%' || /utili[sz]ation$/.test(name);
}

/** States of one CPU add up, CPUs are averaged; other ratios are averaged over all their points. */
function cpuCount(points: readonly Point[]): (values: number) => number {
  const cpus = new Set(points.map(({ attributes }) => textAttribute(attributes, 'cpu.logical_number', 'system.cpu.logical_number', 'cpu') ?? ''));
  const hasStates = points.some(({ attributes }) => textAttribute(attributes, 'cpu.mode', 'system.cpu.state', 'process.cpu.state', 'state') !== undefined);
  return (values) => (hasStates ? cpus.size : values);
}
