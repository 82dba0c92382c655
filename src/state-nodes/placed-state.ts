import type { ContentHash } from '../lib/content-hash.ts';
import type { Recording, RequestRecord } from '../model/recording.ts';
import type { StateRouter } from './router.ts';
import type { RevisionName } from './state-node.ts';

/** Revisions published at a time: bounds what is in memory on the way. */
const batchRevisions = 512;

/** A revision with the name of its bytes. */
export interface PlacedRevision extends RevisionName {
  readonly hash: ContentHash;
}

/** A recording's state on state nodes: what a replay fetches from. A revision that no node gives comes from the recording itself. */
export class PlacedState {
  readonly #recording: Recording;
  readonly #router: StateRouter;
  #missed = 0;

  private constructor(recording: Recording, router: StateRouter) {
    this.#recording = recording;
    this.#router = router;
  }

  /** Publishes every revision these requests met. @throws ForeshardError `state_node_unreachable`, `state_node_full` */
  static async place(recording: Recording, router: StateRouter, requests: readonly RequestRecord[]): Promise<PlacedState> {
    const placed = new PlacedState(recording, router);
    const needed = neededRevisions(recording, requests);
    for (let from = 0; from < needed.length; from += batchRevisions) await placed.#publish(needed.slice(from, from + batchRevisions));
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
    await this.#router.publish(items.flatMap((item, index) => {
      const result = read[index];
      return result?.status === 'fulfilled' ? [{ ...item, bytes: result.value }] : [];
    }));
  }
}

function neededRevisions(recording: Recording, requests: readonly RequestRecord[]): PlacedRevision[] {
  const needed = new Map<string, PlacedRevision>();
  for (const request of requests) {
    for (const touch of request.touches) {
      const revision = recording.chains.get(touch.key)?.revisions[touch.revision - 1];
      if (revision === undefined || revision.hash === null) continue;
      needed.set(`${touch.revision} ${touch.key}`, { key: touch.key, revision: revision.revision, hash: revision.hash });
    }
  }
  return [...needed.values()];
}
