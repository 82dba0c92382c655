import type { ContentHash } from '../lib/content-hash.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { OperationLog } from './operation-log.ts';
import { SlotDigest } from './slot-digest.ts';
import type { RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-node.ts';

/** Options of {@link EmbeddedStateNode}. */
export interface EmbeddedStateNodeOptions {
  readonly id: string;
  /** Payload bytes it may hold; 1 GB when left out. */
  readonly maxBytes?: number;
}

/** A state node in this process. Equal payloads are kept once. */
export class EmbeddedStateNode implements StateNode {
  readonly id: string;
  readonly #maxBytes: number;
  readonly #hashes = new Map<string, ContentHash>();
  readonly #payloads = new Map<ContentHash, { readonly bytes: Uint8Array; uses: number }>();
  readonly #digests = new Map<number, SlotDigest>();
  readonly #log = new OperationLog();
  #bytes = 0;

  constructor(options: EmbeddedStateNodeOptions) {
    this.id = options.id;
    this.#maxBytes = options.maxBytes ?? 1024 * 1024 * 1024;
  }

  async read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    return this.#log.read(items.length, () => items.map((item) => this.#payloads.get(this.#hashes.get(nameOf(item)) ?? '')?.bytes));
  }

  async write(items: readonly StoredRevision[]): Promise<void> {
    const fresh = new Map(items.filter((item) => !this.#payloads.has(item.hash)).map((item) => [item.hash, item.bytes.length]));
    const wanted = [...fresh.values()].reduce((sum, bytes) => sum + bytes, this.#bytes);
    if (wanted > this.#maxBytes) {
      this.#log.errors += 1;
      throw new ForeshardError('state_node_full', `State node ${this.id} holds ${this.#bytes} of ${this.#maxBytes} bytes; ${wanted - this.#bytes} more do not fit.`, {
        hint: 'Give it more memory or add a state node.',
      });
    }
    for (const item of items) this.#put(item);
  }

  async drop(items: readonly RevisionName[]): Promise<void> {
    for (const item of items) {
      const hash = this.#hashes.get(nameOf(item));
      if (hash === undefined) continue;
      this.#hashes.delete(nameOf(item));
      this.#digest(slotOf(item.key)).toggle(item, hash);
      const payload = this.#payloads.get(hash);
      if (payload === undefined || --payload.uses > 0) continue;
      this.#payloads.delete(hash);
      this.#bytes -= payload.bytes.length;
    }
  }

  async digest(slots: readonly number[]): Promise<string[]> {
    return slots.map((slot) => (this.#digests.get(slot) ?? new SlotDigest()).toString());
  }

  async stats(): Promise<StateNodeStats> {
    return this.#log.stats(this.id, this.#hashes.size, this.#bytes);
  }

  async close(): Promise<void> {
    this.#hashes.clear();
    this.#payloads.clear();
    this.#digests.clear();
    this.#bytes = 0;
  }

  #put(item: StoredRevision): void {
    const name = nameOf(item);
    if (this.#hashes.has(name)) return;
    this.#hashes.set(name, item.hash);
    this.#digest(slotOf(item.key)).toggle(item, item.hash);
    const known = this.#payloads.get(item.hash);
    if (known === undefined) {
      this.#payloads.set(item.hash, { bytes: item.bytes, uses: 1 });
      this.#bytes += item.bytes.length;
    } else {
      known.uses += 1;
    }
    this.#log.writes += 1;
  }

  #digest(slot: number): SlotDigest {
    let digest = this.#digests.get(slot);
    if (digest === undefined) this.#digests.set(slot, (digest = new SlotDigest()));
    return digest;
  }
}

function nameOf(item: RevisionName): string {
  return `${item.revision} ${item.key}`;
}
