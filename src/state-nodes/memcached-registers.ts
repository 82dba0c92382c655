import { ForeshardError } from '../model/errors.ts';
import { memberName } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import { memcachedFormat, type MemcachedLayout } from './memcached-layout.ts';
import type { MemcachedLife } from './memcached-life.ts';
import type { MemcachedItem, MemcachedLink, StoreMode } from './memcached-link.ts';
import { bySlot, runBatch, type SlotBatch } from './register-codec.ts';
import { emptyRegister, type RegisterAnswer, type RegisterOperation, type RegisterState } from './slot-register.ts';
import type { SlotBits } from './slot-bits.ts';

/** Options of {@link MemcachedRegisters}. */
export interface MemcachedRegistersOptions {
  readonly id: string;
  readonly link: MemcachedLink;
  readonly layout: MemcachedLayout;
  readonly life: MemcachedLife;
}

/** A register as its item has it. */
interface Register {
  readonly state: RegisterState;
  readonly heads: ReadonlyMap<StateKey, string>;
}

/** A slot's operations with the item that was read for them. */
interface Loaded {
  readonly batch: SlotBatch;
  readonly item: MemcachedItem;
  /** Undefined: there is none of this life. */
  readonly register: Register | undefined;
}

/**
 * Registers in memcached: one item a slot with state, heads and the life they belong to, stored by compare-and-swap. The first time, an empty register is put there, then noted
 * in the life, and only then written: so a register that is noted and missing was thrown away, and ends the life, while a client that stops in between has lost nothing.
 */
export class MemcachedRegisters {
  readonly #options: MemcachedRegistersOptions;

  constructor(options: MemcachedRegistersOptions) {
    this.#options = options;
  }

  /** See `StateNode.apply`. */
  async apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    const answers = Array.from<RegisterAnswer>({ length: operations.length });
    for (let open = bySlot(operations); open.length > 0;) {
      const loaded = await this.#load(life, open);
      const done = await this.#settle(life, loaded, (batch, given) => {
        for (const [step, place] of batch.places.entries()) answers[place] = given[step] as RegisterAnswer;
      });
      open = open.filter((batch) => !done.has(batch));
    }
    return answers;
  }

  /** Reads registers. Only where one is not there is the life asked, and then the register again: it may have been made meanwhile, but not without being noted first. */
  async #load(life: string, batches: readonly SlotBatch[]): Promise<Loaded[]> {
    const loaded = await this.#read(life, batches);
    const absent = loaded.filter(({ register }) => register === undefined).map(({ batch }) => batch);
    if (absent.length === 0) return loaded;
    const noted = await this.#options.life.registersOf(life);
    if (noted === undefined) throw this.#restarted(life);
    const again = new Map((await this.#read(life, absent)).map((one) => [one.batch, one]));
    await this.#refuseLost(life, noted, [...again.values()]);
    return loaded.map((one) => again.get(one.batch) ?? one);
  }

  async #refuseLost(life: string, noted: SlotBits, again: readonly Loaded[]): Promise<void> {
    if (!again.some(({ batch, register }) => register === undefined && noted.has(batch.slot))) return;
    await this.#options.life.end(life);
    throw this.#restarted(life);
  }

  async #read(life: string, batches: readonly SlotBatch[]): Promise<Loaded[]> {
    const { link, layout } = this.#options;
    const items = await link.get(batches.map(({ slot }) => layout.register(slot)));
    return batches.map((batch, index) => {
      const item = items[index] as MemcachedItem;
      return { batch, item, register: this.#decoded(life, batch.slot, item.bytes) };
    });
  }

  /** Runs what was loaded and stores it; the batches that are done. The others go round again: their register had to be made first, or somebody was faster. */
  async #settle(life: string, loaded: readonly Loaded[], give: (batch: SlotBatch, answers: readonly RegisterAnswer[]) => void): Promise<Set<SlotBatch>> {
    const { link, layout } = this.#options;
    const done = new Set<SlotBatch>();
    const stores: { readonly one: Loaded; readonly bytes: Buffer; readonly answers: readonly RegisterAnswer[] | undefined }[] = [];
    for (const one of loaded) {
      const before = one.register ?? { state: emptyRegister, heads: new Map<StateKey, string>() };
      const { answers, state, heads, isChanged } = runBatch(memberName({ id: this.#options.id, life }), before, one.batch.operations);
      if (!isChanged) {
        give(one.batch, answers);
        done.add(one.batch);
      } else if (one.register === undefined) {
        stores.push({ one, bytes: this.#encoded(life, one.batch.slot, before), answers: undefined });
      } else {
        stores.push({ one, bytes: this.#encoded(life, one.batch.slot, { state, heads }), answers });
      }
    }
    const written = stores.filter(({ answers }) => answers !== undefined).map(({ one }) => one.batch.slot);
    if (!await this.#options.life.mark(life, written)) throw this.#restarted(life);
    const replies = await link.send(stores.map(({ one, bytes }) => link.store(layout.register(one.batch.slot), bytes, modeOf(one.item))));
    for (const [index, { one, answers }] of stores.entries()) {
      if (answers === undefined || replies[index]?.status !== 'HD') continue;
      give(one.batch, answers);
      done.add(one.batch);
    }
    return done;
  }

  #encoded(life: string, slot: number, { state, heads }: Register): Buffer {
    const bytes = Buffer.from(JSON.stringify({ format: memcachedFormat, life, state, heads: [...heads] }));
    if (bytes.length <= this.#options.link.itemBytes) return bytes;
    throw new ForeshardError('state_node_full', `State node ${this.#options.id}: the register of slot ${slot} would have ${bytes.length} bytes with its ${heads.size} heads; an item of this memcached has ${this.#options.link.itemBytes} at most.`, {
      hint: 'Start memcached with larger items (-I), or use another engine for slots with so many elements.',
    });
  }

  #decoded(life: string, slot: number, bytes: Buffer | undefined): Register | undefined {
    if (bytes === undefined) return undefined;
    const { layout, id } = this.#options;
    const found = layout.decode(id, layout.register(slot), bytes) as unknown as { life: string; state: RegisterState; heads: [StateKey, string][] };
    return found.life === life ? { state: found.state, heads: new Map(found.heads) } : undefined;
  }

  #restarted(life: string): ForeshardError {
    return new ForeshardError('state_node_restarted', `State node ${this.#options.id} has lost what it held in the life ${life}.`, { hint: 'It joins again by itself as a new member.' });
  }
}

function modeOf(item: MemcachedItem): StoreMode {
  return item.bytes === undefined ? 'absent' : { cas: item.cas };
}
