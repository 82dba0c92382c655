import { assert } from '../lib/assert.ts';
import { utf8ByteString, utf8Text, type ByteString } from '../lib/bytes.ts';
import { RedisClient, RedisCommandError, type RedisValue } from '../gateways/redis/redis-client.ts';
import type { UpstreamAddress } from '../gateways/redis/upstream.ts';
import { ForeshardError } from '../model/errors.ts';
import { keptReports, type Coordinator, type Published } from './coordinator.ts';
import { keptDiffs } from './embedded-coordinator.ts';
import { compareAndSetScript, coordinatorFormat, getScript, leaseScript, newerFormat, releaseScript, reportScript, sinceScript, takeReportsScript } from './redis-coordinator-scripts.ts';
import { RedisRevisionWatch } from './redis-revision-watch.ts';

/** Options of {@link RedisCoordinator}. */
export interface RedisCoordinatorOptions extends UpstreamAddress {
  /** All keys begin with `fs:<namespace>:c:`. */
  readonly namespace: string;
  readonly database?: number;
  /** A question that takes longer, connecting included, fails with `coordinator_unreachable`. Two seconds when left out. */
  readonly timeoutMs?: number;
  /** How often a watch reads the revision although no message came. Five seconds when left out. */
  readonly pollMs?: number;
}

/** A coordinator in Redis (5 or later) or Valkey. What it keeps does not expire, and is as durable as the server: after a rollback it answers what it has. */
export class RedisCoordinator implements Coordinator {
  readonly #options: RedisCoordinatorOptions;
  readonly #client: RedisClient;
  readonly #watch: RedisRevisionWatch;
  readonly #state: ByteString;
  readonly #diffs: ByteString;
  readonly #channel: ByteString;
  readonly #reports: ByteString;

  constructor(options: RedisCoordinatorOptions) {
    const { namespace, database = 0, timeoutMs = 2000, pollMs = 5000 } = options;
    const prefix = `fs:${utf8ByteString(namespace)}:c:`;
    this.#options = options;
    this.#state = `${prefix}state`;
    this.#diffs = `${prefix}diffs`;
    this.#reports = `${prefix}reports`;
    this.#channel = `${prefix}changes:${database}`; // channels are the same in all databases
    this.#client = new RedisClient({ address: options, database, timeoutMs });
    this.#watch = new RedisRevisionWatch({ address: options, channel: this.#channel, pollMs, read: () => this.#revision() });
  }

  async get(): Promise<Published | undefined> {
    return publishedOf(await this.#run(getScript, [this.#state]));
  }

  async compareAndSet(revision: number, next: { readonly map: string; readonly diff?: string }, token: number): Promise<number | undefined> {
    const texts = next.diff === undefined ? [next.map] : [next.map, next.diff];
    const args = [String(revision), String(token), this.#channel, String(keptDiffs), ...texts.map(utf8ByteString)];
    return numberOf(await this.#run(compareAndSetScript, [this.#state, this.#diffs], args));
  }

  async since(revision: number): Promise<{ readonly revision: number; readonly diffs: readonly string[] } | Published | undefined> {
    const reply = await this.#run(sinceScript, [this.#state, this.#diffs], [String(revision)]);
    const [newest, , diffs] = reply as readonly RedisValue[];
    return Array.isArray(diffs) ? { revision: Number(newest), diffs: diffs.map(utf8Text) } : publishedOf(reply);
  }

  watch(after: number, onChange: (revision: number) => void): () => void {
    return this.#watch.add(after, onChange);
  }

  async lease(holder: string, durationMs: number): Promise<number | undefined> {
    assert(durationMs > 0, 'a lease lasts for some time');
    return numberOf(await this.#run(leaseScript, [this.#state], [utf8ByteString(holder), String(Math.ceil(durationMs))]));
  }

  async release(holder: string): Promise<void> {
    await this.#run(releaseScript, [this.#state], [utf8ByteString(holder)]);
  }

  async report(text: string): Promise<void> {
    await this.#run(reportScript, [this.#reports], [utf8ByteString(text), String(keptReports)]);
  }

  async takeReports(): Promise<readonly string[]> {
    return ((await this.#run(takeReportsScript, [this.#reports])) as readonly ByteString[]).map(utf8Text);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#client.close();
  }

  /** Whatever the format: who is told of a newer one hears of it from `get`. */
  async #revision(): Promise<number> {
    return Number(await this.#send(['HGET', this.#state, 'revision']) ?? 0);
  }

  #run(script: string, keys: readonly ByteString[], args: readonly ByteString[] = []): Promise<RedisValue> {
    return this.#send(['EVAL', script, String(keys.length), ...keys, ...args]);
  }

  async #send(command: readonly ByteString[]): Promise<RedisValue> {
    try {
      return (await this.#client.send([command]))[0] ?? null;
    } catch (error) {
      throw this.#failure(error as Error);
    }
  }

  #failure(cause: Error): ForeshardError {
    const where = `The coordinator at ${this.#options.host}:${this.#options.port}`;
    const format = cause instanceof RedisCommandError ? newerFormat.exec(cause.message)?.[1] : undefined;
    if (format !== undefined) {
      return new ForeshardError('recording_newer', `${where} keeps format ${format}; this release reads up to ${coordinatorFormat}.`, { hint: 'Use a later release of Foreshard.', cause });
    }
    return new ForeshardError('coordinator_unreachable', `${where} failed (namespace ${this.#options.namespace}): ${cause.message}`, {
      hint: 'Reads go on with the map that is known. Start the server, or correct the address of the coordinator.', cause,
    });
  }
}

function publishedOf(reply: RedisValue): Published | undefined {
  const [revision, map] = reply as readonly RedisValue[];
  return typeof revision === 'string' && typeof map === 'string' ? { revision: Number(revision), map: utf8Text(map) } : undefined;
}

function numberOf(reply: RedisValue): number | undefined {
  return reply === null ? undefined : Number(reply);
}
