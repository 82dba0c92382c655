import type { ByteString } from '../lib/bytes.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import { groupBy } from '../lib/group-by.ts';
import type { RedisValue } from '../gateways/redis/redis-client.ts';
import type { UpstreamAddress } from '../gateways/redis/upstream.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { OperationLog } from './operation-log.ts';
import { batchesOf, checkPayloads, isIntact, parseRevisionText, revisionText } from './payloads.ts';
import { RedisLayout } from './redis-layout.ts';
import { RedisNodeLink } from './redis-link.ts';
import { RedisRegisters } from './redis-registers.ts';
import { dropScript, writeScript } from './redis-scripts.ts';
import { SlotDigest } from './slot-digest.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';
import type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Asking for so many slots is worth finding out first which are in use. */
const manySlots = 256;

/** Options of {@link RedisStateNode.connect}. */
export interface RedisStateNodeOptions extends UpstreamAddress {
  readonly id: string;
  /** All keys begin with `fs:<namespace>:`; one namespace for each recording, run or cluster. */
  readonly namespace: string;
  readonly database?: number;
  /**
   * Where the namespace is cleared on closing, everything in it expires this long after it was written or, a register, used: a killed run leaves nothing for long.
   * A day when left out. In a namespace that is kept nothing expires: what a cluster has acknowledged goes only when it is told to.
   */
  readonly expiryMs?: number;
  /** `clear` (when left out) deletes the namespace on closing, `keep` leaves it to others. */
  readonly onClose?: 'clear' | 'keep';
  /** An operation that takes longer fails, and the connection is made anew. */
  readonly timeoutMs?: number;
  /** Payload bytes the namespace may hold, besides what the server's maxmemory allows; no limit when left out. */
  readonly maxBytes?: number;
  /** Takes a server that throws keys away when it is full. Refused when left out: what is acknowledged must stay. */
  readonly allowEviction?: boolean;
}

/** Revisions in one command: long enough to be cheap, short enough not to hold up the server. */
const batchItems = 500;
/** Payload bytes in one command where it has more than one. */
const batchBytes = 8 * 1024 * 1024;
/** Commands of a long write or read that are on their way together. */
const batchesAtOnce = 4;

/**
 * A state node in Redis or Valkey. A payload is kept once, under its hash, with how many revisions have it; a hash for each slot says which revisions there are
 * (redis-layout.ts). Whoever knows the hash reads in one round trip of MGETs; others ask the slots first.
 */
export class RedisStateNode implements StateNode {
  readonly id: string;
  readonly #options: RedisStateNodeOptions;
  readonly #layout: RedisLayout;
  readonly #log = new OperationLog();
  readonly #link: RedisNodeLink;
  readonly #registers: RedisRegisters;
  readonly #expiryMs: number;

