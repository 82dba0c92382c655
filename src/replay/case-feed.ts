import type { PlannedCase } from './plan.ts';

/** A case whose state is in place, or cannot be had. */
export interface FedCase {
  readonly planned: PlannedCase;
  readonly stateWaitMs: number;
  /** Why its state is not there: a damaged recording, a state node that is gone. */
  readonly failure?: unknown;
}

/** Hands out cases one after the other; undefined after the last. Never rejects. */
export interface CaseFeed {
  next(): Promise<FedCase | undefined>;
}

/** Waits for a case's state and times it. */
export async function fed(planned: PlannedCase, loaded: Promise<void>): Promise<FedCase> {
  const startedAt = performance.now();
  try {
    await loaded;
    return { planned, stateWaitMs: performance.now() - startedAt };
  } catch (failure) {
    return { planned, stateWaitMs: performance.now() - startedAt, failure };
  }
}
