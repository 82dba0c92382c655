import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { distinctItems } from './distinct-items.ts';

test('each revision once, and every original finds its own', () => {
  const item = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), revision: fc.integer({ min: 1, max: 4 }) });
  fc.assert(fc.property(fc.array(item, { maxLength: 40 }), (items) => {
    const { items: distinct, places } = distinctItems(items, items.map(({ key }) => key.charCodeAt(0)));
    const names = distinct.map(({ key, revision }) => `${key} ${revision}`);
    expect(new Set(names).size).toBe(names.length);
    expect(places === undefined).toBe(distinct === items);
    for (const [index, { key, revision }] of items.entries()) expect(names[places?.[index] ?? index]).toBe(`${key} ${revision}`);
    for (const [index, place] of (places ?? []).entries()) expect(place).toBeLessThanOrEqual(index);
  }));
});
