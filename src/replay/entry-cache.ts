import type { Entry } from '../keyspace/entry.ts';
import { entryFromElement } from '../keyspace/entry.ts';
import { decodeValue } from '../model/element-codec.ts';
import type { Revision } from '../model/recording.ts';
import type { StateItem, StateSource } from './state-source.ts';
import { stateItem } from './state-source.ts';

/**
 * Decoded revisions, shared by every overlay that reads them: entries of no owner are cloned before their first change, so one
 * decoding serves all cases. Bounded by the bytes they came from; the oldest go first and are fetched again when asked for.
 */
export class EntryCache {
  readonly #source: StateSource;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, { readonly entry: Entry; readonly sizeBytes: number }>();
  readonly #loading = new Map<string, Promise<void>>();
  #bytes = 0;

  constructor(source: StateSource, maxBytes: number = 512 * 1024 * 1024) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** The decoded entry of a revision, when it is here. */
  get(revision: Revision): Entry | undefined {
    return this.#entries.get(cacheKey(revision))?.entry;
  }

  /** Fetches what is missing of these revisions, in one request to the source; what is on its way already is only awaited. */
  async load(revisions: Iterable<Revision>): Promise<void> {
    const waiting: Promise<void>[] = [];
    const missing = new Map<string, Revision & { readonly hash: string }>();
    for (const revision of revisions) {
      if (revision.hash === null) continue;
      const key = cacheKey(revision);
      if (this.#entries.has(key) || missing.has(key)) continue;
      const loading = this.#loading.get(key);
      if (loading !== undefined) waiting.push(loading);
      else missing.set(key, revision as Revision & { readonly hash: string });
    }
    if (missing.size > 0) waiting.push(this.#fetch(missing));
    await Promise.all(waiting);
  }

  #fetch(missing: ReadonlyMap<string, Revision & { readonly hash: string }>): Promise<void> {
    const items: StateItem[] = [...missing.values()].map(stateItem);
    const done = this.#source.fetch(items).then((payloads) => {
      let index = 0;
      for (const [key, revision] of missing) this.#put(key, revision, payloads[index++] as Uint8Array);
    }).finally(() => {
      for (const key of missing.keys()) this.#loading.delete(key);
    });
    for (const key of missing.keys()) this.#loading.set(key, done);
    return done;
  }

  #put(key: string, revision: Revision, payload: Uint8Array): void {
    const entry = entryFromElement({ value: decodeValue(payload), expiresAtMs: revision.expiresAtMs });
    this.#entries.set(key, { entry, sizeBytes: payload.length });
    this.#bytes += payload.length;
    for (const [oldest, { sizeBytes }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || oldest === key) break;
      this.#entries.delete(oldest);
      this.#bytes -= sizeBytes;
    }
  }
}

/** Equal values with equal expiry are one entry, whichever element and revision they belong to. */
function cacheKey(revision: Revision): string {
  return revision.expiresAtMs === null ? (revision.hash as string) : `${revision.hash}@${revision.expiresAtMs}`;
}
