import type { ContentHash } from '../lib/content-hash.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import { OperationLog } from './operation-log.ts';
import { checkPayloads, isIntact, revisionText } from './payloads.ts';
import { headsDigest, SlotDigest } from './slot-digest.ts';
import { emptyRegister, registerStep, type RegisterAnswer, type RegisterOperation, type RegisterState } from './slot-register.ts';
import type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Options of {@link EmbeddedStateNode}. */
export interface EmbeddedStateNodeOptions {
  readonly id: string;
  /** Payload bytes it may hold; 1 GB when left out. */
  readonly maxBytes?: number;
  /** The life of this node: its id and this are its name in slot entries. `1` when left out: it lives as long as this object. */
  readonly life?: string;
  /** The function of its registers, for who wants to see what breaks without it. */
  readonly step?: typeof registerStep;
}

interface Register {
  state: RegisterState;
  readonly heads: Map<StateKey, string>;
  /** Of the heads, once somebody has asked. */
  digest?: string | undefined;
}

/** The bytes of a revision with their hash. */
export interface HeldPayload {
  readonly bytes: Uint8Array;
  readonly hash: ContentHash;
}

interface Payload extends HeldPayload {
  /** Revisions that have it. */
  uses: number;
}

interface SlotContents {
  readonly digest: SlotDigest;
  readonly revisions: Map<string, RevisionName>;
}

/** A state node in this process. Equal payloads are kept once. */
export class EmbeddedStateNode implements StateNode {
  readonly id: string;
  readonly #maxBytes: number;
  /** Payloads by the name of each revision that has them, and by their hash. */
  readonly #revisions = new Map<string, Payload>();
  readonly #payloads = new Map<ContentHash, Payload>();
  readonly #slots = new Map<number, SlotContents>();
  readonly #registers = new Map<number, Register>();
  readonly #life: string;
  readonly #step: typeof registerStep;
  readonly #log = new OperationLog();
  #bytes = 0;

  constructor(options: EmbeddedStateNodeOptions) {
    this.id = options.id;
    this.#maxBytes = options.maxBytes ?? 1024 * 1024 * 1024;
    this.#life = options.life ?? '1';
    this.#step = options.step ?? registerStep;
  }

