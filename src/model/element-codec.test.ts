import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../lib/content-hash.ts';
import { decodeValue, encodeValue, looksEncoded } from './element-codec.ts';
import type { ElementValue } from './element.ts';
import { ForeshardError } from './errors.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'));
const number = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(Infinity, -Infinity, -0, 0, 1e-320));
const id = fc.tuple(fc.nat(), fc.nat()).map(([ms, sequence]) => `${ms}-${sequence}`);
const pair = fc.tuple(bytes, bytes);
const group = fc.record({
  name: bytes, lastDeliveredId: id, entriesRead: fc.option(number),
  consumers: fc.array(fc.record({ name: bytes, seenAtMs: number })),
  pending: fc.array(fc.record({ id, consumer: bytes, deliveredAtMs: number, deliveries: fc.nat() })),
});
const anyValue: fc.Arbitrary<ElementValue> = fc.oneof(
  fc.record({ type: fc.constant('string' as const), value: bytes }),
  fc.record({ type: fc.constant('hash' as const), fields: fc.array(pair) }),
  fc.record({ type: fc.constant('list' as const), items: fc.array(bytes) }),
  fc.record({ type: fc.constant('set' as const), members: fc.array(bytes) }),
  fc.record({ type: fc.constant('zset' as const), members: fc.array(fc.tuple(bytes, number)) }),
  fc.record({
    type: fc.constant('stream' as const), items: fc.array(fc.record({ id, fields: fc.array(pair) })),
    lastId: id, maxDeletedId: id, entriesAdded: fc.maxSafeNat(), groups: fc.array(group),
  }),
);

/** Decoding either works or fails with the one code; nothing else may come out of it. */
function decodesOrRefuses(payload: Uint8Array): void {
  try {
    decodeValue(payload);
  } catch (error) {
    if (!(error instanceof ForeshardError && error.code === 'payload_corrupt')) throw error;
  }
}

describe('the element codec', () => {
  test('gives back every value exactly, -0 and infinities included', () => {
    fc.assert(fc.property(anyValue, (value) => {
      const encoded = encodeValue(value);
      expect(decodeValue(encoded)).toEqual(value);
      expect(looksEncoded(encoded)).toBe(true);
    }), { numRuns: 500 });
  });

  test('gives one value one encoding', () => {
    fc.assert(fc.property(anyValue, (value) => {
      expect(contentHash(encodeValue(decodeValue(encodeValue(value))))).toBe(contentHash(encodeValue(value)));
    }));
  });

  test('keeps -0 apart from 0', () => {
    const value = decodeValue(encodeValue({ type: 'zset', members: [['m', -0]] }));
    expect(value.type === 'zset' && Object.is(value.members[0]?.[1], -0)).toBe(true);
  });

  test('refuses every truncation', () => {
    fc.assert(fc.property(anyValue, fc.double({ min: 0, max: 1, noNaN: true }), (value, share) => {
      const encoded = encodeValue(value);
      const cut = encoded.subarray(0, Math.floor(share * encoded.length));
      if (cut.length < encoded.length) expect(() => decodeValue(cut)).toThrow(ForeshardError);
    }), { numRuns: 500 });
  });

  test('refuses garbage with payload_corrupt and nothing else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), decodesOrRefuses), { numRuns: 2000 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 60 }), (type, rest) => {
      decodesOrRefuses(Buffer.concat([Buffer.from([0xf8, type]), rest]));
    }), { numRuns: 5000 });
  });

  test('refuses bytes after the end, and over-long integers', () => {
    const encoded = encodeValue({ type: 'string', value: 'a' });
    expect(() => decodeValue(Buffer.concat([encoded, Buffer.from([0])]))).toThrow(/after the end/);
    expect(() => decodeValue(Buffer.from([0xf8, 1, 0x81, 0x00, 0x61]))).toThrow(/no valid integer/);
  });

  test('allocates nothing for a count that cannot be true', () => {
    const huge = Buffer.from([0xf8, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(() => decodeValue(huge)).toThrow(/do not fit/);
  });

  test('takes a payload of 64 MB', () => {
    const value = Buffer.alloc(64 * 1024 * 1024, 0xff).toString('latin1');
    const back = decodeValue(encodeValue({ type: 'string', value }));
    expect(back.type === 'string' && back.value === value).toBe(true);
  });
});
