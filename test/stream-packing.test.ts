import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DifferentialHarness } from './differential/harness.ts';
import { hasRedisServer } from './differential/real-redis.ts';

/** Values of every length class and integer width of a listpack. */
const value = fc.oneof(
  fc.constantFrom('x'.repeat(300), 'y'.repeat(63), 'y'.repeat(64), '5', '127', '128', '-4096', '4096', '70000', '20000000', '9999999999', ''),
  fc.integer().map(String),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 70 }).map((codes) => String.fromCharCode(...codes)),
);
const fields = fc.array(fc.tuple(fc.constantFrom('f', 'field', '7'), value), { minLength: 1, maxLength: 3 });

/** Appends with an approximate trim every seventh time, then trims by id and with a limit, XINFO between them. */
function sequence(entries: readonly (readonly (readonly [string, string])[])[], options: { readonly keep: number; readonly gap: number; readonly sameFields: boolean }): string[][] {
  const start = 1_000_000;
  const appends = entries.map((pairs, index) => [
    'XADD', 'a', ...(index % 7 === 0 ? ['MAXLEN', '~', String(options.keep)] : []), `${start + index * options.gap}-${index % 3}`,
    ...(options.sameFields ? ['f', pairs[0]?.[1] ?? ''] : pairs.flat()),
  ]);
  return [
    ...appends, ['XINFO', 'STREAM', 'a'], ['XTRIM', 'a', 'MINID', '~', String(start + options.gap * 70)], ['XINFO', 'STREAM', 'a'],
    ['XTRIM', 'a', 'MAXLEN', '~', '10', 'LIMIT', '120'], ['XLEN', 'a'],
  ];
}

describe.skipIf(!hasRedisServer())('approximate trimming of streams', () => {
  let harness: DifferentialHarness;
  beforeAll(async () => {
    harness = await DifferentialHarness.start();
  });
  afterAll(async () => {
    await harness.stop();
  });

  it('removes the same entries as a real server, whose nodes are counted the same', async () => {
    const options = fc.record({ keep: fc.integer({ min: 0, max: 300 }), gap: fc.integer({ min: 1, max: 90_000 }), sameFields: fc.boolean() });
    await fc.assert(fc.asyncProperty(fc.array(fields, { minLength: 60, maxLength: 400, size: 'max' }), options, async (entries, given) => {
      expect(await harness.compare(sequence(entries, given))).toEqual([]);
    }), { numRuns: 60 });
  }, 120_000);
});
