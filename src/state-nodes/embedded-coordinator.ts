import { assert } from '../lib/assert.ts';
import { keptReports, type Coordinator, type Published } from './coordinator.ts';
import { RevisionWatchers } from './revision-watchers.ts';

/** Options of {@link EmbeddedCoordinator}. */
export interface EmbeddedCoordinatorOptions {
  /** Milliseconds; leases end by it, revisions and tokens begin with it. */
  readonly now: () => number;
}

/** The step from the revision before. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly diff: string;
}

interface Lease {
  readonly holder: string;
  readonly token: number;
  readonly untilMs: number;
}

/** All that a coordinator keeps, unchangeable: what {@link EmbeddedCoordinator.snapshot} gives and `restore` takes. */
export interface CoordinatorState {
  readonly published: Published | undefined;
  /** The newest steps, each beginning where the one before it ends. */
  readonly steps: readonly Step[];
  readonly lease: Lease | undefined;
  /** The newest token that was given or used. */
  readonly fence: number;
}

/** Diffs that are kept; who is further behind reads the whole map. */
export const keptDiffs = 64;

/** A coordinator in this process, for its members: one instance that all of them share. */
export class EmbeddedCoordinator implements Coordinator {
  readonly #now: () => number;
  readonly #watchers = new RevisionWatchers();
  #state: CoordinatorState = { published: undefined, steps: [], lease: undefined, fence: 0 };
  #isTelling = false;
  #reports: string[] = [];

  constructor({ now }: EmbeddedCoordinatorOptions) {
    this.#now = now;
  }

  async get(): Promise<Published | undefined> {
    return this.#state.published;
  }

  async compareAndSet(revision: number, next: { readonly map: string; readonly diff?: string }, token: number): Promise<number | undefined> {
    const { published, steps, fence } = this.#state;
    const current = published?.revision ?? 0;
    if (current !== revision || token < fence) return undefined;
    const to = this.#above(current);
    const kept = next.diff === undefined ? [] : [...steps, { from: current, to, diff: next.diff }].slice(-keptDiffs);
    this.#become({ ...this.#state, published: { revision: to, map: next.map }, steps: kept, fence: token });
    return to;
  }

  async since(revision: number): Promise<{ readonly revision: number; readonly diffs: readonly string[] } | Published | undefined> {
    const { published, steps } = this.#state;
    if (published === undefined) return undefined;
    if (published.revision === revision) return { revision, diffs: [] };
    const first = steps.findIndex(({ from }) => from === revision);
    return first < 0 ? published : { revision: published.revision, diffs: steps.slice(first).map(({ diff }) => diff) };
  }

  async report(text: string): Promise<void> {
    this.#reports = [...this.#reports, text].slice(-keptReports);
  }

  async takeReports(): Promise<readonly string[]> {
    const taken = this.#reports;
    this.#reports = [];
    return taken;
  }

  watch(after: number, onChange: (revision: number) => void): () => void {
    const end = this.#watchers.add(after, onChange);
    this.#tell();
    return end;
  }

  async lease(holder: string, durationMs: number): Promise<number | undefined> {
    assert(durationMs > 0, 'a lease lasts for some time');
    const { lease, fence } = this.#state;
    const isHeld = lease !== undefined && lease.untilMs > this.#now();
    if (isHeld && lease.holder !== holder) return undefined;
    // A token from before a rollback may be newer than the one this lease was given: then it needs another.
    const token = isHeld && lease.token >= fence ? lease.token : this.#above(fence);
    this.#state = { ...this.#state, lease: { holder, token, untilMs: this.#now() + durationMs }, fence: token };
    return token;
  }

  async release(holder: string): Promise<void> {
    if (this.#state.lease?.holder === holder) this.#state = { ...this.#state, lease: undefined };
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  /** All that is kept now, to {@link restore} later: how simulations roll a coordinator back. */
  snapshot(): CoordinatorState {
    return this.#state;
  }

  /** Forgets what happened since a snapshot, as a server does that starts again from an old file. */
  restore(state: CoordinatorState): void {
    this.#become(state);
  }

  /** The next number: above this one, and above all that were given before a rollback. */
  #above(number: number): number {
    return Math.max(number + 1, Math.floor(this.#now() * 1000));
  }

  #become(state: CoordinatorState): void {
    this.#state = state;
    this.#tell();
  }

  /** Later, and once for what happens in one go: whoever changes the map is done before others hear of it. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#watchers.tell(this.#state.published?.revision ?? 0);
    });
  }
}
