/** A replay engine that runs recorded cases in slices, so that they can be timed in turn with something else. */
import { fileURLToPath } from 'node:url';
import { placeState } from '../../dist/foreshard.js';
import { settingsOf } from '../../dist/config/settings.js';
import { replay } from '../../dist/replay/engine.js';
import { Prefetcher } from '../../dist/replay/prefetch.js';
import { planCases } from '../../dist/replay/plan.js';

const registerPath = fileURLToPath(new URL('../../dist/register/register.js', import.meta.url));

/** Hands out as many cases as were allowed; the product's own prefetcher brings their state. */
class SliceFeed {
  #prefetcher;
  #allowed = 0;
  #waiting = [];
  #ended = false;

  constructor(prefetcher) {
    this.#prefetcher = prefetcher;
  }

  allow(count) {
    this.#allowed += count;
    while (this.#allowed > 0 && this.#waiting.length > 0) {
      this.#allowed--;
      this.#waiting.shift()(this.#prefetcher.next());
    }
  }

  end() {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  next() {
    if (this.#ended) return Promise.resolve(undefined);
    if (this.#allowed === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#allowed--;
    return this.#prefetcher.next();
  }
}

/**
 * Starts the candidate; `run(count)` replays the next cases and resolves when the last is finished.
 * @param {import('../../dist/recordings/open-recording.js').OpenedRecording} recording
 * @param {{ instances: number, concurrency: number, laneStore?: string, stateNodes?: string[] }} options
 */
export async function startIsolated(recording, { instances, concurrency, laneStore = 'overlay', stateNodes = ['embedded'] }) {
  const settings = settingsOf({}, process.cwd(), 'replay', { instances, concurrency, laneStore, stateNodes });
  const source = await placeState(recording, recording.requests, settings);
  const outcomes = [];
  let open;
  let left = 0;
  let finished = () => {};
  const started = new Promise((resolve) => (open = resolve));
  const running = replay({
    recording, requests: recording.requests, source, service: recording.manifest.service, cwd: process.cwd(), label: 'bench', registerPath,
    instances, concurrency, preload: 'auto', isolation: 'auto', determinism: 'request', laneStore, requestTimeoutMs: 30_000, lateTimeoutMs: 10_000,
    feed: (load) => {
      const feed = new SliceFeed(new Prefetcher(planCases(recording, recording.requests), { load: (revisions) => load({ needs: new Map([...revisions].map((revision, index) => [index, revision])) }) }));
      open(feed);
      return feed;
    },
    onCase: (outcome) => {
      outcomes.push(outcome);
      if (--left === 0) finished();
    },
  });
  const feed = await Promise.race([started, running]);
  return {
    outcomes,
    run: (count) => {
      left = count;
      const done = new Promise((resolve) => (finished = resolve));
      feed.allow(count);
      return Promise.race([done, running]);
    },
    stop: async () => {
      feed.end();
      await running;
      await source.close();
    },
  };
}
