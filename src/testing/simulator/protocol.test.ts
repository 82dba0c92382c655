import { expect, test } from 'vitest';
import { simulate } from './simulator.ts';
import { runSeeds, seedsThatFailed, suite, type SuiteEntry } from './suite.ts';

/** With those of protocol-hostile.test.ts two thousand; `npm run simulate` runs as many as one likes. */
const schedules = 2000;

test.each(suite.filter(({ name }) => !name.startsWith('hostile')))('$name: nothing acknowledged is lost, nothing stale is read, owners agree', async (entry) => {
  expect(await runSeeds(entry, 1, (entry.share * schedules) / 1000)).toEqual([]);
}, 600_000);

test.each(seedsThatFailed)('$name, seed $seed, which failed once', async ({ name, seed }) => {
  const entry = suite.find((one) => one.name === name) as SuiteEntry;
  expect((await simulate({ ...entry.scenario, seed })).violations).toEqual([]);
});

test('the same seed gives the same result', async () => {
  const { scenario } = suite[0] as SuiteEntry;
  const once = await simulate({ ...scenario, seed: 7 });
  expect(await simulate({ ...scenario, seed: 7 })).toEqual(once);
  expect(once.acknowledged).toBeGreaterThan(10);
  expect(once.reads).toBeGreaterThan(10);
  expect(once.finishedChanges).toBeGreaterThan(0);
});
