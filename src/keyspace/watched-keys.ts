import type { ByteString } from '../lib/bytes.ts';
import type { Session } from './session.ts';

interface WatchedKey {
  version: number;
  readonly sessions: Set<Session>;
}

/** Counts the changes of keys that some session watches: the versions WATCH and EXEC compare. */
export class WatchedKeys {
  readonly #keys = new Map<string, WatchedKey>();

  /** Starts watching; watching again changes nothing. The key's version then is kept in the session. */
  watch(session: Session, database: number, key: ByteString): void {
    const id = `${database}/${key}`;
    if (session.watched.has(id)) return;
    let watched = this.#keys.get(id);
    if (watched === undefined) {
      watched = { version: 0, sessions: new Set() };
      this.#keys.set(id, watched);
    }
    watched.sessions.add(session);
    session.watched.set(id, watched.version);
  }

  /** Stops watching everything. */
  unwatch(session: Session): void {
    for (const id of session.watched.keys()) {
      const watched = this.#keys.get(id);
      watched?.sessions.delete(session);
      if (watched?.sessions.size === 0) this.#keys.delete(id);
    }
    session.watched.clear();
  }

  /** A key has changed. */
  changed(database: number, key: ByteString): void {
    if (this.#keys.size === 0) return;
    const watched = this.#keys.get(`${database}/${key}`);
    if (watched !== undefined) watched.version++;
  }

  /** Whether any key the session watches has changed since. */
  isDirty(session: Session): boolean {
    for (const [id, version] of session.watched) if (this.#keys.get(id)?.version !== version) return true;
    return false;
  }

  /** Database and key of everything the session watches. */
  *of(session: Session): Iterable<readonly [database: number, key: ByteString]> {
    for (const id of session.watched.keys()) {
      const slash = id.indexOf('/');
      yield [Number(id.slice(0, slash)), id.slice(slash + 1)];
    }
  }
}
