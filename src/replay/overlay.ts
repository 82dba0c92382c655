import type { ByteString } from '../lib/bytes.ts';
import { sfc32 } from '../lib/prng.ts';
import type { AccessObserver, BaseState, ExpiryChange } from '../keyspace/database.ts';
import { elementFromEntry, type Entry } from '../keyspace/entry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import type { Element } from '../model/element.ts';
import type { OutcomeHint, Revision } from '../model/recording.ts';
import type { CaseProblem, Effect, ExpiryEffect, PublishedMessage, ReadTrace } from '../model/run.ts';
import { redisStateKey, type StateKey } from '../model/state-key.ts';
import type { EntryCache } from './entry-cache.ts';
import type { KeyIndex, Known, KnownState } from './known-state.ts';

/** What an overlay is made from. */
export interface OverlayOptions {
  readonly state: KnownState;
  readonly keys: KeyIndex;
  readonly cache: EntryCache;
  /** Unix milliseconds at which the case's clock starts. */
  readonly startedAt: number;
  /** Milliseconds of a steady clock. */
  readonly elapsed: () => number;
  /** 32 hexadecimal digits. */
  readonly seed: string;
  readonly hints: readonly OutcomeHint[];
}

interface Written {
  readonly before: Element | null;
  readonly parts: Set<ByteString>;
  valueWritten: boolean;
  expiry: ExpiryEffect | null;
}

/**
 * A case's own copy-on-write layer over the state its request ran on, for every Redis server it uses. Making one costs nothing:
 * keyspaces are made when first touched, reads fall through to shared entries, writes stay here.
 */
export class Overlay {
  readonly #options: OverlayOptions;
  readonly #keyspaces = new Map<string, Keyspace>();
  readonly #known = new Map<StateKey, Known>();
  readonly #reads = new Map<StateKey, ReadTrace>();
  readonly #written = new Map<StateKey, Written>();
  readonly #problems = new Map<string, CaseProblem>();
  readonly #messages: PublishedMessage[] = [];
  readonly #faulted = new Set<StateKey>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #commands = 0;

  constructor(options: OverlayOptions) {
    this.#options = options;
  }

  /** The keyspace that stands for a Redis server. */
  keyspace(server: string): Keyspace {
    let keyspace = this.#keyspaces.get(server);
    if (keyspace === undefined) this.#keyspaces.set(server, (keyspace = this.#makeKeyspace(server)));
    return keyspace;
  }

