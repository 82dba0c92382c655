import { expect, test } from 'vitest';
import { murmur3 } from './hash.ts';

test('murmur3 gives the reference values of the x86 32-bit variant', () => {
  expect(murmur3('')).toBe(0);
  expect(murmur3('', 1)).toBe(0x514e28b7);
  expect(murmur3('hello')).toBe(0x248bfa47);
  expect(murmur3('hello, world')).toBe(0x149bbb7f);
  expect(murmur3('The quick brown fox jumps over the lazy dog')).toBe(0x2e4ff723);
});
