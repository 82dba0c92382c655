import { isComplete, revisionAsOf } from '../model/chain.ts';
import type { Recording, RequestRecord, Revision } from '../model/recording.ts';
import { parseRedisStateKey, redisStateKey, type StateKey } from '../model/state-key.ts';
import type { Provenance } from '../model/run.ts';
import type { ByteString } from '../lib/bytes.ts';

/** What is known of an element as one request met it. `revision: null`: it does not exist, or nothing is known. */
export interface Known {
  readonly provenance: Exclude<Provenance, 'own'>;
  readonly revision: Revision | null;
}

const noKeys: ReadonlyMap<ByteString, StateKey> = new Map();

/** Which Redis keys a recording has ever seen, by server and database. */
export class KeyIndex {
  readonly #keys = new Map<string, Map<ByteString, StateKey>>();

  constructor(recording: Recording) {
    for (const key of recording.chains.keys()) {
      const parts = parseRedisStateKey(key);
      if (parts === undefined) continue;
      const scope = `${parts.server}.${parts.database}`;
      let keys = this.#keys.get(scope);
      if (keys === undefined) this.#keys.set(scope, (keys = new Map()));
      keys.set(parts.name, key);
    }
  }

  /** Names seen in a database. */
  names(server: string, database: number): Iterable<ByteString> {
    return this.keysOf(server, database).keys();
  }

  /** State keys of a database by the names of its keys: found, not built anew for every case. */
  keysOf(server: string, database: number): ReadonlyMap<ByteString, StateKey> {
    return this.#keys.get(`${server}.${database}`) ?? noKeys;
  }
}

/**
 * The state one recorded request ran on: what it met itself first, then the chains as of its start, or as of its first listing of all keys. An element of which nothing
 * is known is `unknown`, never taken for absent.
 */
export class KnownState {
  readonly #recording: Recording;
  readonly #position: number;
  readonly #needs: ReadonlyMap<StateKey, Revision>;

  constructor(recording: Recording, request: Pick<RequestRecord, 'position' | 'listedAt'>, needs: ReadonlyMap<StateKey, Revision>) {
    this.#recording = recording;
    this.#position = request.listedAt ?? request.position;
    this.#needs = needs;
  }

  /** What is known of this element. */
  of(key: StateKey): Known {
    const met = this.#needs.get(key);
    if (met !== undefined) return met.hash === null ? { provenance: 'absent', revision: null } : { provenance: 'recorded', revision: met };
    const chain = this.#recording.chains.get(key);
    const at = revisionAsOf(chain, this.#position);
    if (at.known) return at.revision.hash === null ? { provenance: 'absent', revision: null } : { provenance: 'chain', revision: at.revision };
    if (this.complete(key)) return { provenance: 'absent', revision: null };
    return { provenance: 'unknown', revision: null };
  }

  /** Whether every key of this key's database is known. */
  complete(key: StateKey): boolean {
    return isComplete(this.#recording.completeness, key);
  }

  /** Whether the list of keys of a database is known. */
  listingKnown(server: string, database: number): boolean {
    return this.complete(redisStateKey(server, database, ''));
  }
}
