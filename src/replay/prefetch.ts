import type { Revision } from '../model/recording.ts';
import { fed, type CaseFeed, type FedCase } from './case-feed.ts';
import type { EntryCache } from './entry-cache.ts';
import type { PlannedCase } from './plan.ts';

/** Cases fetched together: enough to fill a request to each state node, few enough to start soon. */
const batchCases = 32;

/**
 * Prefetch, then execute: while cases run, the state of the next ones is on its way, a batch of cases at a time, grouped by state
 * node behind the cache. Two batches are in flight ahead of the case taken.
 */
export class Prefetcher implements CaseFeed {
  readonly #cases: readonly PlannedCase[];
  readonly #cache: EntryCache;
  readonly #batches: Promise<void>[] = [];
  #taken = 0;

  constructor(cases: readonly PlannedCase[], cache: EntryCache) {
    this.#cases = cases;
    this.#cache = cache;
  }

  /** The next case once its state is here, with how long that took; undefined after the last. What one case lacks fails no other of its batch. */
  async next(): Promise<FedCase | undefined> {
    const index = this.#taken;
    const planned = this.#cases[index];
    if (planned === undefined) return undefined;
    this.#taken++;
    const batch = Math.floor(index / batchCases);
    for (let ahead = batch; ahead <= batch + 2; ahead++) this.#start(ahead);
    return fed(planned, (this.#batches[batch] as Promise<void>).catch(() => this.#cache.load(planned.needs.values())));
  }

  #start(batch: number): void {
    if (this.#batches[batch] !== undefined) return;
    const revisions: Revision[] = [];
    for (const planned of this.#cases.slice(batch * batchCases, (batch + 1) * batchCases)) revisions.push(...planned.needs.values());
    const loading = this.#cache.load(revisions);
    loading.catch(() => {}); // whoever takes a case of this batch awaits it and sees the error
    this.#batches[batch] = loading;
  }
}
