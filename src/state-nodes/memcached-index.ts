import type { MemcachedCommand } from '../gateways/memcached/memcached-client.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import { ForeshardError } from '../model/errors.ts';
import { memcachedFormat, type MemcachedLayout } from './memcached-layout.ts';
import type { MemcachedItem, MemcachedLink, StoreMode } from './memcached-link.ts';
import { parseRevisionText, revisionText } from './payloads.ts';
import { SlotBits, slotBitsBytes } from './slot-bits.ts';
import type { HeldRevision, RevisionName } from './state-node.ts';

/** The revisions of a slot by {@link revisionText}. */
export type SlotIndex = Map<string, { readonly hash: ContentHash; readonly sizeBytes: number }>;

/** A slot's revisions with the item that was read. */
interface Loaded {
  readonly slot: number;
  readonly item: MemcachedItem;
  readonly index: SlotIndex;
}

/** What has become of a change. */
export interface IndexChange {
  readonly changed: readonly HeldRevision[];
  readonly refused: ForeshardError | undefined;
}

/** Which revisions a state node in memcached holds: one item a slot, changed by compare-and-swap. */
export class MemcachedIndex {
  readonly #id: string;
  readonly #link: MemcachedLink;
  readonly #layout: MemcachedLayout;
  /** Slots that are known to be noted for clearing. */
  readonly #noted = new Set<number>();

  constructor(id: string, link: MemcachedLink, layout: MemcachedLayout) {
    this.#id = id;
    this.#link = link;
    this.#layout = layout;
  }

  /** The revisions of each slot. */
  async read(slots: readonly number[]): Promise<SlotIndex[]> {
    return (await this.#load(slots)).map(({ index }) => index);
  }

  /** Adds revisions that are not there. `refused`: `state_node_full`, when a slot has more than an item can tell; the other slots have theirs. */
  async add(bySlot: ReadonlyMap<number, readonly HeldRevision[]>): Promise<IndexChange> {
    await this.#note([...bySlot.keys()]);
    return this.#change(bySlot, (index, item) => {
      const name = revisionText(item);
      if (index.has(name)) return undefined;
      index.set(name, { hash: item.hash, sizeBytes: item.sizeBytes });
      return item;
    });
  }

  /** Takes revisions away; those that were there. */
  async remove(bySlot: ReadonlyMap<number, readonly RevisionName[]>): Promise<readonly HeldRevision[]> {
    const { changed } = await this.#change(bySlot, (index, item) => {
      const name = revisionText(item);
      const held = index.get(name);
      if (held === undefined) return undefined;
      index.delete(name);
      return { key: item.key, revision: item.revision, ...held };
    });
    return changed;
  }

  /** The slots that ever held anything. */
  async slots(): Promise<number[]> {
    const [item] = await this.#link.get([this.#layout.slots]);
    return item?.bytes?.length === slotBitsBytes ? new SlotBits(item.bytes).slots() : [];
  }

  /** Changes the indexes of slots, again where somebody was faster. */
  async #change<T>(bySlot: ReadonlyMap<number, readonly T[]>, change: (index: SlotIndex, item: T) => HeldRevision | undefined): Promise<IndexChange> {
    const changed: HeldRevision[] = [];
    let refused: ForeshardError | undefined;
    for (let open = [...bySlot.keys()]; open.length > 0;) {
      const steps: { readonly slot: number; readonly own: readonly HeldRevision[]; readonly command: MemcachedCommand }[] = [];
      for (const { slot, item, index } of await this.#load(open)) {
        const own = (bySlot.get(slot) ?? []).flatMap((item) => change(index, item) ?? []);
        const bytes = encode(index);
        if (own.length === 0) continue;
        if (bytes.length > this.#link.itemBytes) refused = this.#tooLarge(slot, index, bytes);
        else steps.push({ slot, own, command: this.#link.store(this.#layout.index(slot), bytes, modeOf(item)) });
      }
      const replies = await this.#link.send(steps.map(({ command }) => command));
      open = steps.filter((_, place) => replies[place]?.status !== 'HD').map(({ slot }) => slot);
      for (const [place, { own }] of steps.entries()) if (replies[place]?.status === 'HD') changed.push(...own);
    }
    return { changed, refused };
  }

  async #note(slots: readonly number[]): Promise<void> {
    const fresh = slots.filter((slot) => !this.#noted.has(slot));
    while (fresh.length > 0) {
      const [item] = await this.#link.get([this.#layout.slots]);
      if (item?.bytes !== undefined && item.bytes.length !== slotBitsBytes) throw this.#layout.foreign(this.#id, this.#layout.slots, 'holds no slots');
      const bits = new SlotBits(item?.bytes);
      if (!bits.add(fresh)) break;
      const [reply] = await this.#link.send([this.#link.store(this.#layout.slots, bits.bytes, item === undefined ? 'absent' : modeOf(item))]);
      if (reply?.status === 'HD') break;
    }
    for (const slot of fresh) this.#noted.add(slot);
  }

  async #load(slots: readonly number[]): Promise<Loaded[]> {
    const items = await this.#link.get(slots.map((slot) => this.#layout.index(slot)));
    return items.map((item, place) => {
      const slot = slots[place] as number;
      if (item.bytes === undefined) return { slot, item, index: new Map() };
      const { held } = this.#layout.decode(this.#id, this.#layout.index(slot), item.bytes) as { held?: [string, string, number][] };
      return { slot, item, index: new Map((held ?? []).map(([name, hash, sizeBytes]) => [name, { hash, sizeBytes }])) };
    });
  }

  #tooLarge(slot: number, index: SlotIndex, bytes: Buffer): ForeshardError {
    return new ForeshardError('state_node_full', `State node ${this.#id}: the list of the ${index.size} revisions of slot ${slot} would have ${bytes.length} bytes; an item of this memcached has ${this.#link.itemBytes} at most.`, {
      hint: 'Drop old revisions, start memcached with larger items (-I), or use another engine.',
    });
  }
}

function encode(index: SlotIndex): Buffer {
  return Buffer.from(JSON.stringify({ format: memcachedFormat, held: [...index].map(([name, { hash, sizeBytes }]) => [name, hash, sizeBytes]) }));
}

/** The revisions of an index. */
export function heldIn(index: SlotIndex): HeldRevision[] {
  return [...index].map(([name, held]) => ({ ...parseRevisionText(name), ...held }));
}

function modeOf(item: MemcachedItem): StoreMode {
  return item.bytes === undefined ? 'absent' : { cas: item.cas };
}
