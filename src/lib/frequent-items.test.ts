import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrequentItems } from './frequent-items.ts';

test('counts exactly while there are counters for all', () => {
  const items = new FrequentItems(8);
  for (const item of [1, 2, 1, 4294967295, 1]) items.add(item);
  items.add(2, 10);
  expect([...items].sort((a, b) => b.count - a.count)).toEqual([{ item: 2, count: 11, error: 0 }, { item: 1, count: 3, error: 0 }, { item: 4294967295, count: 1, error: 0 }]);
  expect(items.total).toBe(15);
  items.clear();
  expect([...items]).toEqual([]);
  items.add(7);
  expect([...items]).toEqual([{ item: 7, count: 1, error: 0 }]);
});

test('the true count lies between its bounds, and whatever exceeds total ÷ counters is kept', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 5 })), { maxLength: 400 }), fc.integer({ min: 1, max: 12 }), (stream, capacity) => {
    const items = new FrequentItems(capacity);
    const truth = new Map<number, number>();
    for (const [item, count] of stream) {
      items.add(item, count);
      truth.set(item, (truth.get(item) ?? 0) + count);
    }
    const kept = new Map([...items].map((one) => [one.item, one]));
    expect(kept.size).toBe(Math.min(capacity, truth.size));
    expect([...kept.values()].reduce((sum, { count }) => sum + count, 0)).toBe(items.total);
    for (const { item, count, error } of kept.values()) {
      expect(truth.get(item)).toBeLessThanOrEqual(count);
      expect(truth.get(item)).toBeGreaterThanOrEqual(count - error);
    }
    for (const [item, count] of truth) if (count > items.total / capacity) expect(kept.has(item)).toBe(true);
  }), { numRuns: 300 });
});
