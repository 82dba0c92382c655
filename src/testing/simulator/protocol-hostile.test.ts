import { expect, test } from 'vitest';
import { runSeeds, suite } from './suite.ts';

test.each(suite.filter(({ name }) => name.startsWith('hostile')))('$name: nothing acknowledged is lost, nothing stale is read, owners agree', async (entry) => {
  expect(await runSeeds(entry, 1, entry.share * 2)).toEqual([]);
}, 600_000);
