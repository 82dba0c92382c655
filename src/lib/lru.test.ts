import { expect, test } from 'vitest';
import { Lru } from './lru.ts';

test('forgets what was used longest ago', () => {
  const cache = new Lru<string, number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.get('a');
  cache.set('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
});

test('counts weight, also of replaced and refused values', () => {
  const cache = new Lru<string, string>(10, (value) => value.length);
  cache.set('a', 'xxxx');
  cache.set('a', 'yy');
  expect(cache.weight).toBe(2);
  cache.set('big', 'z'.repeat(11));
  expect([cache.size, cache.weight]).toEqual([1, 2]);
  cache.set('b', 'z'.repeat(9));
  expect([cache.get('a'), cache.weight]).toEqual([undefined, 9]);
});
