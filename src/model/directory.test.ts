import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotOf, tagOf } from './directory.ts';
import { slotCount } from './shard-map.ts';

test.each([
  ['redis:0/cart:7', 'redis:0/cart:7'],
  ['redis:0/cart:7:items', 'redis:0/cart:7'],
  ['redis:0/user:7:order:9:lines', 'redis:0/user:7:order:9'],
  ['redis:0/{user:7}:orders', 'user:7'],
  ['http:catalogue/GET /product/{7}', '7'],
  ['redis:0/{}:x', 'redis:0/{}:x'],
  ['http:catalogue/GET /product/7/reviews', 'http:catalogue/GET /product/7'],
  ['redis:0/settings', 'redis:0/settings'],
  ['no key', 'no key'],
])('the tag of %s is %s', (key, tag) => {
  expect(tagOf(key)).toBe(tag);
});

test('every key has a slot, and elements of one entity share it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.nat(), (name, id) => {
    const slot = slotOf(`redis:0/${name}`);
    expect(Number.isInteger(slot) && slot >= 0 && slot < slotCount).toBe(true);
    expect(slotOf(`redis:0/cart:${id}:items`)).toBe(slotOf(`redis:0/cart:${id}`));
  }));
});
