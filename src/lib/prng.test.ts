import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sfc32, shuffled } from './prng.ts';

const seed = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 32, maxLength: 32 }).map((digits) => digits.map((digit) => digit.toString(16)).join(''));

test('the same seed gives the same draws, all in [0, 1)', () => {
  fc.assert(fc.property(seed, (text) => {
    const [a, b] = [sfc32(text), sfc32(text)];
    for (let i = 0; i < 20; i++) {
      const draw = a.next();
      expect(draw).toBe(b.next());
      expect(draw >= 0 && draw < 1).toBe(true);
    }
  }));
});

test('draws are spread evenly', () => {
  const prng = sfc32('0123456789abcdef0123456789abcdef');
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 100_000; i++) buckets[Math.floor(prng.next() * 10)]! += 1;
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('shuffling keeps every item and leaves the given array alone', () => {
  fc.assert(fc.property(fc.array(fc.integer()), seed, (items, text) => {
    const before = [...items];
    const out = shuffled(items, sfc32(text));
    expect(items).toEqual(before);
    expect([...out].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
  }));
});
