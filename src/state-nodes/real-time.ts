import type { Timing } from '../lib/timing.ts';

/** The real clock. What waits keeps the process alive: whoever waits for an answer is to get one. */
export const realTime: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
