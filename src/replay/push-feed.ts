import { deferred, type Deferred } from '../lib/deferred.ts';
import { fed, type CaseFeed, type FedCase } from './case-feed.ts';
import type { PlannedCase } from './plan.ts';

interface Waiting {
  readonly planned: PlannedCase;
  readonly loaded: Promise<void>;
}

/** Cases as they are asked for, such as by the tests of a framework; their state is on its way from the moment they are. */
export class PushFeed implements CaseFeed {
  readonly #load: (planned: PlannedCase) => Promise<void>;
  readonly #queue: Waiting[] = [];
  readonly #takers: Deferred<Waiting | undefined>[] = [];
  #ended = false;

  constructor(load: (planned: PlannedCase) => Promise<void>) {
    this.#load = load;
  }

  /** Asks for a case. */
  push(planned: PlannedCase): void {
    const loaded = this.#load(planned);
    loaded.catch(() => {}); // whoever takes the case awaits it and sees the error
    const taker = this.#takers.shift();
    if (taker === undefined) this.#queue.push({ planned, loaded });
    else taker.resolve({ planned, loaded });
  }

  /** No more cases come. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker.resolve(undefined);
  }

  async next(): Promise<FedCase | undefined> {
    const waiting = this.#queue.shift() ?? (await this.#wait());
    return waiting === undefined ? undefined : fed(waiting.planned, waiting.loaded);
  }

  #wait(): Promise<Waiting | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    const taker = deferred<Waiting | undefined>();
    this.#takers.push(taker);
    return taker.promise;
  }
}
