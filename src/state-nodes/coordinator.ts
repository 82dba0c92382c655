import { waitFor, type Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';

/** What a coordinator keeps: the newest shard map as text, by revision. */
export interface Published {
  readonly revision: number;
  readonly map: string;
}

/**
 * Where the members of a cluster agree on one shard map, and on who may change it. Revisions and tokens rise but are not consecutive: they are at least
 * the coordinator's microseconds, so that one that was rolled back never gives a number a second time. Safety never rests on it (see slot-register.ts).
 */
export interface Coordinator {
  /**
   * The newest map; undefined before the first. A coordinator that was rolled back answers an older revision, or none.
   * @throws ForeshardError `coordinator_unreachable` (every method that asks), `recording_newer` when what it keeps was written by a later release
   */
  get(): Promise<Published | undefined>;
  /**
   * Publishes a map if the revision is still this one (0: there is none yet); the new revision, or undefined when somebody was faster.
   * `diff`: how to get there from the map before, for watchers. `token`: the fencing token of the lease; an older one than was ever seen is refused
   * (undefined too). After `coordinator_unreachable` it may have happened or not: read again.
   */
  compareAndSet(revision: number, next: { readonly map: string; readonly diff?: string }, token: number): Promise<number | undefined>;
  /** What lies between a revision and now: diffs in order (none when it is the newest), or the whole map when they are no longer kept; undefined when there is no map. */
  since(revision: number): Promise<{ readonly revision: number; readonly diffs: readonly string[] } | Published | undefined>;
  /**
   * Calls back when there is another revision than `after`: newer, or older (0: none) after a rollback. Coalesced; re-reads after a lost connection
   * so that none is missed. Returns what ends it.
   */
  watch(after: number, onChange: (revision: number) => void): () => void;
  /** Takes or extends the lease; the fencing token (rises with each new holder), or undefined while another holds it. */
  lease(holder: string, durationMs: number): Promise<number | undefined>;
  /** Gives the lease back; nothing happens when another holds it. */
  release(holder: string): Promise<void>;
  /** Leaves a report for whoever leads: what a client has seen. The oldest go when nobody takes them. */
  report(text: string): Promise<void>;
  /** Takes away the reports that were left since the last time, oldest first. */
  takeReports(): Promise<readonly string[]>;
  /** Ends watches and connections; what is kept stays. */
  close(): Promise<void>;
}

/** Reports that are kept for who takes them. */
export const keptReports = 256;

/** A coordinator whose every answer comes within so many milliseconds, or is `coordinator_unreachable`. */
export function inTime(coordinator: Coordinator, timing: Timing, timeoutMs: number): Coordinator {
  const within = async <T>(asked: Promise<T>): Promise<T> => {
    const waited = await waitFor(timing, timeoutMs, asked);
    if (waited.status === 'done') return waited.value;
    if (waited.status === 'failed') throw waited.error;
    throw new ForeshardError('coordinator_unreachable', `the coordinator has not answered for ${timeoutMs} ms`);
  };
  return {
    get: () => within(coordinator.get()),
    compareAndSet: (revision, next, token) => within(coordinator.compareAndSet(revision, next, token)),
    since: (revision) => within(coordinator.since(revision)),
    watch: (after, onChange) => coordinator.watch(after, onChange),
    lease: (holder, durationMs) => within(coordinator.lease(holder, durationMs)),
    release: (holder) => within(coordinator.release(holder)),
    report: (text) => within(coordinator.report(text)),
    takeReports: () => within(coordinator.takeReports()),
    close: () => coordinator.close(),
  };
}
