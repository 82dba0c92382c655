import type { MemcachedCommand } from '../gateways/memcached/memcached-client.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import { groupBy } from '../lib/group-by.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { heldIn, MemcachedIndex, type SlotIndex } from './memcached-index.ts';
import { MemcachedLayout } from './memcached-layout.ts';
import { MemcachedLife } from './memcached-life.ts';
import { MemcachedLink } from './memcached-link.ts';
import { MemcachedPayloads } from './memcached-payloads.ts';
import { MemcachedRegisters } from './memcached-registers.ts';
import { OperationLog } from './operation-log.ts';
import { batchesOf, checkPayloads, isIntact, revisionText } from './payloads.ts';
import { SlotDigest } from './slot-digest.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';
import type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Options of {@link MemcachedStateNode.connect}. */
export interface MemcachedStateNodeOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** All items are of this namespace; one for each recording, run or cluster. Any text: one that memcached does not take is named by its hash. */
  readonly namespace: string;
  /** Where the namespace is cleared on closing, an item expires this long after it was last used. A day when left out. In a namespace that is kept nothing expires. */
  readonly expiryMs?: number;
  /** `clear` (when left out) deletes the namespace on closing, `keep` leaves it to others. */
  readonly onClose?: 'clear' | 'keep';
  /** An operation that takes longer fails, and the connection is made anew. */
  readonly timeoutMs?: number;
  /** Payload bytes the namespace may hold. Memcached keeps its own limit by throwing away what was used longest ago, unless it runs with `-M`. */
  readonly maxBytes?: number;
}

/** Revisions, and payload bytes, that are on their way together. */
const batchItems = 500;
const batchBytes = 16 * 1024 * 1024;

/**
 * A state node in memcached 1.6 or newer. Everything is compare-and-swap on single items: payloads by hash (memcached-payloads.ts), an index and a register for each
 * slot. Memcached may throw away any item: revisions that are gone are neither read nor listed, and are counted in `evictions`; a register that is gone ends the life.
 * With `-M` it throws nothing away and is full instead. It cannot be searched: a foreign item is named when it is met.
 */
export class MemcachedStateNode implements StateNode {
  readonly id: string;
  readonly #options: MemcachedStateNodeOptions;
  readonly #log = new OperationLog();
  readonly #layout: MemcachedLayout;
  readonly #link: MemcachedLink;
  readonly #life: MemcachedLife;
  readonly #registers: MemcachedRegisters;
  readonly #payloads: MemcachedPayloads;
  readonly #index: MemcachedIndex;

  private constructor(options: MemcachedStateNodeOptions) {
    const { id, host, port, onClose, expiryMs, timeoutMs } = options;
    this.id = id;
    this.#options = options;
    this.#layout = new MemcachedLayout(options.namespace);
    this.#link = new MemcachedLink({ id, host, port, timeoutMs: timeoutMs ?? 10_000, expiryMs: onClose === 'keep' ? 0 : expiryMs ?? 86_400_000 });
    this.#life = new MemcachedLife(id, this.#link, this.#layout);
    this.#registers = new MemcachedRegisters({ id, link: this.#link, layout: this.#layout, life: this.#life });
    this.#payloads = new MemcachedPayloads(id, this.#link, this.#layout);
    this.#index = new MemcachedIndex(id, this.#link, this.#layout);
  }

  /** @throws ForeshardError `state_node_unreachable`, `namespace_foreign` */
  static async connect(options: MemcachedStateNodeOptions): Promise<MemcachedStateNode> {
    const node = new MemcachedStateNode(options);
    try {
      await node.#life.current();
      return node;
    } catch (error) {
      await node.#link.close();
      throw error;
    }
  }

