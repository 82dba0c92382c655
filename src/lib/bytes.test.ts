import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteString, bytesOf, printable, utf8ByteString } from './bytes.ts';

test('any bytes survive the way through a byte string', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    expect([...bytesOf(byteString(bytes))]).toEqual([...bytes]);
  }));
});

test('a byte string does not share memory with the bytes it came from', () => {
  const bytes = Buffer.from('abc');
  const text = byteString(bytes);
  bytes.fill(0);
  expect(text).toBe('abc');
});

test('printable shows UTF-8 as text and other bytes as escapes', () => {
  expect(printable(utf8ByteString('Grüße'))).toBe('Grüße');
  expect(printable('\xff\x00a')).toBe('\\xff\\x00a');
});
