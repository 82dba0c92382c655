import type { ByteString } from '../lib/bytes.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import { RedisClient, RedisCommandError, type RedisCommand, type RedisValue } from '../gateways/redis/redis-client.ts';
import { ForeshardError } from '../model/errors.ts';
import { batchBytes, batchItems, errorOf, hashLength, jsonBytes, jsonOf } from './node-wire.ts';
import { batchesOf, checkPayloads, isIntact, revisionText } from './payloads.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';
import type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Options of {@link ForeshardStateNode.connect}. */
export interface ForeshardStateNodeOptions {
  /** What the map calls it; its name in slot entries. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** An operation that takes longer fails, and the connection is made anew. 10,000 when left out. */
  readonly timeoutMs?: number;
}

/**
 * A state node in a process of its own, `foreshard node`: the FS.* commands of node-commands.ts, pipelined on one connection. Statistics are the process's, whoever its clients are. Closing leaves to the process what it holds.
 */
export class ForeshardStateNode implements StateNode {
  readonly id: string;
  readonly #options: ForeshardStateNodeOptions;
  readonly #client: RedisClient;
  /** Values that were not what was written. */
  #corrupt = 0;

  private constructor(options: ForeshardStateNodeOptions) {
    this.id = options.id;
    this.#options = options;
    this.#client = new RedisClient({ address: options, database: 0, timeoutMs: options.timeoutMs ?? 10_000 });
  }

  /** @throws ForeshardError `state_node_unreachable` */
  static async connect(options: ForeshardStateNodeOptions): Promise<ForeshardStateNode> {
    const node = new ForeshardStateNode(options);
    try {
      await node.life();
    } catch (error) {
      await node.close();
      throw error;
    }
    return node;
  }

  read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    return this.#send(batchesOf(items, batchItems).map((batch) => ['FS.READ', ...batch.map(revisionText)]), true).then((replies) => {
      const values = replies.length === 1 ? replies[0] as readonly RedisValue[] : replies.flat();
      return values.map((value, index) => this.#checked(value, items[index]?.hash));
    });
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    checkPayloads(this.id, items);
    for (const batch of batchesOf(items, batchItems, batchBytes, ({ bytes }) => bytes.length)) {
      await this.#one(['FS.WRITE', ...batch.flatMap((item) => [revisionText(item), item.hash, item.bytes])]);
    }
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    await this.#send(batchesOf(items, batchItems).map((batch) => ['FS.DROP', ...batch.map(revisionText)]));
  }

  async list(slot: number): Promise<HeldRevision[]> {
    const fields = await this.#one(['FS.LIST', String(slot)]) as readonly RedisValue[];
    return batchesOf(fields, 4).map(([revision, key, hash, sizeBytes]) => ({ key: key as ByteString, revision: revision as number, hash: hash as string, sizeBytes: sizeBytes as number }));
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    const replies = await this.#send(batchesOf(slots, batchItems).map((batch) => ['FS.DIGEST', ...batch.map(String)]));
    return replies.flatMap((reply) => reply as readonly string[]);
  }

  async life(): Promise<string> {
    return await this.#one(['FS.LIFE']) as string;
  }

  async apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    const replies = await this.#one(['FS.APPLY', this.id, life, ...operations.map(jsonBytes)]) as readonly ByteString[];
    return replies.map((reply) => jsonOf(reply) as RegisterAnswer);
  }

  async registers(): Promise<number[]> {
    return await this.#one(['FS.REGISTERS']) as number[];
  }

  async stats(): Promise<StateNodeStats> {
    const stats = jsonOf(await this.#one(['FS.STATS']) as ByteString) as StateNodeStats;
    return { ...stats, id: this.id, errors: stats.errors + this.#corrupt };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #checked(value: RedisValue, wanted: ContentHash | undefined): Uint8Array | undefined {
    if (!Buffer.isBuffer(value)) return undefined;
    const hash = value.toString('latin1', 0, hashLength);
    if (wanted !== undefined && wanted !== hash) return undefined;
    const bytes = value.subarray(hashLength);
    if (isIntact(bytes, hash)) return bytes;
    this.#corrupt += 1;
    return undefined;
  }

  async #one(command: RedisCommand): Promise<RedisValue> {
    return (await this.#send([command]))[0] as RedisValue;
  }

  /** Sends commands at once; their replies in order. */
  #send(commands: readonly RedisCommand[], wantsBytes = false): Promise<readonly RedisValue[]> {
    return this.#client.send(commands, { wantsBytes }).catch((error: Error) => {
      throw this.#failure(error);
    });
  }

  #failure(cause: Error): ForeshardError {
    const { host, port } = this.#options;
    const where = `State node ${this.id} at ${host}:${port}`;
    const coded = cause instanceof RedisCommandError ? errorOf(cause.message) : undefined;
    if (coded !== undefined) return new ForeshardError(coded.code, `${where}: ${coded.message}`, { cause, ...coded.hint === undefined ? {} : { hint: coded.hint } });
    if (cause instanceof RedisCommandError && cause.message.startsWith('ERR unknown command')) {
      return new ForeshardError('state_node_unreachable', `${where} is no foreshard node: ${cause.message}.`, { hint: 'Start one with foreshard node --port; the address of a Redis begins with redis://.', cause });
    }
    const why = cause instanceof ForeshardError && cause.cause instanceof Error ? cause.cause.message : cause.message;
    return new ForeshardError('state_node_unreachable', `${where} failed: ${why}.`, { hint: 'Start it, or take its address out of the state nodes.', cause });
  }
}
