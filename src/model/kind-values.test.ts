import { expect, test } from 'vitest';
import { kindValues, valueFor } from './kind-values.ts';

test('one value is for all', () => {
  expect(kindValues(2, 1)).toEqual([{ prefix: '', value: 2 }]);
  expect(valueFor('http:a/b', kindValues(2, 1))).toBe(2);
});

test('the longest name that fits decides, and is no part of a longer word', () => {
  const values = kindValues({ default: 2, redis: 3, 'redis:1': 4, http: 1 }, 9);
  const of = (key: string): number => valueFor(key, values);
  expect(['redis:0/x', 'redis:1/x', 'redis:10/x', 'http:catalogue/GET /p', 'https:a/b', ''].map(of)).toEqual([3, 4, 3, 1, 2, 2]);
});

test('what is not named has what holds where nothing is said', () => {
  expect(valueFor('redis:0/x', kindValues({ http: 'one' }, 'quorum'))).toBe('quorum');
});
