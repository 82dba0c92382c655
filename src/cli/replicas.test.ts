import { expect, test } from 'vitest';
import { replicasOf } from './replicas.ts';

test('copies for all state, and for some kinds of it', () => {
  expect(replicasOf('2')).toBe(2);
  expect(replicasOf('2,redis=3,http:catalogue=1')).toEqual({ default: 2, redis: 3, 'http:catalogue': 1 });
  expect(replicasOf('http=1')).toEqual({ http: 1 });
});

test.each(['', '0', '17', '2,', '2,3', 'redis=', 'redis:=2', '1.5', 'redis=2,redis=3', 'redis:0/x=2'])('%j is refused', (text) => {
  expect(() => replicasOf(text)).toThrow(expect.objectContaining({ code: 'usage' }));
});
