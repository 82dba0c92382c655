import { RedisSubscriber } from '../gateways/redis/redis-subscriber.ts';
import type { UpstreamAddress } from '../gateways/redis/upstream.ts';
import { RevisionWatchers } from './revision-watchers.ts';

/** Options of {@link RedisRevisionWatch}. */
export interface RedisRevisionWatchOptions {
  readonly address: UpstreamAddress;
  /** Where each new revision is published. */
  readonly channel: string;
  /** The revision as it is now, 0 without a map; rejects while the server is away. */
  readonly read: () => Promise<number>;
  /** A message may be lost without a trace: so often the revision is read in any case. */
  readonly pollMs: number;
}

/** After a read that failed, while the server is away or loading. */
const retryMs = 200;

/**
 * Watches a revision on a server whose messages are delivered at most once. A message is believed at once where it is newer than what is known; everything else (a new
 * connection, an older message, the poll) is a reason to read. While a read is under way messages only ask for another one, so that what is told is never older than what was told before it.
 */
export class RedisRevisionWatch {
  readonly #options: RedisRevisionWatchOptions;
  readonly #watchers = new RevisionWatchers();
  #subscriber: RedisSubscriber | undefined;
  #poll: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #told = 0;
  #isReading = false;
  #readAgain = false;

  constructor(options: RedisRevisionWatchOptions) {
    this.#options = options;
  }

  /** Adds a watcher that knows this revision; returns what ends it. There is a connection only while somebody watches. */
  add(known: number, onChange: (revision: number) => void): () => void {
    const end = this.#watchers.add(known, onChange);
    this.#start();
    this.#read();
    return () => {
      end();
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  /** Ends all watches. */
  close(): void {
    this.#watchers.clear();
    this.#stop();
  }

  #start(): void {
    if (this.#subscriber !== undefined) return;
    const { address, channel, pollMs } = this.#options;
    const subscriber = new RedisSubscriber({ address, channel, onMessage: (message) => this.#onMessage(Number(message)), onSubscribed: () => this.#read() });
    this.#subscriber = subscriber;
    this.#poll = setInterval(() => {
      subscriber.probe();
      this.#read();
    }, pollMs);
    this.#poll.unref();
  }

  #stop(): void {
    this.#subscriber?.close();
    this.#subscriber = undefined;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
  }

  #onMessage(revision: number): void {
    if (!this.#isReading && revision > this.#told) this.#tell(revision);
    else if (revision !== this.#told) this.#read();
  }

  #read(): void {
    if (this.#isReading) {
      this.#readAgain = true;
      return;
    }
    this.#isReading = true;
    this.#readAgain = false;
    clearTimeout(this.#retry);
    this.#options.read().then((revision) => this.#onRead(revision), () => this.#onFailure());
  }

  #onRead(revision: number): void {
    this.#isReading = false;
    this.#tell(revision);
    if (this.#readAgain && this.#subscriber !== undefined) this.#read();
  }

  #onFailure(): void {
    this.#isReading = false;
    if (this.#subscriber !== undefined) this.#retry = setTimeout(() => this.#read(), retryMs);
  }

  #tell(revision: number): void {
    this.#told = revision;
    this.#watchers.tell(revision);
  }
}
