import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32 } from '../lib/prng.ts';
import type { AccessEvent } from '../model/access-event.ts';
import type { Touch } from '../model/recording.ts';
import { sampleRequest } from '../testing/recording-samples.ts';
import { accessEvents } from './access-events.ts';
import { heatmapFromFrequency } from './frequency-heatmap.ts';
import { heatmapFromPlan } from './plan-heatmap.ts';

const touch = (key: string, access: 'r' | 'w' | 'rw'): Touch => ({ key, revision: 1, read: access.includes('r'), written: access.includes('w') });
const read = (key: string, at: number): AccessEvent => ({ key, access: 'read', at, request: null, route: null });

describe('access events', () => {
  test('are one read and one write for each element touched, with the route', () => {
    const request = sampleRequest(3, { touches: [touch('a', 'rw'), touch('b', 'r')] });
    const common = { at: request.at, request: 'r000003', route: 'GET /cart/:id' };
    expect([...accessEvents([request])]).toEqual([
      { key: 'a', access: 'read', ...common }, { key: 'a', access: 'write', ...common }, { key: 'b', access: 'read', ...common },
    ]);
  });
});

describe('the heatmap of a plan', () => {
  const anyTouch = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), access: fc.constantFrom('r' as const, 'w' as const, 'rw' as const) });
  const anyPlan = fc.array(fc.record({ at: fc.nat(100_000), touches: fc.uniqueArray(anyTouch, { selector: (item) => item.key }) }), { maxLength: 30 });

  test('counts every access in its bucket, and nothing else', () => {
    fc.assert(fc.property(anyPlan, fc.integer({ min: 1, max: 20 }), (plan, buckets) => {
      const requests = plan.map(({ at, touches }, index) => sampleRequest(index, { at, touches: touches.map(({ key, access }) => touch(key, access)) }));
      const heatmap = heatmapFromPlan(requests, { buckets });
      const events = [...accessEvents(requests)];
      for (const element of heatmap.elements) {
        expect(element.expected).toHaveLength(buckets);
        for (let bucket = 0; bucket < buckets; bucket++) {
          const from = heatmap.startMs + bucket * heatmap.bucketMs;
          const inside = events.filter((event) => event.key === element.key && event.at >= from && event.at < from + heatmap.bucketMs);
          expect(element.expected[bucket]).toBe(inside.length);
          expect(element.pRead[bucket]).toBe(inside.some((event) => event.access === 'read') ? 1 : 0);
          expect(element.pWrite[bucket]).toBe(inside.some((event) => event.access === 'write') ? 1 : 0);
        }
      }
      const total = heatmap.elements.reduce((sum, element) => sum + element.expected.reduce((inner, value) => inner + value, 0), 0);
      expect(total).toBe(events.length);
      expect(heatmap.groups.reduce((sum, group) => sum + group.weight, 0)).toBe(requests.filter((request) => request.touches.length > 0).length);
    }), { numRuns: 100 });
  });

  test('has the hottest first, and groups by what requests touch together', () => {
    const requests = [['a', 'b'], ['b', 'a'], ['b', 'c']].map((keys, index) => sampleRequest(index, { touches: keys.map((key) => touch(key, 'r')) }));
    const heatmap = heatmapFromPlan(requests);
    expect(heatmap.elements.map((element) => element.key)).toEqual(['b', 'a', 'c']);
    expect(heatmap.groups).toEqual([{ keys: ['a', 'b'], weight: 2 }, { keys: ['b', 'c'], weight: 1 }]);
  });

  test('of no plan is empty', () => {
    expect(heatmapFromPlan([])).toMatchObject({ elements: [], groups: [], buckets: 12 });
  });
});

/** Bursts: each element is quiet for long and then accessed often for a while; popularity is skewed. */
function burstyEvents(windows: number, bucketMs: number): AccessEvent[] {
  const prng = sfc32('00000001000000020000000300000004');
  const events: AccessEvent[] = [];
  const until = Array.from({ length: 300 }, () => 0);
  for (let window = 0; window < windows; window++) {
    for (const [element, end] of until.entries()) {
      if (window >= end && prng.next() < 0.1 / (1 + element / 10)) until[element] = window + 1 + Math.floor(prng.next() * 6);
      if (window >= (until[element] ?? 0)) continue;
      for (let count = 0; count < 3; count++) events.push(read(`e${element}`, window * bucketMs + Math.floor(prng.next() * bucketMs)));
    }
  }
  return events.sort((a, b) => a.at - b.at);
}

describe('the heatmap from frequency', () => {
  test('has probabilities between 0 and 1, intervals around the expectation, and the hottest first', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean(), fc.nat(5000)), { maxLength: 60 }), (accesses) => {
      const events = accesses.map(([key, write, at]): AccessEvent => ({ ...read(key, at), access: write ? 'write' : 'read' })).sort((a, b) => a.at - b.at);
      const { elements } = heatmapFromFrequency(events, { bucketMs: 100 });
      expect(new Set(elements.map((element) => element.key))).toEqual(new Set(events.map((event) => event.key)));
      for (const { pRead, pWrite, expected, low, high } of elements) {
        for (const probability of [...pRead, ...pWrite]) expect(probability >= 0 && probability <= 1).toBe(true);
        expect((low[0] ?? 0) <= (expected[0] ?? 0) && (expected[0] ?? 0) <= (high[0] ?? 0)).toBe(true);
      }
      const ranks = elements.map(({ pRead, pWrite, expected }) => (1 - (1 - (pRead[0] ?? 0)) * (1 - (pWrite[0] ?? 0))) * (expected[0] ?? 0));
      expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
    }), { numRuns: 100 });
  });

  test('foretells bursty accesses better than 1 − exp(−rate) and than the average', () => {
    const bucketMs = 1000;
    const events = burstyEvents(120, bucketMs);
    let table = 0;
    let poisson = 0;
    let average = 0;
    let cases = 0;
    for (let window = 60; window < 120; window += 6) {
      const { elements } = heatmapFromFrequency(events.filter((event) => event.at < window * bucketMs), { bucketMs });
      const hit = new Set(events.filter((event) => event.at >= window * bucketMs && event.at < (window + 1) * bucketMs).map((event) => event.key));
      const base = elements.filter((element) => hit.has(element.key)).length / elements.length;
      for (const { key, pRead, expected } of elements) {
        const outcome = hit.has(key) ? 1 : 0;
        table += ((pRead[0] ?? 0) - outcome) ** 2;
        poisson += (1 - Math.exp(-(expected[0] ?? 0)) - outcome) ** 2;
        average += (base - outcome) ** 2;
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(1000);
    expect(table).toBeLessThan(poisson);
    expect(table).toBeLessThan(average * 0.8); // a Brier skill of at least 0.2 over knowing the window's own base rate
  });

  test('takes long silences in its stride', () => {
    const { elements, startMs } = heatmapFromFrequency([read('a', 0), read('b', 1e12)], { bucketMs: 10 });
    expect(elements.map((element) => element.key)).toEqual(['b', 'a']);
    expect(startMs).toBeGreaterThan(1e12);
  });

  test('keeps as many as asked for, and is empty for nothing', () => {
    expect(heatmapFromFrequency([read('a', 0), read('b', 1), read('b', 2)], { bucketMs: 10, limit: 1 }).elements.map((element) => element.key)).toEqual(['b']);
    expect(heatmapFromFrequency([]).elements).toEqual([]);
  });
});
