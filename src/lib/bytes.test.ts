import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteString, bytesOf, printable, utf8ByteString, utf8Text } from './bytes.ts';

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

test('any text survives the way through its UTF-8 bytes', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (text) => {
    expect(utf8ByteString(text)).toBe(byteString(Buffer.from(text, 'utf8')));
    expect(utf8Text(utf8ByteString(text))).toBe(text);
  }));
});

test('printable shows UTF-8 as text and other bytes as escapes', () => {
  expect(printable(utf8ByteString('Grüße'))).toBe('Grüße');
  expect(printable('\xff\x00a')).toBe('\\xff\\x00a');
});
