import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

test('quantiles are within a bucket of the truth', () => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.record(ms);
  expect(histogram.quantile(0.5)).toBeGreaterThan(500 / 1.25);
  expect(histogram.quantile(0.5)).toBeLessThan(500 * 1.25);
  expect(histogram.quantile(0.99)).toBeGreaterThan(990 / 1.25);
  expect([histogram.count, histogram.sumMs]).toEqual([1000, 500_500]);
});

test('nothing, zero and a day have a place', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.quantile(0.5)).toBe(0);
  histogram.record(0);
  histogram.record(86_400_000);
  expect(histogram.quantile(0.1)).toBeLessThanOrEqual(0.001);
  expect(histogram.quantile(1)).toBeGreaterThan(300_000);
});
