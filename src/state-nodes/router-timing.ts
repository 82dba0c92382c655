import type { Timing } from '../lib/timing.ts';

/** What a router needs of a clock; the time may begin anywhere. */
export type RouterTiming = Pick<Timing, 'now' | 'after'>;

/** The process' own. What has arrived already is read before a timer runs: a busy process does not take its own lateness for a state node's. */
export const processTiming: RouterTiming = {
  now: () => performance.now(),
  after(delayMs, run) {
    let isCancelled = false;
    const timer = setTimeout(() => setImmediate(() => {
      if (!isCancelled) run();
    }), delayMs);
    timer.unref();
    return () => {
      isCancelled = true;
      clearTimeout(timer);
    };
  },
};
