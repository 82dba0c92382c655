import { expect, test } from 'vitest';
import { ownersOf } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import { kindOf, placeKinds } from './kinds.ts';

const keys = [...Array.from({ length: 30 }, (_, id) => `redis:0/cart:${id}`), ...Array.from({ length: 30 }, (_, id) => `http:catalogue/GET /p/${id}`)];
const heatmap: Heatmap = {
  kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'test', startMs: 0, bucketMs: 1, buckets: 1,
  elements: keys.map((key) => ({ key, pRead: [1], pWrite: [0], expected: [2], low: [2], high: [2] })),
  groups: Array.from({ length: 30 }, (_, id) => ({ keys: [`redis:0/cart:${id}`, `redis:0/cart:${(id + 1) % 30}`, `http:catalogue/GET /p/${id}`], weight: 1 })),
};
const members = ['a', 'b', 'c', 'd'].map((id) => ({ id, address: 'embedded', zone: id, capacity: 1 }));

test('the longest prefix that fits names the kind', () => {
  expect(kindOf('redis:1/x', ['', 'redis:', 'redis:1/'])).toBe('redis:1/');
  expect(kindOf('http:a/b', ['', 'redis:'])).toBe('');
});

test('each kind has as many copies as it asks for, also of elements nobody has heard of, and its map moves by itself', () => {
  const kinds = [{ prefix: '', replicas: 2 }, { prefix: 'http:', replicas: 1 }, { prefix: 'redis:1/', replicas: 3 }];
  const placed = placeKinds(heatmap, members, new Map(), kinds);
  const ownersIn = (prefix: string, key: string): number => ownersOf((placed.get(prefix) as { map: Parameters<typeof ownersOf>[0] }).map, key).length;
  expect(['redis:0/never:seen', 'redis:0/{x}:y'].map((key) => ownersIn('', key))).toEqual([2, 2]);
  expect(['http:prices/GET /never', 'http:catalogue/GET /seen'].map((key) => ownersIn('http:', key))).toEqual([1, 1]);
  expect(ownersIn('redis:1/', 'redis:1/session')).toBe(3);
  const maps = new Map([...placed].map(([prefix, { map }]) => [prefix, map]));
  const settled = placeKinds(heatmap, members, maps, kinds);
  expect([...settled.keys()]).toEqual(['', 'http:', 'redis:1/']);
  expect(settled.get('redis:1/')?.map.epoch).toBe(1);
});
