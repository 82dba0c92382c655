import { contentHash } from '../lib/content-hash.ts';
import { ForeshardError } from '../model/errors.ts';
import type { MemberLink } from './member-link.ts';
import type { SoughtRevision } from './revision-search.ts';
import type { StoredRevision } from './state-node.ts';

/** Revisions written at a time. */
const batchRevisions = 64;

/** What read repair has done. */
export interface RepairStats {
  /** Revisions written to an owner that lacked them. */
  readonly repaired: number;
  /** Revisions not written, because too much was waiting or the owner failed. */
  readonly dropped: number;
}

/** Read repair: writes what an owner lacked, and another replica gave, in the background and within bounds. */
export class ReadRepair {
  readonly #maxBytes: number;
  readonly #queues = new Map<MemberLink, Map<string, StoredRevision>>();
  readonly #working = new Set<Promise<void>>();
  #bytes = 0;
  #repaired = 0;
  #dropped = 0;

  /** @param maxBytes of payloads that may wait; what comes while there are more is left to the next read, or to anti-entropy */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get stats(): RepairStats {
    return { repaired: this.#repaired, dropped: this.#dropped };
  }

  /** Takes over a revision that this owner lacks. */
  offer(link: MemberLink, item: SoughtRevision, bytes: Uint8Array): void {
    const queue = this.#queues.get(link) ?? new Map<string, StoredRevision>();
    const name = `${item.revision} ${item.key}`;
    if (queue.has(name)) return;
    if (this.#bytes + bytes.length > this.#maxBytes) {
      this.#dropped += 1;
      return;
    }
    this.#bytes += bytes.length;
    // A copy: the bytes may be a small part of something large, and an embedded state node would keep all of it.
    queue.set(name, { key: item.key, revision: item.revision, bytes: Buffer.from(bytes), hash: item.hash ?? contentHash(bytes) });
    if (this.#queues.has(link)) return;
    this.#queues.set(link, queue);
    const work = this.#work(link, queue).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  /** Waits until nothing is waiting to be written. */
  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  async #work(link: MemberLink, queue: Map<string, StoredRevision>): Promise<void> {
    while (queue.size > 0) {
      const batch = [...queue].slice(0, batchRevisions);
      const revisions = batch.map(([, revision]) => revision);
      try {
        await link.use(async (node) => {
          await node.drop(revisions); // what is there, but cannot be read, would stay as it is
          await node.write(revisions);
        });
        this.#repaired += batch.length;
      } catch (error) {
        if (!(error instanceof ForeshardError)) throw error;
        this.#dropped += batch.length;
      }
      for (const [name, { bytes }] of batch) {
        queue.delete(name);
        this.#bytes -= bytes.length;
      }
    }
    this.#queues.delete(link);
  }
}
