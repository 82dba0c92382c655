import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputBuffer } from './output-buffer.ts';

const pieces = fc.array(fc.tuple(fc.constantFrom('a', '\xff', '\0'), fc.oneof(fc.nat(20), fc.integer({ min: 200_000, max: 300_000 }))).map(([char, count]) => char.repeat(count)), { maxLength: 8 });

test('everything comes out once, in order, whichever way it is taken', () => {
  fc.assert(fc.property(pieces, pieces, (first, second) => {
    const [one, two] = [new OutputBuffer(), new OutputBuffer()];
    for (const piece of first) one.append(piece);
    for (const piece of second) two.append(piece);
    two.moveTo(one);
    expect(two.isEmpty).toBe(true);
    const written: string[] = [];
    one.flushTo({ write: (text) => written.push(text) });
    expect(written.join('') === [...first, ...second].join('')).toBe(true);
    expect(one.isEmpty).toBe(true);
    expect(one.take()).toBe('');
  }), { numRuns: 50 });
});

test('many small pieces are one write; a large one is not copied into another', () => {
  const out = new OutputBuffer();
  const written: number[] = [];
  const sink = { write: (text: string): void => void written.push(text.length) };
  for (let index = 0; index < 1000; index++) out.append('+OK\r\n');
  out.flushTo(sink);
  expect(written.splice(0)).toEqual([5000]);
  out.append('$1000000\r\n');
  out.append('v'.repeat(1_000_000));
  out.append('\r\n');
  out.flushTo(sink);
  expect(written).toEqual([10, 1_000_000, 2]);
});
