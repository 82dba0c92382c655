import { expect, test } from 'vitest';
import { CaseClock } from './case-clock.ts';

const at = 1_700_000_000_000;
const wait = (ms: number): Promise<void> => new Promise((done) => {
  setTimeout(done, ms);
});

test('one that stands moves only to where it is brought, never back', async () => {
  const clock = new CaseClock(at, 'stands');
  clock.start();
  await wait(5);
  expect(clock.now()).toBe(at);
  for (const unixMs of [at + 30, at + 10, Number.NaN]) clock.reach(unixMs);
  expect(clock.now()).toBe(at + 30);
});

test('one that runs does so from its start on, and is not brought anywhere', async () => {
  const clock = new CaseClock(at, 'runs');
  await wait(20);
  expect(clock.now()).toBe(at);
  clock.start();
  await wait(5);
  clock.start(); // once
  clock.reach(at + 1_000_000);
  expect(clock.now()).toBeGreaterThanOrEqual(at + 4);
  expect(clock.now()).toBeLessThan(at + 1_000_000);
});
