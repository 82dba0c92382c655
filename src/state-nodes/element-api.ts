import { contentHash, type ContentHash } from '../lib/content-hash.ts';
import { HybridLogicalClock } from '../lib/hybrid-logical-clock.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, slotCount } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import type { EmbeddedStateNode } from './embedded-state-node.ts';
import { decodeHead, distinctValues, encodeHead, putHead, type HeadState, type HeadValue } from './head.ts';
import { maxKeyBytes } from './node-wire.ts';
import { contentRevision, isIntact, revisionText } from './payloads.ts';
import type { RegisterAnswer, RegisterOperation, SlotEntry } from './slot-register.ts';

/*
 * Elements by key on a single state node, for those who use it alone: a write makes an immutable revision, named by its content, and moves the element's head. Heads lie in the
 * node's registers, under an entry older than any map's of which this node is the only owner. As soon as a cluster has told the node of other owners, writes here are refused:
 * they would reach one owner of several.
 */

/** An element as of now: which revision it is. */
export interface ElementVersion {
  readonly revision: number;
  readonly hash: ContentHash;
}

/** An element with its bytes. */
export interface ReadElement extends ElementVersion {
  readonly bytes: Uint8Array;
}

/** An element in a list. */
export interface ListedElement extends ElementVersion {
  readonly key: StateKey;
  readonly sizeBytes: number;
}

/** Whether a write may happen, by the element as it is; undefined: there is none. */
export type WriteCondition = (current: ElementVersion | undefined) => boolean;

/** A write whose condition does not hold. */
export class ConditionFailed extends Error {
  override readonly name = 'ConditionFailed';
  readonly current: ElementVersion | undefined;
  constructor(current: ElementVersion | undefined) {
    super('the element is not as expected');
    this.current = current;
  }
}

/** What was found of an element: who owns it, its head, and the version it shows. */
interface Found {
  readonly entry: SlotEntry;
  readonly text: string | null;
  readonly head: HeadState;
  readonly value: HeadValue | undefined;
}

/** Elements by key on one embedded state node. The last writer wins, one write of a key at a time. */
export class ElementApi {
  readonly #node: EmbeddedStateNode;
  readonly #life: string;
  readonly #self: string;
  readonly #alone: SlotEntry;
  readonly #clock: HybridLogicalClock;
  readonly #writing = new Map<StateKey, Promise<unknown>>();
  /** The revision before the one an element has: readable until the next write, for who has just looked. */
  readonly #previous = new Map<StateKey, number>();
  #lastId = 0;

  /** @param life the node's; @param now Unix milliseconds */
  constructor(node: EmbeddedStateNode, life: string, now: () => number) {
    this.#node = node;
    this.#life = life;
    this.#self = memberName({ id: node.id, life });
    this.#alone = { incarnation: 0, epoch: -1, own: [this.#self], old: [], joining: [], pull: 0 };
    this.#clock = new HybridLogicalClock(now);
  }

