import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Touch } from '../model/recording.ts';
import { sampleRequest } from '../testing/recording-samples.ts';
import { heatmapFromPlan } from './plan-heatmap.ts';
import { accessEvents, recordingItems } from './recording-items.ts';

const touch = (key: string, access: 'r' | 'w' | 'rw'): Touch => ({ key, revision: 1, read: access.includes('r'), written: access.includes('w') });

describe('access events', () => {
  test('are one read and one write for each element touched, with the route', () => {
    const request = sampleRequest(3, { touches: [touch('a', 'rw'), touch('b', 'r')] });
    const common = { kind: 'access', at: request.at, request: 'r000003', route: 'GET /cart/:id' };
    expect([...accessEvents([request])]).toEqual([
      { key: 'a', access: 'read', ...common }, { key: 'a', access: 'write', ...common }, { key: 'b', access: 'read', ...common },
    ]);
  });

  test('come with the requests they belong to and their calls, in order of time', () => {
    const late = sampleRequest(2, { at: 2000, touches: [touch('a', 'r')], calls: [] });
    const early = sampleRequest(1, { at: 1000, touches: [], request: { ...late.request, headers: [['Cookie', 'sid=7']] } });
    expect([...recordingItems([late, early])].map((item) => [item.kind, item.at])).toEqual([['request', 1000], ['request', 2000], ['access', 2000]]);
    expect([...recordingItems([early])][0]).toMatchObject({ actor: 'sid=7', service: '', request: 'r000001' });
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
