import type { ByteString } from '../lib/bytes.ts';
import { cloneEntry, sameValue, type Entry, type EntryOf } from './entry.ts';
import { wrongType } from './reply.ts';

/** What an expiry command did, for the observer. Times in ms. */
export type ExpiryChange =
  | { readonly kind: 'relative'; readonly ms: number }
  | { readonly kind: 'absolute'; readonly atMs: number }
  | { readonly kind: 'cleared' };

/**
 * Sees what commands do to elements. `read` means the command consulted the element (value, existence or metadata);
 * `write` that it assigned or removed it or one of its parts, even to what it already was. Called before the change is applied.
 */
export interface AccessObserver {
  read(database: number, key: ByteString): void;
  /** `part`: the hash field or set/zset member; null: the whole value. */
  write(database: number, key: ByteString, part: ByteString | null): void;
  expiry(database: number, key: ByteString, change: ExpiryChange): void;
  /** An element was found to have expired, and is gone: what it was until then. No command did it. */
  lapse?(database: number, key: ByteString, entry: Entry): void;
  /** A command consulted the list of all keys. */
  listing(database: number): void;
  publish(channel: ByteString, message: ByteString): void;
}

/** Where reads fall through to when a database does not hold a key itself. Entries given are shared and never changed. */
export interface BaseState {
  get(database: number, key: ByteString): Entry | undefined;
  keys(database: number): Iterable<ByteString>;
}

/** One numbered database: its own entries over a base, copy on write. `null` marks a key deleted here that the base may have. */
export class Database {
  readonly index: number;
  readonly #own = new Map<ByteString, Entry | null>();
  readonly #base: BaseState | undefined;
  readonly #now: () => number;
  readonly #observer: AccessObserver | undefined;
  readonly #onChange: (database: number, key: ByteString, isNew: boolean) => void;
  #baseHidden = false;
  #changes = 0;

  constructor(options: {
    readonly index: number;
    readonly now: () => number;
    readonly base?: BaseState | undefined;
    readonly observer?: AccessObserver | undefined;
    /** Called after every change of a key: WATCH and blocked commands depend on it. `isNew`: there was no such key before. */
    readonly onChange: (database: number, key: ByteString, isNew: boolean) => void;
  }) {
    this.index = options.index;
    this.#now = options.now;
    this.#base = options.base;
    this.#observer = options.observer;
    this.#onChange = options.onChange;
  }

