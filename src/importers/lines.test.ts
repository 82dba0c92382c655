import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOf } from '../../test/fixtures/importers/imports.ts';
import { lines, type Line, type LinesOptions } from './lines.ts';

async function all(bytes: Buffer | string, chunkBytes: number, options?: LinesOptions): Promise<Line[]> {
  const found: Line[] = [];
  for await (const batch of lines(chunksOf(bytes, chunkBytes), options)) found.push(...batch);
  return found;
}

test('lines are the same however the chunks are cut', async () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'é', '🐵', ' ', '"', '\r') }).map((text) => text.replace(/\r+$/, ''));
  await fc.assert(fc.asyncProperty(fc.array(line), fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 20 }), async (texts, end, chunkBytes) => {
    const found = await all(texts.map((text) => text + end).join(''), chunkBytes, { encoding: 'utf8' });
    expect(found.map(({ text }) => text)).toEqual(texts);
    expect(found.map(({ number }) => number)).toEqual(texts.map((_, index) => index + 1));
  }), { numRuns: 200 });
});

test('the last line needs no end, and a byte order mark is none of its text', async () => {
  expect((await all('\ufeffa\nb', 2, { encoding: 'utf8' })).map(({ text }) => text)).toEqual(['a', 'b']);
  expect(await all('', 5)).toEqual([]);
});

test('a line over the limit is marked, and its start is all that is kept', async () => {
  for (const chunkBytes of [3, 7, 1000, 1 << 20]) {
    const found = await all(`short\n${'x'.repeat(5000)}\nlast`, chunkBytes, { limitBytes: 1000 });
    expect(found.map(({ number, isTooLong }) => [number, isTooLong])).toEqual([[1, false], [2, true], [3, false]]);
    expect(found[1]?.text).toMatch(/^x{1,256}$/);
    expect(found[2]?.text).toBe('last');
  }
});
