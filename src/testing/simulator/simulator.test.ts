import { expect, test } from 'vitest';
import { simulate, usualScenario, hostileScenario } from './simulator.ts';

test('try', async () => {
  await simulate({ ...usualScenario, seed: 0 }); await simulate({ ...hostileScenario, seed: 0 });
  const started = performance.now();
  let events = 0; let acked = 0; let reads = 0; let finished = 0; let rec = 0;
  for (let seed = Number(process.env.FROM ?? 1); seed < Number(process.env.FROM ?? 1) + Number(process.env.COUNT ?? 3); seed++) {
    const result = await simulate({ ...(process.env.HOSTILE ? hostileScenario : usualScenario), seed, rollbacks: Number(process.env.ROLL ?? 0), order: process.env.LWW ? 'last-writer-wins' : 'siblings' });
    events += result.events; acked += result.acknowledged; reads += result.reads; finished += result.finishedChanges; rec += result.recoveries;
    if (result.violations.length > 0) console.log(seed, result.violations.slice(0, 3));
  }
  console.log({ events, acked, reads, finished, rec, ms: performance.now() - started });
  expect(1).toBe(1);
}, 600_000);
