import { bytesOf, byteString, type ByteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import { groupBy } from '../lib/group-by.ts';
import { RedisClient, RedisCommandError, type RedisValue } from '../gateways/redis/redis-client.ts';
import type { UpstreamAddress } from '../gateways/redis/upstream.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { OperationLog } from './operation-log.ts';
import { SlotDigest } from './slot-digest.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';
import type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Options of {@link RedisStateNode.connect}. */
export interface RedisStateNodeOptions extends UpstreamAddress {
  readonly id: string;
  /** All keys begin with `fs:<namespace>:`; one namespace for each recording or run. */
  readonly namespace: string;
  readonly database?: number;
  /** Everything written expires after this, so that a killed run leaves nothing for long. A day when left out. */
  readonly expiryMs?: number;
  /** `clear` (when left out) deletes the namespace on closing, `keep` leaves it to others. */
  readonly onClose?: 'clear' | 'keep';
  /** An operation that takes longer fails, and the connection is made anew. */
  readonly timeoutMs?: number;
}

type RedisCommand = readonly ByteString[];

/** Revisions in one command: long enough to be cheap, short enough not to hold up the server. */
const batchItems = 500;

/**
 * A state node in Redis or Valkey. `fs:<namespace>:v:<revision> <key>` holds content hash and bytes of a revision, checked on every
 * read; `fs:<namespace>:s:<slot>` which revisions of a slot there are. Reads are MGETs, pipelined on one connection.
 */
export class RedisStateNode implements StateNode {
  readonly id: string;
  readonly #options: RedisStateNodeOptions;
  readonly #prefix: string;
  readonly #log = new OperationLog();
  readonly #client: RedisClient;

  private constructor(options: RedisStateNodeOptions) {
    this.id = options.id;
    this.#options = options;
    this.#prefix = `fs:${options.namespace}:`;
    this.#client = new RedisClient({ address: options, database: options.database ?? 0, timeoutMs: options.timeoutMs ?? 10_000 });
  }

  /** @throws ForeshardError `state_node_unreachable` */
  static async connect(options: RedisStateNodeOptions): Promise<RedisStateNode> {
    const node = new RedisStateNode(options);
    await node.#send([['PING']]);
    return node;
  }

  async read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    if (items.length === 0) return [];
    return this.#log.read(items.length, async () => {
      const replies = await this.#send(batches(items).map((batch) => ['MGET', ...batch.map((item) => this.#valueName(item))]));
      return replies.flatMap((reply) => (reply as readonly RedisValue[]).map((value) => this.#checked(value)));
    });
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    const expiry = String(this.#options.expiryMs ?? 86_400_000);
    for (const batch of batches(items)) {
      const commands: RedisCommand[] = [];
      for (const item of batch) commands.push(['SET', this.#valueName(item), item.hash + byteString(item.bytes), 'NX', 'PX', expiry]);
      const slots = groupBy(batch, (item) => slotOf(item.key));
      for (const [slot, members] of slots) {
        const name = this.#slotName(slot);
        for (const item of members) commands.push(['HSETNX', name, nameOf(item), `${item.hash}${item.bytes.length}`]);
        commands.push(['PEXPIRE', name, expiry]);
      }
      commands.push(['SADD', `${this.#prefix}slots`, ...[...slots.keys()].map(String)], ['PEXPIRE', `${this.#prefix}slots`, expiry]);
      const replies = await this.#send(commands);
      this.#log.writes += replies.slice(0, batch.length).filter((reply) => reply !== null).length;
    }
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    for (const batch of batches(items)) {
      const commands: RedisCommand[] = [['UNLINK', ...batch.map((item) => this.#valueName(item))]];
      for (const [slot, members] of groupBy(batch, (item) => slotOf(item.key))) commands.push(['HDEL', this.#slotName(slot), ...members.map(nameOf)]);
      await this.#send(commands);
    }
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    if (slots.length === 0) return [];
    const replies = await this.#send(slots.map((slot) => ['HGETALL', this.#slotName(slot)]));
    return replies.map((reply) => {
      const digest = new SlotDigest();
      for (const { item, hash } of entriesOf(reply)) digest.toggle(item, hash);
      return digest.toString();
    });
  }

  async list(slot: number): Promise<HeldRevision[]> {
    const [reply] = await this.#send([['HGETALL', this.#slotName(slot)]]);
    return entriesOf(reply as RedisValue).map(({ item, hash, sizeBytes }) => ({ ...item, hash, sizeBytes }));
  }

  async life(): Promise<string> {
    throw new Error('not yet');
  }

  async apply(_life: string, _operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    throw new Error('not yet');
  }

  async stats(): Promise<StateNodeStats> {
    let elements = 0;
    let bytes = 0;
    for (const batch of batches(await this.#slots())) {
      for (const reply of await this.#send(batch.map((slot) => ['HGETALL', this.#slotName(slot)]))) {
        for (const entry of entriesOf(reply)) {
          elements += 1;
          bytes += entry.sizeBytes;
        }
      }
    }
    return this.#log.stats(this.id, { elements, bytes, maxBytes: null });
  }

  async close(): Promise<void> {
    try {
      if (this.#options.onClose !== 'keep') await this.#clear();
    } catch (error) {
      // What cannot be deleted now expires.
      if (!(error instanceof ForeshardError)) throw error;
    } finally {
      await this.#client.close();
    }
  }

  async #clear(): Promise<void> {
    for (const slots of batches(await this.#slots())) {
      const held = await this.#send(slots.map((slot) => ['HKEYS', this.#slotName(slot)]));
      const names = held.flatMap((reply) => (reply as readonly ByteString[]).map((name) => `${this.#prefix}v:${name}`));
      for (const batch of batches([...names, ...slots.map((slot) => this.#slotName(slot))])) await this.#send([['UNLINK', ...batch]]);
    }
    await this.#send([['UNLINK', `${this.#prefix}slots`]]);
  }

  async #slots(): Promise<number[]> {
    return ((await this.#send([['SMEMBERS', `${this.#prefix}slots`]]))[0] as readonly ByteString[]).map(Number);
  }

  #checked(value: RedisValue): Uint8Array | undefined {
    if (typeof value !== 'string') return undefined;
    const bytes = bytesOf(value.slice(64));
    if (contentHash(bytes) === value.slice(0, 64)) return bytes;
    this.#log.errors += 1;
    return undefined;
  }

  #valueName(item: RevisionName): ByteString {
    return `${this.#prefix}v:${nameOf(item)}`;
  }

  #slotName(slot: number): string {
    return `${this.#prefix}s:${slot}`;
  }

  async #send(commands: readonly RedisCommand[]): Promise<readonly RedisValue[]> {
    try {
      return await this.#client.send(commands);
    } catch (error) {
      if (!(error instanceof RedisCommandError && error.message.startsWith('OOM'))) throw this.#unreachable(error as Error);
      this.#log.errors += 1;
      throw new ForeshardError('state_node_full', `State node ${this.id} is out of memory: ${error.message}.`, { hint: 'Raise its maxmemory or add a state node.', cause: error });
    }
  }

  #unreachable(cause: Error): ForeshardError {
    const { host, port } = this.#options;
    return new ForeshardError('state_node_unreachable', `State node ${this.id} at ${host}:${port} failed: ${cause.message}.`, {
      hint: 'Start it, or take its address out of the state nodes.', cause,
    });
  }
}

function nameOf(item: RevisionName): ByteString {
  return `${item.revision} ${item.key}`;
}

/** The fields of a slot's hash: `<revision> <key>` → content hash and size. */
function entriesOf(reply: RedisValue): { item: RevisionName; hash: string; sizeBytes: number }[] {
  const fields = reply as readonly ByteString[];
  return Array.from({ length: fields.length / 2 }, (_, index) => {
    const name = fields[index * 2] as string;
    const value = fields[index * 2 + 1] as string;
    const space = name.indexOf(' ');
    return { item: { key: name.slice(space + 1), revision: Number(name.slice(0, space)) }, hash: value.slice(0, 64), sizeBytes: Number(value.slice(64)) };
  });
}

function batches<T>(items: readonly T[]): T[][] {
  const out: T[][] = [];
  for (let start = 0; start < items.length; start += batchItems) out.push(items.slice(start, start + batchItems));
  return out;
}
