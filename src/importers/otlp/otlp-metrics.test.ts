import { expect, test } from 'vitest';
import { imported, sample } from '../../../test/fixtures/importers/imports.ts';
import { ImportProblems } from '../problems.ts';
import { importOtlpJson } from './otlp-json.ts';
import { OtlpMetrics } from './otlp-metrics.ts';

type Point = readonly [seconds: number, value: number | string, attributes?: Readonly<Record<string, string>>, startSeconds?: number];

const keyValues = (attributes: Readonly<Record<string, string>>): unknown => Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
const points = (list: readonly Point[]): unknown => list.map(([seconds, value, attributes = {}, start]) => ({
  timeUnixNano: `${seconds}000000000`, ...(start === undefined ? {} : { startTimeUnixNano: `${start}000000000` }), ...(typeof value === 'string' ? { asInt: value } : { asDouble: value }), attributes: keyValues(attributes),
}));
const gauge = (name: string, list: readonly Point[], unit = '1'): unknown => ({ name, unit, gauge: { dataPoints: points(list) } });
const sum = (name: string, list: readonly Point[], isMonotonic = true, aggregationTemporality: number | string = 2): unknown => ({ name, unit: 's', sum: { isMonotonic, aggregationTemporality, dataPoints: points(list) } });

const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });

function samples(metrics: OtlpMetrics, list: readonly unknown[], resource: Readonly<Record<string, string>> = { 'service.instance.id': 'shop-1' }): string[] {
  const message = { resource: { attributes: keyValues(resource) }, scopeMetrics: [{ metrics: list }] };
  return metrics.samplesOf(message, { number: 1, service: '', problems }).map(({ at, member, metric, value }) => `${at / 1000} ${member} ${metric} ${Math.round(value * 1000) / 1000}`);
}

test('the member is the instance, else the host, else the service', () => {
  const one = [gauge('queue.size', [[1, '7']])];
  expect(samples(new OtlpMetrics(), one, { 'service.name': 'shop', 'host.name': 'web1', 'service.instance.id': 'shop-1' })).toEqual(['1 shop-1 queue.size 7']);
  expect(samples(new OtlpMetrics(), one, { 'service.name': 'shop', 'host.name': 'web1' })).toEqual(['1 web1 queue.size 7']);
  expect(samples(new OtlpMetrics(), one, { 'service.name': 'shop' })).toEqual(['1 shop queue.size 7']);
});

test('CPU and memory have short names, the one nearest to the service first', () => {
  const metrics = new OtlpMetrics();
  expect(samples(metrics, [gauge('system.cpu.utilization', [[1, 0.5]]), gauge('process.cpu.utilization', [[1, 0.2]]), gauge('system.cpu.utilization', [[2, 0.6]])])).toEqual(['1 shop-1 cpu 0.5', '1 shop-1 cpu 0.2', '2 shop-1 system.cpu.utilization 0.6']);
  expect(samples(metrics, [sum('process.memory.usage', [[1, '1000'], [2, '900']], false), gauge('container.memory.working_set', [[1, 3]], 'By')])).toEqual(['1 shop-1 memory 1000', '2 shop-1 memory 900', '1 shop-1 container.memory.working_set 3']);
});

test('states that are idle do not count, states add up, CPUs are averaged', () => {
  const states: readonly Point[] = ['0', '1'].flatMap((cpu): Point[] => [[1, 0.2, { cpu, state: 'user' }], [1, 0.1, { cpu, state: 'system' }], [1, 0.7, { cpu, state: 'idle' }]]);
  expect(samples(new OtlpMetrics(), [gauge('system.cpu.utilization', states)])).toEqual(['1 shop-1 cpu 0.3']);
  expect(samples(new OtlpMetrics(), [sum('system.memory.usage', [[1, 600, { 'system.memory.state': 'used' }], [1, 400, { 'system.memory.state': 'free' }]], false)])).toEqual(['1 shop-1 memory 600']);
  expect(samples(new OtlpMetrics(), [gauge('pool.fill', [[1, 0.2, { pool: 'a' }], [1, 0.4, { pool: 'b' }]])])).toEqual(['1 shop-1 pool.fill 0.3']);
  expect(samples(new OtlpMetrics(), [gauge('heap', [[1, 20, { pool: 'a' }], [1, 40, { pool: 'b' }]], 'By')])).toEqual(['1 shop-1 heap 60']);
});

test('monotonic sums become rates, series by series', () => {
  const metrics = new OtlpMetrics();
  expect(samples(metrics, [sum('requests', [[10, '100', { code: '200' }], [10, '5', { code: '500' }]])])).toEqual([]);
  expect(samples(metrics, [sum('requests', [[20, '150', { code: '200' }], [20, '6', { code: '500' }]])])).toEqual(['20 shop-1 requests 5.1']);
  // started again
  expect(samples(metrics, [sum('requests', [[30, '10', { code: '200' }]])])).toEqual([]);
  expect(samples(metrics, [sum('requests', [[40, '30', { code: '200' }]])])).toEqual(['40 shop-1 requests 2']);
  // the same export again
  expect(samples(metrics, [sum('requests', [[40, '30', { code: '200' }]])])).toEqual([]);
  expect(samples(metrics, [sum('deltas', [[20, 50, {}, 10]], true, 'AGGREGATION_TEMPORALITY_DELTA')])).toEqual(['20 shop-1 deltas 5']);
});

test('what is neither is left out and named', async () => {
  const { items, problems: found } = await imported(importOtlpJson, sample('otlp-metrics.jsonl'));
  expect(items.map((item) => (item.kind === 'metric' ? `${item.member} ${item.metric}` : ''))).toEqual(['shop-1 nodejs.eventloop.utilization', 'shop-1 v8js.memory.heap.used', 'shop-1 nodejs.eventloop.utilization', 'shop-1 nodejs.eventloop.time', 'shop-1 v8js.memory.heap.used']);
  expect(found.notes).toEqual([{ what: 'metrics left out, being no gauges or sums', subject: 'http.server.request.duration', count: 2 }]);
});
