import type { Timing } from '../lib/timing.ts';

/** The real clock. What waits keeps no process alive. */
export const realTime: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
