import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MaxHeap } from './max-heap.ts';

test('gives what was put in, the largest key first, whenever it is asked', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: -50, max: 50 }))), (steps) => {
    const heap = new MaxHeap();
    const inside: { item: number; key: number }[] = [];
    for (const [item, key] of steps.entries()) {
      if (key !== null) {
        heap.push(item, key);
        inside.push({ item, key });
      } else {
        const popped = heap.pop();
        expect(popped?.key).toBe(inside.length === 0 ? undefined : Math.max(...inside.map((entry) => entry.key)));
        if (popped !== undefined) inside.splice(inside.findIndex((entry) => entry.item === popped.item && entry.key === popped.key), 1);
      }
      expect(heap.size).toBe(inside.length);
    }
  }));
});
