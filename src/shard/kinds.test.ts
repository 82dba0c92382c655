import { expect, test } from 'vitest';
import { ownersOf } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import { kindValues } from '../model/kind-values.ts';
import { factorsOf, heatmapOf } from './kinds.ts';
import { placeElements } from './placement.ts';

const keys = [...Array.from({ length: 30 }, (_, id) => `redis:0/cart:${id}`), ...Array.from({ length: 30 }, (_, id) => `http:catalogue/GET /p/${id}`)];
const heatmap: Heatmap = {
  kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'test', startMs: 0, bucketMs: 1, buckets: 1,
  elements: keys.map((key) => ({ key, pRead: [1], pWrite: [0], expected: [2], low: [2], high: [2] })),
  groups: Array.from({ length: 30 }, (_, id) => ({ keys: [`redis:0/cart:${id}`, `redis:0/cart:${(id + 1) % 30}`, `http:catalogue/GET /p/${id}`], weight: 1 })),
};
const members = ['a', 'b', 'c', 'd'].map((id) => ({ id, address: 'embedded', zone: id, capacity: 1 }));
const kinds = kindValues({ default: 2, http: 1, 'http:prices': 2, 'redis:1': 3 }, 1);

test('kinds with as many copies share a factor, and every element has exactly one', () => {
  const factors = factorsOf(kinds, 4);
  expect(factors.map(({ replicas, prefixes }) => [replicas, prefixes])).toEqual([[2, ['', 'http:prices/']], [1, ['http:']], [3, ['redis:1/']]]);
  for (const key of [...keys, 'http:prices/GET /x', 'redis:1/x', 'other:a/b']) expect(factors.filter(({ has }) => has(key)).length).toBe(1);
  expect(factorsOf(kinds, 1).map(({ replicas }) => replicas)).toEqual([1]);
});

test('each kind has as many copies as it asks for, also of elements nobody has heard of', () => {
  const maps = factorsOf(kinds, 4).map((factor) => ({ factor, map: placeElements(heatmapOf(heatmap, factor), members, undefined, factor).map }));
  const owners = (key: string): number => maps.filter(({ factor }) => factor.has(key)).reduce((sum, { map }) => sum + ownersOf(map, key).length, 0);
  expect(['redis:0/never:seen', 'redis:0/{x}:y', 'http:prices/GET /never', 'http:catalogue/GET /never', 'redis:1/session'].map(owners)).toEqual([2, 2, 2, 1, 3]);
});

test('the heatmap of a factor is what it says of its elements, groups included', () => {
  const parts = factorsOf(kinds, 4).map((factor) => heatmapOf(heatmap, factor));
  expect(parts.map(({ elements, groups }) => [elements.length, groups.length, groups[0]?.keys.length])).toEqual([[30, 30, 2], [30, 30, 1], [0, 0, undefined]]);
});
