import type { ContentHash } from '../lib/content-hash.ts';
import type { Recording, RequestRecord } from '../model/recording.ts';
import type { RevisionRouter } from './kind-router.ts';
import type { RevisionName, StoredRevision } from './state-node.ts';

/** Revisions published at a time, their bytes unless one has more, and how many such batches are under way: bounds what is in memory on the way. */
const batchRevisions = 512;
const batchBytes = 4 * 1024 * 1024;
const batchesUnderWay = 4;

/** A revision with the name of its bytes. */
export interface PlacedRevision extends RevisionName {
  readonly hash: ContentHash;
}

interface NeededRevision extends PlacedRevision {
  readonly sizeBytes: number;
}

/** A recording's state on state nodes: what a replay fetches from. A revision that no node gives comes from the recording itself. */
export class PlacedState {
  readonly #recording: Recording;
  readonly #router: RevisionRouter;
  #missed = 0;

  private constructor(recording: Recording, router: RevisionRouter) {
    this.#recording = recording;
    this.#router = router;
  }

  /** Publishes every revision these requests met. @throws ForeshardError `state_node_unreachable`, `state_node_full` */
  static async place(recording: Recording, router: RevisionRouter, requests: readonly RequestRecord[]): Promise<PlacedState> {
    const placed = new PlacedState(recording, router);
    const batches = batchesOf(neededRevisions(recording, requests));
    // All draw from one iterator: while the nodes of one batch write, the payloads of the next are read.
    await Promise.all(Array.from({ length: batchesUnderWay }, async () => {
      for (const batch of batches) await placed.#publish(batch);
    }));
    return placed;
  }

  /** Revisions that came from the recording because no state node gave them. */
  get missed(): number {
    return this.#missed;
  }

  /** The bytes of each revision, in order. @throws ForeshardError `payload_missing`, `payload_corrupt` */
  async fetch(items: readonly PlacedRevision[]): Promise<Uint8Array[]> {
    const found = await this.#router.fetch(items);
    return Promise.all(found.map(async (bytes, index) => bytes ?? this.#fromRecording(items[index] as PlacedRevision)));
  }

  /** Lets the state nodes go. */
  async close(): Promise<void> {
    await this.#router.close();
  }

  #fromRecording(item: PlacedRevision): Promise<Uint8Array> {
    this.#missed++;
    return this.#recording.payload(item.hash);
  }

  async #publish(items: readonly PlacedRevision[]): Promise<void> {
    // What the recording cannot give is not placed: the cases that need it say so, the others are not concerned.
    const read = await Promise.allSettled(items.map((item) => this.#recording.payload(item.hash)));
    await this.#router.publish(items.flatMap(({ key, revision, hash }, index): StoredRevision[] => {
      const result = read[index];
      return result?.status === 'fulfilled' ? [{ key, revision, hash, bytes: result.value }] : [];
    }));
  }
}

function* batchesOf(revisions: Iterable<NeededRevision>): Generator<NeededRevision[]> {
  let batch: NeededRevision[] = [];
  let bytes = 0;
  for (const revision of revisions) {
    if (batch.length > 0 && (batch.length === batchRevisions || bytes + revision.sizeBytes > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(revision);
    bytes += revision.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

function* neededRevisions(recording: Recording, requests: readonly RequestRecord[]): Generator<NeededRevision> {
  const seen = new Map<string, Set<number>>();
  for (const request of requests) {
    for (const touch of request.touches) {
      const revision = recording.chains.get(touch.key)?.revisions[touch.revision - 1];
      if (revision === undefined || revision.hash === null) continue;
      const ofKey = seen.get(touch.key);
      if (ofKey?.has(touch.revision) === true) continue;
      if (ofKey === undefined) seen.set(touch.key, new Set([touch.revision]));
      else ofKey.add(touch.revision);
      yield { key: touch.key, revision: revision.revision, hash: revision.hash, sizeBytes: revision.sizeBytes };
    }
  }
}