  /** The newest version; undefined: there is no such element. @throws ForeshardError `map_outdated` */
  async version(key: StateKey): Promise<ElementVersion | undefined> {
    return versionOf((await this.#find(key)).value);
  }

  /** The newest version with its bytes. @throws ForeshardError `map_outdated`, `payload_missing`, `payload_corrupt` */
  async read(key: StateKey): Promise<ReadElement | undefined> {
    for (let version = await this.version(key); version !== undefined;) {
      const found = await this.readRevision(key, version.revision);
      if (found?.hash === version.hash) return found;
      const now = await this.version(key);
      if (now?.revision === version.revision) throw new ForeshardError('payload_missing', `This state node does not hold revision ${version.revision} of ${JSON.stringify(key)}, to which its head points.`);
      version = now; // it was overwritten meanwhile
    }
    return undefined;
  }

  /** The bytes of one revision; undefined: it is not held here. @throws ForeshardError `payload_corrupt` */
  async readRevision(key: StateKey, revision: number): Promise<ReadElement | undefined> {
    const [held] = this.#node.readHeld([revisionText({ key, revision })]);
    if (held === undefined) return undefined;
    const { bytes, hash } = held;
    if (!isIntact(bytes, hash)) throw new ForeshardError('payload_corrupt', `Revision ${revision} of ${JSON.stringify(key)} is damaged in the memory of this state node.`, { hint: 'Write it again; the memory of the machine may be faulty.' });
    return { revision, hash, bytes };
  }

  /**
   * Makes these bytes the element. Equal bytes change nothing.
   * @throws ConditionFailed, ForeshardError `map_outdated`, `state_node_full`, `payload_too_large`, `usage`
   */
  async put(key: StateKey, bytes: Uint8Array, condition: WriteCondition = () => true): Promise<ElementVersion & { readonly created: boolean }> {
    checkKey(key);
    const hash = contentHash(bytes);
    const revision = contentRevision(hash);
    return this.#oneByOne(key, async () => {
      for (;;) {
        const found = await this.#findToWrite(key, condition);
        if (found.value?.hash === hash) return { revision, hash, created: false };
        await this.#node.write([{ key, revision, hash, bytes }]);
        if (!(await this.#swap(key, found, this.#written(found, { revision, hash })))) continue;
        await this.#retire(key, found, revision);
        return { revision, hash, created: found.value === undefined };
      }
    });
  }

  /** Takes the element away; false when there is none. @throws ConditionFailed, ForeshardError `map_outdated` */
  delete(key: StateKey, condition: WriteCondition = () => true): Promise<boolean> {
    return this.#oneByOne(key, async () => {
      for (;;) {
        const found = await this.#findToWrite(key, condition);
        if (found.value === undefined) return false;
        // Where a map has been, its clients merge heads: they have to see that the element was deleted.
        if (!(await this.#swap(key, found, this.#isAlone(found.entry) ? null : this.#written(found, { revision: 0, hash: null })))) continue;
        await this.#retire(key, found, undefined);
        return true;
      }
    });
  }

  /** Elements in order of slot and key: of one slot or of all, those after a key. @throws ForeshardError `map_outdated` for a slot of others */
  async list(options: { readonly slot?: number; readonly after?: StateKey; readonly limit: number }): Promise<{ readonly elements: ListedElement[]; readonly next: StateKey | null }> {
    const { slot, after, limit } = options;
    const from = after === undefined ? 0 : slotOf(after);
    const slots = slot === undefined ? this.#node.headSlots().filter((one) => one >= from) : [slot];
    const elements: ListedElement[] = [];
    for (const one of slots) {
      for (const element of await this.#listSlot(one)) {
        if (after !== undefined && (one < from || (one === from && element.key <= after))) continue;
        if (elements.length === limit) return { elements, next: elements.at(-1)?.key ?? null };
        elements.push(element);
      }
    }
    return { elements, next: null };
  }

  async #listSlot(slot: number): Promise<ListedElement[]> {
    const { entry, answer } = await this.#run((entry) => ({ op: 'fence', slot, entry }));
    if (answer.status !== 'ok' || !answer.active) throw this.#foreign(entry);
    const sizes = new Map((await this.#node.list(slot)).map(({ key, revision, sizeBytes }) => [`${revision} ${key}`, sizeBytes]));
    return answer.heads
      .flatMap(({ key, head }): ListedElement[] => {
        const version = versionOf(distinctValues(decodeHead(head))[0]);
        return version === undefined ? [] : [{ key, ...version, sizeBytes: sizes.get(`${version.revision} ${key}`) ?? 0 }];
      })
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async #find(key: StateKey): Promise<Found> {
    checkKey(key);
    const { entry, answer } = await this.#run((entry) => ({ op: 'read', slot: slotOf(key), entry, keys: [key] }));
    if (answer.status !== 'ok' || !answer.active) throw this.#foreign(entry);
    const text = answer.heads[0]?.head ?? null;
    const head = decodeHead(text);
    return { entry, text, head, value: distinctValues(head)[0] };
  }

  async #findToWrite(key: StateKey, condition: WriteCondition): Promise<Found> {
    const found = await this.#find(key);
    const { own, old, joining } = found.entry;
    if (own.length !== 1 || old.length > 0 || joining.length > 0) throw this.#foreign(found.entry);
    const current = versionOf(found.value);
    if (!condition(current)) throw new ConditionFailed(current);
    return { ...found, value: found.value?.hash === null ? undefined : found.value };
  }

  /** The head after a write that has seen the one found. */
  #written({ head }: Found, { revision, hash }: { readonly revision: number; readonly hash: ContentHash | null }): string {
    for (const { at } of head.values) this.#clock.receive(at);
    return encodeHead(putHead(head, { id: `${this.#self}#${++this.#lastId}`, at: this.#clock.tick(), revision, hash }, head.seen, this.#self, 'siblings'));
  }

  /** Moves the head; false when somebody else has moved it since it was found. */
  async #swap(key: StateKey, { entry, text }: Found, next: string | null): Promise<boolean> {
    const [answer] = await this.#node.apply(this.#life, [{ op: 'swap', slot: slotOf(key), entry, swaps: [{ key, expected: text, next }] }], this.#idIn(entry));
    return answer?.status === 'ok';
  }

  /** Forgets the revision that was kept one write longer; whoever writes by a map tidies up by itself. */
  async #retire(key: StateKey, { entry, value }: Found, next: number | undefined): Promise<void> {
    if (!this.#isAlone(entry) || value === undefined) return;
    const kept = next === undefined ? [] : [value.revision, next];
    const gone = [this.#previous.get(key), value.revision].filter((revision) => revision !== undefined && !kept.includes(revision));
    if (next === undefined) this.#previous.delete(key);
    else this.#previous.set(key, value.revision);
    if (gone.length > 0) await this.#node.drop(gone.map((revision) => ({ key, revision: revision as number })));
  }

  /** Runs an operation under the entry that the register knows. */
  async #run(operation: (entry: SlotEntry) => RegisterOperation): Promise<{ readonly entry: SlotEntry; readonly answer: RegisterAnswer }> {
    for (let entry = this.#alone;;) {
      const [answer] = await this.#node.apply(this.#life, [operation(entry)], this.#idIn(entry));
      if (answer?.status !== 'stale') return { entry, answer: answer as RegisterAnswer };
      entry = answer.entry;
    }
  }

  /** What an entry calls this node: its life is in the name. */
  #idIn(entry: SlotEntry): string {
    const life = `@${this.#life}`;
    return entry.own.find((name) => name.endsWith(life))?.slice(0, -life.length) ?? this.#node.id;
  }

  #isAlone(entry: SlotEntry): boolean {
    return entry.epoch === this.#alone.epoch;
  }

  #foreign({ own, incarnation, epoch }: SlotEntry): ForeshardError {
    return new ForeshardError('map_outdated', `This state node is part of a cluster: the slot belongs to ${own.join(', ')} as of epoch ${incarnation}.${epoch}.`, { hint: 'Use the StateClient with the shard map: it writes to all owners.' });
  }

  /** Runs what writes a key after what is writing it. */
  #oneByOne<T>(key: StateKey, run: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(key) ?? Promise.resolve();
    const result = before.then(run, run);
    const settled = result.then(() => {}, () => {}).finally(() => {
      if (this.#writing.get(key) === settled) this.#writing.delete(key);
    });
    this.#writing.set(key, settled);
    return result;
  }
}

/** A slot's number in a text; undefined when it is none. */
export function slotNumber(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) < slotCount ? Number(text) : undefined;
}

function versionOf(value: HeadValue | undefined): ElementVersion | undefined {
  return value === undefined || value.hash === null ? undefined : { revision: value.revision, hash: value.hash };
}

function checkKey(key: StateKey): void {
  if (key !== '' && key.length <= maxKeyBytes) return;
  throw new ForeshardError('usage', `A key of ${key.length} bytes names no element.`, { hint: `Keys have 1 to ${maxKeyBytes} bytes, for example redis:0/cart:7.` });
}
