import { expect, test } from 'vitest';
import { decodeItem, encodeItem } from './item-codec.ts';

const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');

test.each([
  ['short', { body: everyByte, count: 1, none: null }],
  ['long', { body: everyByte.repeat(8192), other: 'x'.repeat(10_000), list: [everyByte.repeat(100)] }],
  ['long, with text that is no bytes', { body: everyByte.repeat(8192), text: '€'.repeat(10_000) }],
  ['like what is encoded', { body: '\u0000base64:AAAA', text: '\\u0000base64:' }],
  ['a bare string', '\u0000base64:'],
])('an item comes back as it was: %s', (_name, item) => {
  const line = encodeItem(item);
  expect(line).not.toContain('\n');
  expect(decodeItem(line)).toEqual(item);
});

test('long bytes take a third more than they are', () => {
  expect(encodeItem({ body: '\u0000'.repeat(3_000_000) }).length).toBeLessThan(4_000_100);
});
