import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MetricSample, TrafficItem } from '../model/traffic.ts';
import { TimeOrder } from './time-order.ts';

const sampleAt = (at: number, value = 0): MetricSample => ({ kind: 'metric', at, member: 'a', metric: 'cpu', value });

test('items leave in order of time, and none is lost', () => {
  fc.assert(fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 1000 }))), (batches) => {
    const order = new TimeOrder({ horizonMs: Number.POSITIVE_INFINITY });
    const early = batches.flatMap((batch) => order.push(batch.map((at) => sampleAt(at))));
    expect(early).toEqual([]);
    const rest = [...order.drain(7)].flat().map(({ at }) => at);
    expect(rest).toEqual(batches.flat().sort((a, b) => a - b));
  }));
});

test('disorder within the horizon is put right as the items pass', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: 200 }), (jitters) => {
    const order = new TimeOrder({ horizonMs: 100 });
    const out: TrafficItem[] = jitters.flatMap((jitter, index) => order.push([sampleAt(index * 10 + jitter)]));
    out.push(...[...order.drain()].flat());
    expect(out.map(({ at }) => at)).toEqual(out.map(({ at }) => at).sort((a, b) => a - b));
    expect(out).toHaveLength(jitters.length);
  }));
});

test('items of one moment keep their order, and a full house lets the oldest go', () => {
  const order = new TimeOrder({ horizonMs: Number.POSITIVE_INFINITY, mostItems: 2 });
  expect(order.push([sampleAt(5, 1), sampleAt(5, 2), sampleAt(1, 3), sampleAt(5, 4)]).map((item) => (item as MetricSample).value)).toEqual([3, 1]);
  expect([...order.drain()].flat().map((item) => (item as MetricSample).value)).toEqual([2, 4]);
});
