import { expect, test } from 'vitest';
import { sfc32 } from '../../lib/prng.ts';
import { CountMinSketch, DistinctCounter } from './sketch.ts';

test('a Count-Min sketch never undercounts, and stays within its bound', () => {
  const sketch = new CountMinSketch(1 << 10);
  const prng = sfc32('00000001000000020000000300000004');
  const counts = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    const name = `k${Math.floor(5000 * prng.next() ** 3)}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    sketch.add(name);
  }
  let above = 0;
  for (const [name, count] of counts) {
    expect(sketch.estimate(name)).toBeGreaterThanOrEqual(count);
    if (sketch.estimate(name) > count + sketch.errorBound) above++;
  }
  expect(sketch.total).toBe(50_000);
  expect(above / counts.size).toBeLessThan(0.02);
});

test.each([10, 1000, 100_000])('%i different names are counted within 3 %%', (count) => {
  const counter = new DistinctCounter();
  for (let round = 0; round < 2; round++) for (let i = 0; i < count; i++) counter.add(`name:${i}`);
  expect(Math.abs(counter.estimate - count) / count).toBeLessThan(0.03);
});
