import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { murmur3 } from '../lib/hash.ts';
import { looksLikeId } from './route.ts';
import { parseStateKey } from './state-key.ts';
import { tagHash, tagOf } from './tag.ts';

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

/** The definition as it was first written: the oracle of the fast one. */
function definition(key: string): string {
  const name = parseStateKey(key)?.name ?? key;
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open + 1);
  if (close > open + 1) return name.slice(open + 1, close);
  let end = -1;
  const parts = /[^:/|.?&= ]+/g;
  for (let part = parts.exec(name); part !== null; part = parts.exec(name)) if (looksLikeId(part[0])) end = key.length - name.length + parts.lastIndex;
  return end < 0 ? key : key.slice(0, end);
}

const part = fc.oneof(
  fc.constantFrom('cart', 'user', 'GET ', 'oauth2', 'v2', 'Session', 'x-y_z', '{', '}', '{}', 'abcdefabcdefabcd', 'deadbeef01', '0xff', 'Zq3xR9tLw0Pa', 'a@b', '%41', '2024-01-02', '-7', '.', '?', '=', 'é', ''),
  fc.nat().map(String), fc.uuid(), fc.string({ unit: 'binary', maxLength: 8 }), fc.stringMatching(/^[a-z]{1,30}$/), fc.stringMatching(/^[A-Za-z0-9_-]{1,30}$/),
);
const keys = fc.tuple(fc.constantFrom('redis:0/', 'redis:cache.1/', 'http:catalogue/', ':/', 'redis:', '/', ''), fc.array(part, { maxLength: 6 }), fc.constantFrom(':', '/', '', '|')).map(([scope, parts, separator]) => scope + parts.join(separator));

test('tags and their hashes are those of the definition, for any text', () => {
  fc.assert(fc.property(keys, (key) => {
    expect(tagOf(key)).toBe(definition(key));
    expect(tagHash(key)).toBe(murmur3(definition(key)));
  }), { numRuns: 3000 });
});
