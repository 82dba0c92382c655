/** Time as protocols take it: the real one, or a simulator's. */
export interface Timing {
  /** Unix milliseconds, as this machine's clock has it. */
  now(): number;
  /** Runs something after so many milliseconds; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

/** What came of waiting for something no longer than a while. */
export type Waited<T> = { readonly status: 'done'; readonly value: T } | { readonly status: 'failed'; readonly error: unknown } | { readonly status: 'late' };

/** Waits for a promise, but not longer than `ms`; never rejects. */
export function waitFor<T>(timing: Timing, ms: number, promise: Promise<T>): Promise<Waited<T>> {
  return new Promise((resolve) => {
    const cancel = timing.after(ms, () => resolve({ status: 'late' }));
    promise.then((value) => {
      cancel();
      resolve({ status: 'done', value });
    }, (error: unknown) => {
      cancel();
      resolve({ status: 'failed', error });
    });
  });
}

/** Resolves after so many milliseconds. */
export function sleep(timing: Timing, ms: number): Promise<void> {
  return new Promise((resolve) => void timing.after(ms, resolve));
}