  async read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    return this.#log.run('read', items.length, async () => {
      const hashes = await this.#hashesOf(items);
      const unique = [...new Set(hashes.filter((hash) => hash !== undefined))];
      const found = await this.#payloads.read(unique);
      const intact = new Map(unique.map((hash, index) => [hash, this.#checked(found[index], hash)]));
      return this.#log.found(hashes.map((hash) => (hash === undefined ? undefined : intact.get(hash))));
    });
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    await this.#log.run('write', items.length, async () => {
      checkPayloads(this.id, items);
      for (const batch of batchesOf(items, batchItems, batchBytes, (item) => item.bytes.length)) await this.#write(batch);
    });
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    await this.#log.run('drop', items.length, async () => {
      for (const batch of batchesOf(items, batchItems)) await this.#forget(await this.#index.remove(groupBy(batch, (item) => slotOf(item.key))), true);
    });
  }

  async list(slot: number): Promise<HeldRevision[]> {
    return this.#log.run('list', 1, async () => (await this.#held([slot]))[0] ?? []);
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    return this.#log.run('digest', slots.length, async () => (await this.#held(slots)).map((held) => {
      const digest = new SlotDigest();
      for (const item of held) digest.toggle(item, item.hash);
      return digest.toString();
    }));
  }

  async life(): Promise<string> {
    return this.#life.current();
  }

  async apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    return this.#log.run('apply', operations.length, () => this.#registers.apply(life, operations));
  }

  async registers(): Promise<number[]> {
    return this.#life.registers();
  }

  async stats(): Promise<StateNodeStats> {
    const [elements = 0, bytes = 0] = await this.#counts();
    const evictions = await this.#link.evictions();
    return this.#log.stats(this.id, { elements, bytes, maxBytes: this.#options.maxBytes ?? this.#link.maxBytes, evictions });
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

  async #write(items: readonly StoredRevision[]): Promise<void> {
    const slots = [...groupBy(items, (item) => slotOf(item.key))];
    const indexes = await this.#index.read(slots.map(([slot]) => slot));
    const wanted = slots.flatMap(([, own], place) => freshIn(indexes[place] as SlotIndex, own));
    // What is held with these very bytes is stored again: it may have been thrown away.
    const held = slots.flatMap(([, own], place) => own.filter((item) => indexes[place]?.get(revisionText(item))?.hash === item.hash));
    const payloads = new Map([...wanted, ...held].map((item) => [item.hash, item.bytes]));
    await this.#requireRoom(payloads);
    const fresh = wanted.map(({ key, revision, hash, bytes }) => ({ key, revision, hash, sizeBytes: bytes.length }));
    await this.#keep(fresh, [...payloads].flatMap(([hash, bytes]) => this.#payloads.store(hash, bytes)));
    const { changed, refused } = await this.#index.add(groupBy(fresh, (item) => slotOf(item.key)));
    this.#log.writes += changed.length;
    await this.#payloads.count(this.#layout.elements, changed.length);
    const added = new Set(changed);
    await this.#forget(fresh.filter((item) => !added.has(item)), false);
    if (refused !== undefined) throw refused;
  }

  /** Raises how many revisions have each payload, then stores payloads. Nothing is counted when it fails. */
  async #keep(fresh: readonly HeldRevision[], stores: readonly MemcachedCommand[]): Promise<void> {
    const byHash = [...groupBy(fresh, (item) => item.hash).values()];
    const raised = await Promise.allSettled(byHash.map((own) => this.#payloads.raise((own[0] as HeldRevision).hash, own.length, (own[0] as HeldRevision).sizeBytes)));
    const failed = raised.find((result) => result.status === 'rejected');
    try {
      if (failed !== undefined) throw failed.reason;
      await this.#link.send(stores);
    } catch (error) {
      await this.#forget(byHash.filter((_, index) => raised[index]?.status === 'fulfilled').flat(), false).catch(() => {});
      throw error;
    }
  }

  async #requireRoom(payloads: ReadonlyMap<ContentHash, Uint8Array>): Promise<void> {
    const { maxBytes } = this.#options;
    if (maxBytes === undefined) return;
    const [, bytes = 0] = await this.#counts();
    const more = await this.#payloads.freshBytes(payloads);
    if (bytes + more <= maxBytes) return;
    throw new ForeshardError('state_node_full', `State node ${this.id} holds ${bytes} of ${maxBytes} bytes; ${more} more do not fit.`, { hint: 'Give it more memory or add a state node.' });
  }

  /** Revisions that are held no longer, or not after all. */
  async #forget(items: readonly HeldRevision[], wereCounted: boolean): Promise<void> {
    await Promise.all([...groupBy(items, (item) => item.hash)].map(([hash, own]) => this.#payloads.lower(hash, own.length)));
    if (wereCounted) await this.#payloads.count(this.#layout.elements, -items.length);
  }

  async #hashesOf(items: readonly RevisionName[]): Promise<(ContentHash | undefined)[]> {
    const slots = [...new Set(items.filter((item) => item.hash === undefined).map((item) => slotOf(item.key)))];
    const indexes = await this.#index.read(slots);
    const bySlot = new Map(slots.map((slot, place) => [slot, indexes[place]]));
    return items.map((item) => item.hash ?? bySlot.get(slotOf(item.key))?.get(revisionText(item))?.hash);
  }

  #checked(bytes: Buffer | undefined, hash: ContentHash): Uint8Array | undefined {
    if (bytes === undefined || isIntact(bytes, hash)) return bytes;
    this.#log.errors += 1;
    return undefined;
  }

  /** What is held of each slot; where the server has thrown anything away, only what is still there. */
  async #held(slots: readonly number[]): Promise<HeldRevision[][]> {
    const held = (await this.#index.read(slots)).map(heldIn);
    const all = held.flat();
    if (all.length === 0 || !await this.#link.hasEvicted()) return held;
    const present = await this.#payloads.present(all.map(({ hash }) => hash));
    return held.map((items) => items.filter(({ hash }) => present.has(hash)));
  }

  async #counts(): Promise<number[]> {
    return (await this.#link.get([this.#layout.elements, this.#layout.bytes])).map(({ bytes }) => Number(bytes ?? 0));
  }

  async #clear(): Promise<void> {
    const slots = await this.#index.slots();
    for (const batch of batchesOf(slots, batchItems)) {
      const held = (await this.#index.read(batch)).flatMap(heldIn);
      await this.#payloads.delete(held);
      await this.#link.send(batch.map((slot) => ({ line: `md ${this.#layout.index(slot)}` })));
    }
    const registers = (await this.#life.registers()).map((slot) => this.#layout.register(slot));
    const { life, elements, bytes } = this.#layout;
    await this.#link.send([...registers, this.#layout.slots, elements, bytes, life].map((name) => ({ line: `md ${name}` })));
  }
}

/** Of these revisions those that are not there, each once. */
function freshIn(index: SlotIndex, items: readonly StoredRevision[]): StoredRevision[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const name = revisionText(item);
    if (index.has(name) || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