  private constructor(options: RedisStateNodeOptions) {
    this.id = options.id;
    this.#options = options;
    this.#layout = new RedisLayout(options.namespace);
    this.#expiryMs = options.onClose === 'keep' ? 0 : options.expiryMs ?? 86_400_000;
    this.#link = new RedisNodeLink({
      id: options.id, address: options, database: options.database ?? 0, layout: this.#layout, timeoutMs: options.timeoutMs ?? 10_000,
      expiryMs: this.#expiryMs, allowEviction: options.allowEviction ?? false,
    });
    this.#registers = new RedisRegisters({ id: options.id, link: this.#link, layout: this.#layout, expiryMs: this.#expiryMs });
  }

  /** @throws ForeshardError `state_node_unreachable`, `state_node_evicts`, `namespace_foreign` */
  static async connect(options: RedisStateNodeOptions): Promise<RedisStateNode> {
    const node = new RedisStateNode(options);
    try {
      await node.#link.send([['PING']]);
      return node;
    } catch (error) {
      await node.#link.close();
      throw error;
    }
  }

  read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    return this.#log.run('read', items.length, () => {
      const hashes = items.map((item) => item.hash);
      return hashes.includes(undefined) ? this.#hashesOf(items).then((all) => this.#payloads(all)) : this.#payloads(hashes);
    });
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    await this.#log.run('write', items.length, async () => {
      checkPayloads(this.id, items);
      const { prefix, uses, slots } = this.#layout;
      const limits = [prefix, String(this.#expiryMs), String(this.#options.maxBytes ?? 0)];
      const batches = batchesOf(items, batchItems, batchBytes, (item) => item.bytes.length);
      for (const together of batchesOf(batches, batchesAtOnce)) {
        await Promise.all(together.map(async (batch) => {
          const args = batch.flatMap((item) => [String(slotOf(item.key)), revisionText(item), item.hash, item.bytes]);
          const [reply] = await this.#link.send([this.#link.script(writeScript, [uses, slots], [...limits, ...args])]);
          this.#noteWritten(reply as readonly [string, number, number?]);
        }));
      }
    });
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    await this.#log.run('drop', items.length, async () => {
      const { prefix, uses, slots } = this.#layout;
      await this.#link.send(batchesOf(items, batchItems).map((batch) =>
        this.#link.script(dropScript, [uses, slots], [prefix, ...batch.flatMap((item) => [String(slotOf(item.key)), revisionText(item)])])));
    });
  }

  async list(slot: number): Promise<HeldRevision[]> {
    return this.#log.run('list', 1, async () => (await this.#held([slot]))[0] ?? []);
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    return this.#log.run('digest', slots.length, async () => {
      const used = slots.length < manySlots ? slots : await this.#usedOf(slots);
      const digests = new Map((await this.#held(used)).map((held, index) => {
        const digest = new SlotDigest();
        for (const item of held) digest.toggle(item, item.hash);
        return [used[index] as number, digest.toString()];
      }));
      return slots.map((slot) => digests.get(slot) ?? new SlotDigest().toString());
    });
  }

  /** Those of many slots that hold anything: most slots of a small cluster are empty. */
  async #usedOf(slots: readonly number[]): Promise<number[]> {
    const [members] = await this.#link.send([['SMEMBERS', this.#layout.slots]]);
    const used = new Set((members as readonly ByteString[]).map(Number));
    return slots.filter((slot) => used.has(slot));
  }

  async life(): Promise<string> {
    return this.#link.currentLife();
  }

  async apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    return this.#log.run('apply', operations.length, () => this.#registers.apply(life, operations));
  }

  async registers(): Promise<number[]> {
    const [fields] = await this.#link.send([['HKEYS', this.#layout.node]]);
    return (fields as readonly ByteString[]).filter((field) => field.startsWith('r:')).map((field) => Number(field.slice(2)));
  }

  async stats(): Promise<StateNodeStats> {
    const [counts] = await this.#link.send([['HMGET', this.#layout.uses, 'elements', 'bytes']]);
    const [elements, bytes] = (counts as readonly (ByteString | null)[]).map(Number);
    const evictions = await this.#link.evictions();
    return this.#log.stats(this.id, { elements: elements ?? 0, bytes: bytes ?? 0, maxBytes: this.#options.maxBytes ?? this.#link.maxBytes, evictions });
  }

  async close(): Promise<void> {
    try {
      if (this.#options.onClose !== 'keep') await this.#clear();
    } catch (error) {
      // What cannot be deleted now expires.
      if (!(error instanceof ForeshardError)) throw error;
    } finally {
      await this.#link.close();
    }
  }

  /** The hash of each revision: what the reader says, else what its slot says. */
  async #hashesOf(items: readonly RevisionName[]): Promise<(ContentHash | undefined)[]> {
    const hashes = items.map((item) => item.hash);
    const unknown = [...items.keys()].filter((place) => hashes[place] === undefined);
    const slots = [...groupBy(unknown, (place) => slotOf((items[place] as RevisionName).key))];
    const replies = await this.#link.send(slots.map(([slot, places]) => ['HMGET', this.#layout.slot(slot), ...places.map((place) => revisionText(items[place] as RevisionName))]));
    for (const [index, [, places]] of slots.entries()) {
      const values = replies[index] as readonly (ByteString | null)[];
      for (const [at, place] of places.entries()) hashes[place] = values[at]?.slice(0, 64);
    }
    return hashes;
  }

  /** The payloads with these hashes, in one round trip. */
  #payloads(hashes: readonly (ContentHash | undefined)[]): Promise<(Uint8Array | undefined)[]> {
    const names: ByteString[] = [];
    for (const hash of hashes) if (hash !== undefined) names.push(this.#layout.payload(hash));
    return this.#link.send(batchesOf(names, batchItems).map((batch) => ['MGET', ...batch]), { wantsBytes: true }).then((replies) => {
      const values = replies.length === 1 ? replies[0] as readonly RedisValue[] : replies.flat();
      let at = 0;
      return this.#log.found(hashes.map((hash) => (hash === undefined ? undefined : this.#checked(values[at++] ?? null, hash))));
    });
  }

  #checked(value: RedisValue, hash: ContentHash): Uint8Array | undefined {
    if (!(value instanceof Uint8Array)) return undefined;
    if (isIntact(value, hash)) return value;
    this.#log.errors += 1;
    return undefined;
  }

  #noteWritten([kind, count, wanted]: readonly [string, number, number?]): void {
    if (kind === 'full') {
      throw new ForeshardError('state_node_full', `State node ${this.id} holds ${count} of ${this.#options.maxBytes} bytes; ${(wanted ?? 0) - count} more do not fit.`, {
        hint: 'Give it more memory or add a state node.',
      });
    }
    this.#log.writes += count;
  }

  /** What is held of each slot. Where the server may evict, what it has evicted is left out. */
  async #held(slots: readonly number[]): Promise<HeldRevision[][]> {
    const replies = await this.#link.send(slots.map((slot) => ['HGETALL', this.#layout.slot(slot)]));
    const held = replies.map(heldIn);
    if (this.#options.allowEviction !== true) return held;
    const all = held.flat();
    const exist = await this.#link.send(all.map(({ hash }) => ['EXISTS', this.#layout.payload(hash)]));
    const gone = new Set(all.filter((_, index) => exist[index] === 0));
    return held.map((items) => items.filter((item) => !gone.has(item)));
  }

  async #clear(): Promise<void> {
    const { node, uses, slots } = this.#layout;
    const life = await this.#link.currentLife();
    const [hashes, fields, used] = (await this.#link.send([['HKEYS', uses], ['HKEYS', node], ['SMEMBERS', slots]])) as readonly (readonly ByteString[])[];
    const names = [
      ...(hashes ?? []).filter((field) => field.length === 64).map((hash) => this.#layout.payload(hash)),
      ...(fields ?? []).filter((field) => field.startsWith('r:')).map((field) => this.#layout.register(life, field.slice(2))),
      ...(used ?? []).map((slot) => this.#layout.slot(slot)),
    ];
    await this.#link.send([...batchesOf(names, batchItems), [slots, uses, node]].map((batch) => ['UNLINK', ...batch]));
  }
}

/** The fields of a slot's hash: `<revision> <key>` → content hash and size. */
function heldIn(reply: RedisValue): HeldRevision[] {
  const fields = reply as readonly ByteString[];
  return Array.from({ length: fields.length / 2 }, (_, index) => {
    const value = fields[index * 2 + 1] as string;
    return { ...parseRevisionText(fields[index * 2] as string), hash: value.slice(0, 64), sizeBytes: Number(value.slice(64)) };
  });
}
