import type { RouterTiming } from './router-timing.ts';

/** A read that is looked at when it has taken long. */
export interface WatchedRead {
  /** Its place among the watched ones; {@link SlowReads} keeps it. */
  watchedAt: number;
  /** When it is looked at, by the clock of the router. */
  dueAt: number;
  /** Looks at it; says when to look again, Infinity: never. */
  onDue(now: number): number;
}

/** The reads under way, and one timer for all of them: one for each read would cost more than the read of a small revision. */
export class SlowReads {
  readonly #timing: RouterTiming;
  readonly #reads: WatchedRead[] = [];
  #armedFor = Infinity;
  #disarm: () => void = () => {};

  constructor(timing: RouterTiming) {
    this.#timing = timing;
  }

  /** Watches a read. */
  add(read: WatchedRead, now: number): void {
    read.watchedAt = this.#reads.push(read) - 1;
    if (read.dueAt < this.#armedFor) this.#arm(read.dueAt, now);
  }

  /** Stops watching a read. */
  remove(read: WatchedRead): void {
    const place = read.watchedAt;
    if (place < 0) return;
    read.watchedAt = -1;
    const last = this.#reads.pop() as WatchedRead;
    if (last === read) return;
    this.#reads[place] = last;
    last.watchedAt = place;
  }

  /** Watches nothing any more. */
  close(): void {
    this.#disarm();
    this.#armedFor = Infinity;
  }

  #arm(dueAt: number, now: number): void {
    this.#disarm();
    this.#armedFor = dueAt;
    this.#disarm = this.#timing.after(Math.max(0, dueAt - now), () => this.#look());
  }

  #look(): void {
    const now = this.#timing.now();
    this.#armedFor = Infinity;
    let next = Infinity;
    // A read that is looked at may start others: they are not due yet.
    for (const read of this.#reads.filter(({ dueAt }) => dueAt <= now)) if (read.watchedAt >= 0) read.dueAt = read.onDue(now);
    for (const { dueAt } of this.#reads) next = Math.min(next, dueAt);
    if (next < this.#armedFor) this.#arm(next, now);
  }
}

/** How many extra reads hedging may cost: a share of all reads, saved up to a small number (Dean & Barroso, The Tail at Scale, 2013). */
export class HedgeBudget {
  readonly #share: number;
  #tokens: number;

  /** @param share extra reads for each read, 0 to 1 */
  constructor(share: number) {
    this.#share = share;
    this.#tokens = share * saved;
  }

  /** Counts an ordinary read. */
  earn(): void {
    this.#tokens = Math.min(this.#share * saved, this.#tokens + this.#share);
  }

  /** Whether an extra read is within the budget, which it is then taken from. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Ordinary reads whose allowance can be saved up. */
const saved = 200;