  /** Brings what a command needs and is not here; undefined when all is. A revision that was not prefetched is a state fault. */
  ensure(server: string, database: number, keys: readonly ByteString[] | 'all'): Promise<void> | undefined {
    if (keys === 'all') return this.#ensureAll(server, database);
    let missing: Revision[] | undefined;
    for (const name of keys) {
      const key = redisStateKey(server, database, name);
      const revision = this.#knownOf(key).revision;
      if (revision === null || this.#options.cache.get(revision) !== undefined) continue;
      this.#faulted.add(key);
      (missing ??= []).push(revision);
    }
    return missing === undefined ? undefined : this.#load(missing);
  }

  /** Names of every key that may exist in a database. */
  keyNames(server: string, database: number): readonly ByteString[] {
    return [...this.#options.keys.names(server, database)];
  }

  /** Counts a command sent to a state server. */
  noteCommand(): void {
    this.#commands++;
  }

  /** Notes what keeps this case from a plain verdict; the same problem counts once. */
  problem(problem: CaseProblem): void {
    const id = `${problem.code} ${problem.key ?? problem.message}`;
    if (!this.#problems.has(id)) this.#problems.set(id, problem);
  }

  /** Notes a command that was refused by name. */
  unsupported(name: string): void {
    this.problem({ code: 'unsupported_command', message: `${name} is not served by the overlay; --lane-store redis sends it to a real server` });
  }

  /** What this case did to each element, by key. */
  effects(): Effect[] {
    const effects: Effect[] = [];
    for (const [key, written] of this.#written) {
      effects.push({
        key, before: written.before, after: this.#current(key),
        parts: [...written.parts], valueWritten: written.valueWritten, expiry: written.expiry,
      });
    }
    return effects;
  }

  get reads(): readonly ReadTrace[] {
    return [...this.#reads.values()];
  }

  get messages(): readonly PublishedMessage[] {
    return this.#messages;
  }

  get problems(): readonly CaseProblem[] {
    return [...this.#problems.values()];
  }

  get commands(): number {
    return this.#commands;
  }

  get faults(): number {
    return this.#faulted.size;
  }

  /** Commands of this case that wait for a key. */
  get blocked(): number {
    let blocked = 0;
    for (const keyspace of this.#keyspaces.values()) blocked += keyspace.blockedCount;
    return blocked;
  }

  /** Stops its timers. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #makeKeyspace(server: string): Keyspace {
    const { startedAt, elapsed, seed, hints } = this.#options;
    return new Keyspace({
      now: () => startedAt + Math.floor(elapsed()),
      random: sfc32(seed).next,
      after: (ms, action) => this.#after(ms, action),
      base: this.#baseOf(server),
      observer: this.#observerOf(server),
      hints,
      onUnsupported: (name) => this.unsupported(name),
    });
  }

  #after(ms: number, action: () => void): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  #baseOf(server: string): BaseState {
    return {
      get: (database, name) => this.#baseEntry(redisStateKey(server, database, name)),
      keys: (database) => this.#options.keys.names(server, database),
    };
  }

  #baseEntry(key: StateKey): Entry | undefined {
    const { revision } = this.#knownOf(key);
    if (revision === null) return undefined;
    const entry = this.#options.cache.get(revision);
    if (entry === undefined) this.problem({ code: 'state_unavailable', key, message: `revision ${revision.revision} of ${key} was dropped from memory before it was read; give replay more of it` });
    return entry;
  }

  #observerOf(server: string): AccessObserver {
    const keyOf = (database: number, name: ByteString): StateKey => redisStateKey(server, database, name);
    return {
      read: (database, name) => this.#noteRead(server, database, name),
      write: (database, name, part) => {
        const written = this.#writtenOf(server, database, keyOf(database, name), name);
        written.valueWritten = true;
        if (part === null) written.parts.clear();
        else written.parts.add(part);
      },
      expiry: (database, name, change) => {
        this.#writtenOf(server, database, keyOf(database, name), name).expiry = this.#expiryEffect(change);
      },
      listing: (database) => {
        if (this.#options.state.listingKnown(server, database)) return;
        this.problem({
          code: 'unknown_listing',
          message: `asked for the keys of database ${database} of ${server}, which the recording does not know completely; record with --snapshot full`,
        });
      },
      publish: (channel, message) => this.#messages.push({ channel, message }),
    };
  }

  #expiryEffect(change: ExpiryChange): ExpiryEffect {
    return change.kind === 'absolute' ? { kind: 'absolute', ms: change.atMs - this.#options.startedAt } : change;
  }

  #noteRead(server: string, database: number, name: ByteString): void {
    const key = redisStateKey(server, database, name);
    if (this.#reads.has(key)) return;
    if (this.#written.has(key)) {
      this.#reads.set(key, { key, provenance: 'own', revision: null, fault: false });
      return;
    }
    const { provenance, revision } = this.#knownOf(key);
    this.#reads.set(key, { key, provenance, revision: revision?.revision ?? null, fault: this.#faulted.has(key) });
    if (provenance === 'unknown') {
      this.problem({ code: 'unknown_read', key, message: `read ${key}, of which the recording knows nothing; record with --snapshot full` });
    }
  }

  #writtenOf(server: string, database: number, key: StateKey, name: ByteString): Written {
    let written = this.#written.get(key);
    if (written === undefined) {
      const entry = this.keyspace(server).database(database).peek(name);
      written = { before: entry === undefined ? null : elementFromEntry(entry), parts: new Set(), valueWritten: false, expiry: null };
      this.#written.set(key, written);
    }
    return written;
  }

  #current(key: StateKey): Element | null {
    for (const [server, keyspace] of this.#keyspaces) {
      for (const database of keyspace.databases()) {
        const prefix = redisStateKey(server, database.index, '');
        if (!key.startsWith(prefix)) continue;
        const entry = database.peek(key.slice(prefix.length));
        return entry === undefined ? null : elementFromEntry(entry);
      }
    }
    return null;
  }

  #knownOf(key: StateKey): Known {
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = this.#options.state.of(key)));
    return known;
  }

  #ensureAll(server: string, database: number): Promise<void> | undefined {
    const missing: Revision[] = [];
    for (const name of this.#options.keys.names(server, database)) {
      const revision = this.#knownOf(redisStateKey(server, database, name)).revision;
      if (revision !== null && this.#options.cache.get(revision) === undefined) missing.push(revision);
    }
    return missing.length === 0 ? undefined : this.#load(missing);
  }

  async #load(revisions: readonly Revision[]): Promise<void> {
    try {
      await this.#options.cache.load(revisions);
    } catch (error) {
      const [first] = revisions;
      this.problem({ code: 'state_unavailable', ...(first === undefined ? {} : { key: first.key }), message: `recorded state could not be read: ${(error as Error).message}` });
      throw error;
    }
  }
}
