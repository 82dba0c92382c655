import type { Prng } from '../../lib/prng.ts';
import type { Timing } from '../../lib/timing.ts';

interface Event {
  readonly at: number;
  readonly sequence: number;
  run: () => void;
}

const nothing = (): void => {};

/** Events between two breaths of the real event loop. */
const eventsInOneBreath = 1024;

/** A clock that jumps from event to event, in an order that only the seed decides: a binary heap by time and sequence. */
export class VirtualTime {
  readonly #heap: Event[] = [];
  #sequence = 0;
  #now = 0;
  events = 0;

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** Runs something after so many virtual milliseconds; returns what cancels it. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, run };
    this.#push(event);
    return () => {
      event.run = nothing;
    };
  }

  /** Runs events up to a moment. After each of them everything that waits for a promise goes on before the next. */
  async runUntil(moment: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= moment; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      if (next.run === nothing) continue;
      next.run();
      this.events += 1;
      // A tick is run once all microtasks are done.
      await new Promise<void>((resolve) => (this.events % eventsInOneBreath === 0 ? setImmediate(resolve) : process.nextTick(resolve)));
    }
    this.#now = Math.max(this.#now, moment);
  }

  /** Time as a machine has it whose clock is wrong by so much. */
  timing(startMs: number, skewMs: number, prng: Prng): Timing {
    return {
      now: () => Math.floor(startMs + skewMs + this.#now),
      random: () => prng.next(),
      after: (ms, run) => this.after(ms, run),
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent] as Event)) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!before(heap[child] as Event, last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
