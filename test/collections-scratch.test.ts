import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DifferentialHarness } from './differential/harness.ts';
import { hashesCommand } from './differential/hashes.ts';
import { hyperloglogCommand } from './differential/hyperloglog.ts';
import { listsCommand } from './differential/lists.ts';
import { setsCommand } from './differential/sets.ts';
import { sortedSetsCommand } from './differential/sorted-sets.ts';
import { streamsCommand } from './differential/streams.ts';
const groups = [['hashes', hashesCommand], ['lists', listsCommand], ['sets', setsCommand], ['zsets', sortedSetsCommand], ['streams', streamsCommand], ['hll', hyperloglogCommand]] as [string, fc.Arbitrary<string[]>][];
const any = fc.oneof(...groups.map(([, one]) => one));
const runs = Number(process.env.RUNS ?? 300);
describe('mine', () => {
  let harness: DifferentialHarness;
  beforeAll(async () => { harness = await DifferentialHarness.start(); });
  afterAll(async () => { await harness.stop(); });
  it.each(groups)('%s', async (_n: string, one: fc.Arbitrary<string[]>) => {
    const c = fc.oneof({ weight: 10, arbitrary: one }, { weight: 1, arbitrary: any });
    await fc.assert(fc.asyncProperty(fc.array(c, { minLength: 1, maxLength: 30 }), async (cs) => { const d = await harness.compare(cs); if (d.length > 0) throw new Error('DIFF ' + d.map((x) => JSON.stringify(x)).join(' ## ')); }), { numRuns: runs });
  }, 300_000);
});