  /** The entry as it is now, without telling the observer; an expired one is gone. Do not change it. */
  peek(key: ByteString): Entry | undefined {
    const own = this.#own.get(key);
    const entry = own === undefined ? (this.#baseHidden ? undefined : this.#base?.get(this.index, key)) : own;
    if (entry === null || entry === undefined) return undefined;
    if (entry.expiresAtMs !== null && entry.expiresAtMs <= this.#now()) {
      this.#own.set(key, null);
      this.#observer?.lapse?.(this.index, key, entry);
      this.#notify(key);
      return undefined;
    }
    return entry;
  }

  /** The entry for reading: the observer is told. Do not change it. */
  read(key: ByteString): Entry | undefined {
    this.#observer?.read(this.index, key);
    return this.peek(key);
  }

  /** Like {@link read}, and throws WRONGTYPE when the element has another type. */
  readTyped<T extends Entry['type']>(key: ByteString, type: T): EntryOf<T> | undefined {
    const entry = this.read(key);
    if (entry !== undefined && entry.type !== type) throw wrongType();
    return entry as EntryOf<T> | undefined;
  }

  /** An entry of this type that may be changed in place, or undefined where there is none. Follow with {@link noteWrite} or {@link changed}. */
  writable<T extends Entry['type']>(key: ByteString, type: T): EntryOf<T> | undefined {
    const entry = this.readTyped(key, type);
    return entry === undefined ? undefined : this.#owned(key, entry);
  }

  /** Puts a new or replacing entry; it becomes this database's own. The observer must have been told by {@link noteWrite}. */
  put(key: ByteString, entry: Entry): void {
    const isNew = this.peek(key) === undefined;
    entry.owner = this;
    this.#own.set(key, entry);
    this.#notify(key, isNew);
  }

  /** Tells the observer of a write, before it is made. */
  noteWrite(key: ByteString, part: ByteString | null = null): void {
    this.#observer?.write(this.index, key, part);
  }

  /** After changing an entry in place: tells watchers, and removes a collection that has become empty. */
  changed(key: ByteString, entry: Entry): void {
    if (isEmpty(entry)) this.#own.set(key, null);
    this.#notify(key);
  }

  /** Removes a key. The observer is told of the write whether it existed or not; returns whether it did. */
  delete(key: ByteString): boolean {
    const existed = this.peek(key) !== undefined;
    this.#observer?.write(this.index, key, null);
    return existed && this.remove(key);
  }

  /** Removes a key without telling the observer. */
  remove(key: ByteString): boolean {
    if (this.peek(key) === undefined) return false;
    this.#own.set(key, null);
    this.#notify(key);
    return true;
  }

  /** Sets or clears the expiry of an existing key; the observer is told. A time not in the future removes the key. */
  expire(key: ByteString, change: ExpiryChange): boolean {
    const entry = this.peek(key);
    if (entry === undefined) return false;
    this.#observer?.expiry(this.index, key, change);
    const owned = this.#owned(key, entry);
    owned.expiresAtMs = change.kind === 'cleared' ? null : change.kind === 'absolute' ? change.atMs : this.#now() + change.ms;
    if (owned.expiresAtMs !== null && owned.expiresAtMs <= this.#now()) this.#own.set(key, null);
    this.#notify(key);
    return true;
  }

  /**
   * Takes over what an element was found to be on a real server (undefined: absent); the observer is told of what differs.
   * Expiries within `toleranceMs` are the same.
   */
  adopt(key: ByteString, found: Entry | undefined, toleranceMs: number): void {
    const entry = this.peek(key);
    if (found === undefined) {
      if (entry !== undefined) this.delete(key);
      return;
    }
    if (entry === undefined || !sameValue(entry, found)) {
      this.noteWrite(key);
      this.put(key, { ...found, expiresAtMs: entry?.expiresAtMs ?? null });
    }
    const before = entry?.expiresAtMs ?? null;
    if (before === found.expiresAtMs || (before !== null && found.expiresAtMs !== null && Math.abs(before - found.expiresAtMs) <= toleranceMs)) return;
    this.expire(key, found.expiresAtMs === null ? { kind: 'cleared' } : { kind: 'absolute', atMs: found.expiresAtMs });
  }

  /** Every live key: the base's first, then this database's own, in order of insertion. The observer is told once. */
  keys(): ByteString[] {
    this.#observer?.listing(this.index);
    return this.liveKeys();
  }

  /** As {@link keys}, without telling the observer. */
  liveKeys(): ByteString[] {
    const out: ByteString[] = [];
    if (!this.#baseHidden && this.#base !== undefined) {
      for (const key of this.#base.keys(this.index)) if (!this.#own.has(key) && this.peek(key) !== undefined) out.push(key);
    }
    for (const key of this.#own.keys()) if (this.peek(key) !== undefined) out.push(key);
    return out;
  }

  /** Removes every key, the observer being told of each. */
  clear(): void {
    for (const key of this.liveKeys()) this.delete(key);
    this.#baseHidden = this.#base !== undefined;
  }

  /** Grows with every change of any key, so that what was derived from all of them can be kept until then. */
  get changes(): number {
    return this.#changes;
  }

  /** Entries held here rather than in the base; null: deleted here. */
  own(): ReadonlyMap<ByteString, Entry | null> {
    return this.#own;
  }

  #notify(key: ByteString, isNew = false): void {
    this.#changes++;
    this.#onChange(this.index, key, isNew);
  }

  #owned<E extends Entry>(key: ByteString, entry: E): E {
    if (entry.owner === this) return entry;
    const clone = cloneEntry(entry, this);
    this.#own.set(key, clone);
    return clone;
  }
}

function isEmpty(entry: Entry): boolean {
  switch (entry.type) {
    case 'hash': return entry.fields.size === 0;
    case 'list': return entry.items.length === 0;
    case 'set': return entry.members.size === 0;
    case 'zset': return entry.scores.size === 0;
    case 'string': case 'stream': return false;
  }
}
