import { FrequentItems } from '../lib/frequent-items.ts';

/*
 * What is hot right now, in bounded memory. Intuition: a forecast cannot know a flash crowd, so whoever serves or plans counts accesses as they come, and looks every few thousand of
 * them. Method: an interval's heavy hitters by Space-Saving (lib/frequent-items.ts), then a moving average over intervals: observed = 0.8 · observed + 0.2 · share. An element enters with at least
 * four sure counts and is forgotten below 1e-5. A rise that cannot be chance counts at once: the share is at least (count − 3 √count) ÷ total, and where that is above the average, that is it. Limits: blind below total ÷ counters of an interval; it knows hashes of tags, not elements.
 */

/** Options of {@link HeatTracker}. */
export interface HeatTrackerOptions {
  /** Elements counted one by one; 2048 when left out. */
  readonly counters?: number;
}

/** Of the average, what is kept from interval to interval. */
const memory = 0.8;
/** Sure counts in an interval from which on an element is followed, and the average below which it is not any more. */
const leastCount = 4;
const leastHeat = 1e-5;
/** Standard deviations of a count that are not taken for chance. */
const certainty = 3;
/** Sure counts at which an element is looked at within the interval; and what makes it a surge: this share of the accesses, and this many times its average. */
const alarmCount = 64;
const alarmShare = 0.02;
const alarmRise = 4;
/** Fewer accesses than these say nothing of shares: the interval goes on. */
const leastAccesses = 500;

/** Follows the hottest elements by the 32-bit hash of their tag. It has no clock: the caller ends an interval, about every 5,000 accesses or every second, and when {@link isSurging}. */
export class HeatTracker {
  readonly #counters: number;
  readonly #interval: FrequentItems;
  #observed = new Map<number, number>();
  /** What the averages would be at most by now: 1 − memory ^ intervals. */
  #weight = 0;
  #isSurging = false;

  constructor({ counters = 2048 }: HeatTrackerOptions = {}) {
    this.#counters = counters;
    this.#interval = new FrequentItems(counters);
  }

  /** Accesses since the interval began. */
  get accesses(): number {
    return this.#interval.total;
  }

  /** Whether an element draws far more than it did, so much that the interval should end now. Never in an interval too short to say. */
  get isSurging(): boolean {
    return this.#isSurging && this.accesses >= leastAccesses;
  }

  /** Counts accesses to an element: one, or as many as somebody else has counted. */
  record(tag: number, accesses: number = 1): void {
    const count = this.#interval.add(tag, accesses);
    // looked at each time another so many are full: cheap, and soon enough
    if (Math.floor(count / alarmCount) === Math.floor((count - accesses) / alarmCount) || this.#isSurging) return;
    const share = count / this.#interval.total;
    this.#isSurging = share > alarmShare && share > alarmRise * this.#average(tag);
  }

  /** What was counted in the interval so far, for another tracker to record; sure counts only. */
  counts(): (readonly [tag: number, accesses: number])[] {
    return [...this.#interval].filter(({ count, error }) => count - error >= leastCount).map(({ item, count, error }) => [item, count - error] as const);
  }

  /** Ends the interval, unless it saw next to nothing, and tells the share of all accesses that each element followed has of late. */
  observe(): ReadonlyMap<number, number> {
    const { total } = this.#interval;
    if (total >= leastAccesses) this.#close(total);
    return new Map([...this.#observed.keys()].map((tag) => [tag, this.#average(tag)]));
  }

  #average(tag: number): number {
    const heat = this.#observed.get(tag);
    return heat === undefined ? 0 : heat / this.#weight;
  }

  #close(total: number): void {
    this.#weight = memory * this.#weight + (1 - memory);
    const risen = this.#weight; // averages are told divided by it
    const averages = new Map<number, number>();
    for (const [tag, heat] of this.#observed) averages.set(tag, heat * memory);
    for (const { item, count, error } of this.#interval) {
      const before = averages.get(item);
      const sure = count - error;
      if (before === undefined && sure < leastCount) continue;
      averages.set(item, Math.max((before ?? 0) + ((1 - memory) * sure) / total, ((sure - certainty * Math.sqrt(sure)) / total) * risen));
    }
    for (const [tag, heat] of averages) if (heat < leastHeat) averages.delete(tag);
    this.#observed = averages.size <= this.#counters ? averages : new Map([...averages].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, this.#counters));
    this.#interval.clear();
    this.#isSurging = false;
  }
}
