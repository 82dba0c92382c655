import { randomBytes } from 'node:crypto';
import type { MemcachedLayout } from './memcached-layout.ts';
import type { MemcachedItem, MemcachedLink } from './memcached-link.ts';
import { memcachedFormat } from './memcached-layout.ts';
import { SlotBits, slotBitsBytes } from './slot-bits.ts';

/** A life as memcached has it: its name, and for which slots there must be a register. */
interface LifeItem {
  readonly life: string;
  readonly registers: SlotBits;
  readonly cas: string;
}

/**
 * The life of a state node in memcached: one item. When it is gone, so is what the node acknowledged, perhaps. Since memcached may throw away any item by itself, the
 * life also knows which registers there must be: one that is missing ends it.
 */
export class MemcachedLife {
  readonly #id: string;
  readonly #link: MemcachedLink;
  readonly #layout: MemcachedLayout;
  /** Registers that are known to be marked, by life. */
  readonly #marked = new Map<string, Set<number>>();

  constructor(id: string, link: MemcachedLink, layout: MemcachedLayout) {
    this.#id = id;
    this.#link = link;
    this.#layout = layout;
  }

  /** The present life; begins one where there is none. */
  async current(): Promise<string> {
    for (;;) {
      const found = await this.#load();
      if (found !== undefined) return found.life;
      await this.#link.send([this.#link.store(this.#layout.life, encode(newLife(), new SlotBits()), 'absent')]);
    }
  }

  /** The registers there must be in a life; undefined: it is over. */
  async registersOf(life: string): Promise<SlotBits | undefined> {
    const found = await this.#load();
    return found?.life === life ? found.registers : undefined;
  }

  /** Notes that there are registers of these slots, before anything is stored in them; false: the life is over. */
  async mark(life: string, slots: readonly number[]): Promise<boolean> {
    const known = this.#marked.get(life) ?? new Set();
    const fresh = slots.filter((slot) => !known.has(slot));
    while (fresh.length > 0) {
      const found = await this.#load();
      if (found?.life !== life) return false;
      if (!found.registers.add(fresh)) break;
      const [reply] = await this.#link.send([this.#link.store(this.#layout.life, encode(life, found.registers), { cas: found.cas })]);
      if (reply?.status === 'HD') break;
    }
    for (const slot of fresh) known.add(slot);
    this.#marked.set(life, known);
    return true;
  }

  /** Begins another life, if this is still the present one. */
  async end(life: string): Promise<void> {
    this.#marked.delete(life);
    const found = await this.#load();
    if (found?.life === life) await this.#link.send([this.#link.store(this.#layout.life, encode(newLife(), new SlotBits()), { cas: found.cas })]);
  }

  /** The slots of the present life's registers. */
  async registers(): Promise<number[]> {
    return (await this.#load())?.registers.slots() ?? [];
  }

  async #load(): Promise<LifeItem | undefined> {
    const [item] = await this.#link.get([this.#layout.life]);
    return item?.bytes === undefined ? undefined : this.#decoded(item, item.bytes);
  }

  #decoded({ cas }: MemcachedItem, bytes: Buffer): LifeItem {
    const end = bytes.indexOf(0x0a);
    const { life } = this.#layout.decode(this.#id, this.#layout.life, bytes.subarray(0, end < 0 ? bytes.length : end));
    if (typeof life !== 'string' || bytes.length !== end + 1 + slotBitsBytes) throw this.#layout.foreign(this.#id, this.#layout.life, 'holds no life');
    return { life, registers: new SlotBits(bytes.subarray(end + 1)), cas };
  }
}

function newLife(): string {
  return randomBytes(5).toString('hex');
}

function encode(life: string, registers: SlotBits): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ format: memcachedFormat, life })}\n`), registers.bytes]);
}
