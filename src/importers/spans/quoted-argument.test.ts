import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { endOfQuoted, quoted, unquoted } from './quoted-argument.ts';

const bytes = fc.uint8Array().map((array) => Buffer.from(array).toString('latin1'));

test('any key comes back, and stands in one line', () => {
  fc.assert(fc.property(fc.oneof(bytes, fc.string({ unit: fc.constantFrom('a', '"', '\\', ' ', '?', '[', ';', '.', '\n') })), (key) => {
    const text = quoted(key);
    expect(unquoted(text)).toBe(key);
    expect(text).toMatch(/^[^\u0000-\u001f]+$/);
    if (text.startsWith('"')) expect(endOfQuoted(text, 0)).toBe(text.length);
  }), { numRuns: 500 });
});

test('plain keys stay plain', () => {
  for (const key of ['cart:7', 'a{b}c', 'x/y.z', Buffer.from('über').toString('latin1')]) expect(quoted(key)).toBe(Buffer.from(key, 'latin1').toString());
  expect(['', '?', '[1', 'a;b', 'cut...', 'a b', "it's"].map(quoted)).toEqual(['""', '"?"', '"[1"', '"a;b"', '"cut..."', '"a b"', '"it\'s"']);
});

test('what only begins like a quoted key is taken as it is', () => {
  expect(['"abc', 'abc"', '"a"b', '"'].map(unquoted)).toEqual(['"abc', 'abc"', '"a"b', '"']);
});
