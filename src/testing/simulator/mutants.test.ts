import { expect, test } from 'vitest';
import { kill, mutants } from './mutants.ts';

/** Seeds of which one at least must show a mistake. Where it was found last is tried first, since some are rare. */
const seeds = 6000;

test.each(mutants)('a protocol that $name is found out', async (mutant) => {
  const found = await kill(mutant, [mutant.foundBy, ...Array.from({ length: seeds }, (_, index) => index + 1)]);
  expect(found).toBeDefined();
}, 600_000);
