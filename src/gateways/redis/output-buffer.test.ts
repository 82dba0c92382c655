import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputBuffer } from './output-buffer.ts';

const textOf = (piece: string | Uint8Array): string => (typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1'));

const pieces = fc.array(fc.tuple(fc.constantFrom('a', '\xff', '\0'), fc.oneof(fc.nat(20), fc.integer({ min: 500, max: 30_000 }), fc.integer({ min: 200_000, max: 300_000 }))).map(([char, count]) => char.repeat(count)), { maxLength: 8 });

test('everything comes out once, in order, whichever way it is taken', () => {
  fc.assert(fc.property(pieces, pieces, (first, second) => {
    const [one, two] = [new OutputBuffer(), new OutputBuffer()];
    for (const piece of first) one.append(piece);
    for (const piece of second) two.append(piece);
    two.moveTo(one);
    expect(two.isEmpty).toBe(true);
    const written: string[] = [];
    one.flushTo({ write: (piece: string | Uint8Array) => written.push(textOf(piece)) });
    expect(written.join('') === [...first, ...second].join('')).toBe(true);
    expect(one.isEmpty).toBe(true);
    expect(one.take()).toBe('');
  }), { numRuns: 50 });
});

test('many small pieces are one write; a large one is not copied into another', () => {
  const out = new OutputBuffer();
  const written: number[] = [];
  const sink = { write: (piece: string | Uint8Array): void => void written.push(piece.length) };
  for (let index = 0; index < 1000; index++) out.append('+OK\r\n');
  out.flushTo(sink);
  expect(written.splice(0)).toEqual([5000]);
  out.append('$1000000\r\n');
  out.append('v'.repeat(1_000_000));
  out.append('\r\n');
  out.flushTo(sink);
  expect(written).toEqual([10, 1_000_000, 2]);
});

test('bytes that the sink has not let go of are not written over', () => {
  const kept: Uint8Array[] = [];
  const sink = { writableLength: 0, write: (piece: string | Uint8Array): void => void (typeof piece === 'string' || kept.push(piece)) };
  const out = new OutputBuffer();
  const flush = (char: string, held: boolean): void => {
    out.append(char.repeat(2000));
    sink.writableLength = held ? 2000 : 0;
    out.flushTo(sink);
  };
  flush('a', true);
  flush('b', false);
  flush('c', true);
  expect(kept.map((bytes) => textOf(bytes)[0])).toEqual(['a', 'c', 'c']); // the second was let go of, and used again
});
