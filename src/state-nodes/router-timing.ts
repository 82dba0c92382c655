/** The clock and the timers of a router: those of the process, or a simulator's. */
export interface RouterTiming {
  /** Milliseconds, from any beginning; never goes back. */
  now(): number;
  /** Runs something once after so many milliseconds, unless the function given back is called before. */
  after(delayMs: number, run: () => void): () => void;
}

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
