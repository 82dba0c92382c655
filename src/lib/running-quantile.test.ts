import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RunningQuantile } from './running-quantile.ts';

test('is not known before there are values', () => {
  const quantile = new RunningQuantile(0.95);
  for (let value = 0; value < 15; value++) quantile.record(value);
  expect(quantile.value).toBeNaN();
  quantile.record(15);
  expect(quantile.value).toBe(15);
});

test('is the quantile of the last 128 values, in whatever order they came', () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 16, maxLength: 400 }), fc.constantFrom(0.5, 0.95, 1), (values, share) => {
    const quantile = new RunningQuantile(share);
    for (const value of values) quantile.record(value);
    const seen = values.slice(0, values.length - (values.length % 16)).slice(-128).sort((a, b) => a - b);
    expect(quantile.value).toBe(seen[Math.ceil(share * seen.length) - 1]);
  }));
});

test('forgets what was', () => {
  const quantile = new RunningQuantile(0.95);
  for (let n = 0; n < 1008; n++) quantile.record(500);
  for (let n = 0; n < 128; n++) quantile.record(1);
  expect(quantile.value).toBe(1);
});