  async read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    return this.#log.run('read', items.length, () => this.#log.found(items.map((item) => this.#read(item))));
  }

  /** As {@link read}, with the hash that the bytes were written with: for who passes them on and has them checked there. @param names each `<revision> <key>` */
  readHeld(names: readonly string[]): (HeldPayload | undefined)[] {
    return this.#log.run('read', names.length, () => this.#log.found(names.map((name) => this.#revisions.get(name))));
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    this.#log.run('write', items.length, () => {
      checkPayloads(this.id, items);
      const fresh = new Map(items.filter((item) => !this.#payloads.has(item.hash)).map((item) => [item.hash, item.bytes.length]));
      const wanted = [...fresh.values()].reduce((sum, bytes) => sum + bytes, this.#bytes);
      if (wanted > this.#maxBytes) {
        throw new ForeshardError('state_node_full', `State node ${this.id} holds ${this.#bytes} of ${this.#maxBytes} bytes; ${wanted - this.#bytes} more do not fit.`, {
          hint: 'Give it more memory or add a state node.',
        });
      }
      for (const item of items) this.#put(item);
    });
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    this.#log.run('drop', items.length, () => items.forEach((item) => this.#drop(item)));
  }

  async list(slot: number): Promise<HeldRevision[]> {
    return this.#log.run('list', 1, () => [...(this.#slots.get(slot)?.revisions ?? [])].map(([name, { key, revision }]) => {
      const { hash, bytes } = this.#revisions.get(name) as Payload;
      return { key, revision, hash, sizeBytes: bytes.length };
    }));
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    return this.#log.run('digest', slots.length, () => slots.map((slot) => (this.#slots.get(slot)?.digest ?? new SlotDigest()).toString()));
  }

  async life(): Promise<string> {
    return this.#life;
  }

  /** @param id what the caller's map calls this node; its own name when left out */
  async apply(life: string, operations: readonly RegisterOperation[], id: string = this.id): Promise<RegisterAnswer[]> {
    return this.#log.run('apply', operations.length, () => {
      if (life !== this.#life) throw new ForeshardError('state_node_restarted', `State node ${this.id} has lost what it held in the life ${life}.`);
      return operations.map((operation) => this.#apply(operation, memberName({ id, life })));
    });
  }

  async registers(): Promise<number[]> {
    return [...this.#registers.keys()];
  }

  /** Slots that have heads, in order. */
  headSlots(): number[] {
    return [...this.#registers].filter(([, { heads }]) => heads.size > 0).map(([slot]) => slot).sort((a, b) => a - b);
  }

  /** Heads held. */
  get headCount(): number {
    return [...this.#registers.values()].reduce((sum, { heads }) => sum + heads.size, 0);
  }

  async stats(): Promise<StateNodeStats> {
    return this.#log.stats(this.id, { elements: this.#revisions.size, bytes: this.#bytes, maxBytes: this.#maxBytes });
  }

  async close(): Promise<void> {
    for (const held of [this.#revisions, this.#payloads, this.#slots, this.#registers]) held.clear();
    this.#bytes = 0;
  }

  #apply(operation: RegisterOperation, self: string): RegisterAnswer {
    const register: Register = this.#registers.get(operation.slot) ?? { state: emptyRegister, heads: new Map() };
    const step = this.#step(self, register, operation, (heads) => (register.digest ??= headsDigest(heads)));
    if (step.state !== undefined) register.state = step.state;
    if (step.heads.length > 0) register.digest = undefined;
    for (const { key, next } of step.heads) {
      if (next === null) register.heads.delete(key);
      else register.heads.set(key, next);
    }
    this.#registers.set(operation.slot, register);
    return step.answer;
  }

  /** The bytes are shared with who wrote them: what somebody has changed is not given. */
  #read(item: RevisionName): Uint8Array | undefined {
    const held = this.#revisions.get(revisionText(item));
    if (held === undefined || (item.hash !== undefined && item.hash !== held.hash)) return undefined;
    if (isIntact(held.bytes, held.hash)) return held.bytes;
    this.#log.errors += 1;
    return undefined;
  }

  #drop(item: RevisionName): void {
    const name = revisionText(item);
    const payload = this.#revisions.get(name);
    if (payload === undefined) return;
    this.#revisions.delete(name);
    const slot = this.#slot(slotOf(item.key));
    slot.digest.toggle(item, payload.hash);
    slot.revisions.delete(name);
    if (--payload.uses > 0) return;
    this.#payloads.delete(payload.hash);
    this.#bytes -= payload.bytes.length;
  }

  #put(item: StoredRevision): void {
    const name = revisionText(item);
    if (this.#revisions.has(name)) return;
    this.#revisions.set(name, this.#use(item));
    const slot = this.#slot(slotOf(item.key));
    slot.digest.toggle(item, item.hash);
    slot.revisions.set(name, { key: item.key, revision: item.revision });
    this.#log.writes += 1;
  }

  /** The payload of one more revision: equal ones are one. */
  #use({ bytes, hash }: StoredRevision): Payload {
    let payload = this.#payloads.get(hash);
    if (payload === undefined) {
      this.#payloads.set(hash, (payload = { bytes, hash, uses: 0 }));
      this.#bytes += bytes.length;
    }
    payload.uses += 1;
    return payload;
  }

  #slot(slot: number): SlotContents {
    let contents = this.#slots.get(slot);
    if (contents === undefined) this.#slots.set(slot, (contents = { digest: new SlotDigest(), revisions: new Map() }));
    return contents;
  }
}
