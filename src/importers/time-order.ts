import type { TrafficItem } from '../model/traffic.ts';

/** Options of {@link TimeOrder}. */
export interface TimeOrderOptions {
  /** An item leaves when the newest one is so much younger. `Infinity`: only at the end, or when there is no more room. */
  readonly horizonMs: number;
  /** Items kept at most; the oldest leaves when there are more. */
  readonly mostItems?: number;
}

interface Entry { readonly item: TrafficItem; readonly sequence: number }

const defaultMostItems = 500_000;

/**
 * Puts items that come nearly in order of time into that order: spans arrive when they end, not when they begin, and service by service.
 * A binary heap over the items younger than the horizon; items of one moment keep the order they came in.
 */
export class TimeOrder {
  readonly #horizonMs: number;
  readonly #mostItems: number;
  readonly #heap: Entry[] = [];
  #sequence = 0;
  #newestMs = -Infinity;

  constructor(options: TimeOrderOptions) {
    this.#horizonMs = options.horizonMs;
    this.#mostItems = options.mostItems ?? defaultMostItems;
  }

  /** Items that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** Takes items in and gives those whose time has come. */
  push(items: readonly TrafficItem[]): TrafficItem[] {
    for (const item of items) {
      if (item.at > this.#newestMs) this.#newestMs = item.at;
      this.#add({ item, sequence: this.#sequence++ });
    }
    return this.releaseBefore(this.#newestMs - this.#horizonMs);
  }

  /** Gives the items before a moment, and those for which there is no room. */
  releaseBefore(atMs: number): TrafficItem[] {
    const out: TrafficItem[] = [];
    while (this.#heap.length > 0 && ((this.#heap[0] as Entry).item.at < atMs || this.#heap.length > this.#mostItems)) out.push(this.#take().item);
    return out;
  }

  /** Gives all that is left, `mostAtOnce` at a time. */
  *drain(mostAtOnce = 4096): Generator<TrafficItem[]> {
    while (this.#heap.length > 0) {
      const out: TrafficItem[] = [];
      while (this.#heap.length > 0 && out.length < mostAtOnce) out.push(this.#take().item);
      yield out;
    }
  }

  #add(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #take(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.item.at < b.item.at || (a.item.at === b.item.at && a.sequence < b.sequence);
}
