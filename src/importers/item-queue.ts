import { deferred, type Deferred } from '../lib/deferred.ts';
import type { TrafficItem } from '../model/traffic.ts';

/** Items between one who puts them in at any time and one who takes them out in a loop. */
export class ItemQueue {
  #batches: (readonly TrafficItem[])[] = [];
  #size = 0;
  #isEnded = false;
  #wakeUp: Deferred<void> | undefined;

  /** Items that nobody has taken yet. */
  get size(): number {
    return this.#size;
  }

  /** Puts items in. */
  push(items: readonly TrafficItem[]): void {
    if (items.length === 0) return;
    this.#batches.push(items);
    this.#size += items.length;
    this.#wakeUp?.resolve();
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.#wakeUp?.resolve();
  }

  /** Takes batches out until the end, waiting where there are none. For one consumer. */
  async *take(): AsyncGenerator<readonly TrafficItem[]> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        yield batch;
        this.#size -= batch.length; // the consumer has come back: it is done with it
      } else if (this.#isEnded) return;
      else {
        this.#wakeUp = deferred();
        await this.#wakeUp.promise;
      }
    }
  }
}
