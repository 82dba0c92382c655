import { expect, test } from 'vitest';
import { sfc32 } from './prng.ts';
import { Zipf } from './zipf.ts';

test.each([[0, 50], [0.7, 50], [1, 50], [1.1, 50], [2, 50], [1.2, 1], [0.9, 3]])('exponent %s over %i ranks: each is drawn as often as the law says', (exponent, ranks) => {
  const prng = sfc32('00000001000000020000000300000012');
  const zipf = new Zipf(ranks, exponent);
  const draws = 200_000;
  const counts = new Float64Array(ranks + 1);
  for (let i = 0; i < draws; i++) {
    const rank = zipf.draw(prng);
    counts[rank] = (counts[rank] as number) + 1;
  }
  const weights = Array.from({ length: ranks }, (_, index) => (index + 1) ** -exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  weights.forEach((weight, index) => {
    const expected = (draws * weight) / total;
    expect(zipf.share(index + 1)).toBeCloseTo(weight / total, 9);
    expect(Math.abs((counts[index + 1] as number) - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1);
  });
  expect(zipf.shareOfFirst(ranks)).toBeCloseTo(1, 9);
});

test('shares over many ranks add up to one', () => {
  const zipf = new Zipf(1_000_000, 1.1);
  let sum = 0;
  for (let rank = 1; rank <= 1_000_000; rank++) sum += zipf.share(rank);
  expect(sum).toBeCloseTo(1, 6);
  expect(zipf.shareOfFirst(2)).toBeCloseTo(zipf.share(1) + zipf.share(2), 9);
});
