import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitCommand } from './differential/bits.ts';
import { genericCommand } from './differential/generic.ts';
import { DifferentialHarness } from './differential/harness.ts';
import { hashesCommand } from './differential/hashes.ts';
import { hyperloglogCommand } from './differential/hyperloglog.ts';
import { listsCommand } from './differential/lists.ts';
import { hasRedisServer } from './differential/real-redis.ts';
import { compareSessions, step } from './differential/sessions.ts';
import { setsCommand } from './differential/sets.ts';
import { sortCommand } from './differential/sort.ts';
import { sortedSetsCommand } from './differential/sorted-sets.ts';
import { streamsCommand } from './differential/streams.ts';
import { stringCommand } from './differential/strings.ts';
import { transactionCommand } from './differential/transactions.ts';

/** Every group of commands with the share of all sequences that is about it. */
const groups: readonly (readonly [name: string, one: fc.Arbitrary<string[]>, weight: number])[] = [
  ['strings', stringCommand, 2], ['bits', bitCommand, 1.5], ['generic', genericCommand, 2], ['transactions', transactionCommand, 1.5],
  ['hashes', hashesCommand, 1.5], ['lists', listsCommand, 2], ['sets', setsCommand, 1.5], ['sorted sets', sortedSetsCommand, 2], ['streams', streamsCommand, 2], ['hyperloglog', hyperloglogCommand, 0.4], ['sort', sortCommand, 1],
];
const totalWeight = groups.reduce((sum, [, , weight]) => sum + weight, 0);
const totalRuns = Number(process.env['FORESHARD_DIFFERENTIAL_RUNS'] ?? (process.env['CI'] === undefined ? 1500 : 10_000));
/** Groups whose sequences are about nothing else, and whose commands are in no other group's. */
const alone: ReadonlySet<string> = new Set(['sort']);
/** CI looks at the same sequences every time, so that it fails by changes; elsewhere each run looks at others, and prints its seed when it fails. */
const seed = process.env['FORESHARD_DIFFERENTIAL_SEED'] ?? (process.env['CI'] === undefined ? undefined : '20260101');
const parameters = (numRuns: number): fc.Parameters<unknown> => (seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) });
const anyCommand = fc.oneof(...groups.filter(([name]) => !alone.has(name)).map(([, one]) => one));

describe.skipIf(!hasRedisServer())('the keyspace against a real redis-server', () => {
  let harness: DifferentialHarness;
  beforeAll(async () => {
    harness = await DifferentialHarness.start();
  });
  afterAll(async () => {
    await harness.stop();
  });

  it.each(groups)('%s: the same replies and the same final state', async (name, one, weight) => {
    const command = alone.has(name) ? one : fc.oneof({ weight: 8, arbitrary: one }, { weight: 1, arbitrary: anyCommand });
    const property = fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (commands) => {
      expect(await harness.compare(commands)).toEqual([]);
    });
    await fc.assert(property, parameters(Math.ceil((totalRuns * weight) / totalWeight)));
  }, 120_000);

  it('several clients: the same replies to each, whoever waits or watches', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 30, size: 'max' }), async (steps) => {
      const { redis, foreshard } = await compareSessions(harness, steps);
      expect(foreshard).toEqual(redis);
    });
    await fc.assert(property, parameters(Math.ceil(totalRuns / 4)));
  }, 120_000);
});
