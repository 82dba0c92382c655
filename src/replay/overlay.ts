import type { ByteString } from '../lib/bytes.ts';
import { sfc32 } from '../lib/prng.ts';
import type { AccessObserver, BaseState, Database, ExpiryChange } from '../keyspace/database.ts';
import { elementFromEntry, type Entry } from '../keyspace/entry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import type { Element } from '../model/element.ts';
import type { OutcomeHint, Revision } from '../model/recording.ts';
import type { CaseProblem, Effect, ExpiryEffect, PublishedMessage, ReadTrace } from '../model/run.ts';
import { redisStateKey, type StateKey } from '../model/state-key.ts';
import type { CaseClock } from './case-clock.ts';
import type { EntryCache } from './entry-cache.ts';
import type { KeyIndex, Known, KnownState } from './known-state.ts';

/** What an overlay is made from. */
export interface OverlayOptions {
  readonly state: KnownState;
  readonly keys: KeyIndex;
  readonly cache: EntryCache;
  readonly clock: CaseClock;
  /** 32 hexadecimal digits. */
  readonly seed: string;
  readonly hints: readonly OutcomeHint[];
  /** What is likely to be read with an element that nobody expected to be read: fetched with it. */
  readonly neighbours?: (key: StateKey) => readonly StateKey[];
  /** Gives a message that the case publishes to those who listen outside it; returns how many they are. */
  readonly publishOutside?: (server: string, channel: ByteString, message: ByteString) => number;
}

/** One element as this case met it, and what the case has done to it. */
interface MetElement {
  readonly key: StateKey;
  readonly known: Known;
  /** The shared entry of the known revision, once it was here. */
  entry: Entry | undefined;
  isFault: boolean;
  isRead: boolean;
  written: Written | undefined;
}

interface Written {
  readonly key: StateKey;
  readonly place: Database;
  readonly name: ByteString;
  readonly before: Element | null;
  readonly parts: Set<ByteString>;
  valueWritten: boolean;
  expiry: ExpiryEffect | null;
  /** What it was when it expired, after the last write to it. */
  lapsed: Entry | undefined;
}

/**
 * A case's own copy-on-write layer over the state its request ran on, for every Redis server it uses. Making one costs nothing:
 * keyspaces are made when first touched, reads fall through to shared entries, writes stay here.
 */
export class Overlay {
  readonly #options: OverlayOptions;
  readonly #keyspaces = new Map<string, Keyspace>();
  readonly #met = new Map<string, MetElements>();
  readonly #reads: ReadTrace[] = [];
  readonly #written: Written[] = [];
  readonly #problems = new Map<string, CaseProblem>();
  readonly #messages: PublishedMessage[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #commands = 0;
  #faults = 0;

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
    const met = this.#metOf(server);
    let missing: Revision[] | undefined;
    for (const name of keys) {
      const element = met.of(database, name);
      const { revision } = element.known;
      if (revision === null || this.#entryOf(element) !== undefined) continue;
      if (!element.isFault) this.#faults++;
      element.isFault = true;
      (missing ??= []).push(revision);
    }
    if (missing === undefined) return undefined;
    const loaded = this.#load(missing);
    this.#prefetchBeside(missing);
    return loaded;
  }

  /** Names of every key that may exist in a database. */
  keyNames(server: string, database: number): readonly ByteString[] {
    return [...this.#options.keys.names(server, database)];
  }

  /** The time that this case's state goes by. */
  get clock(): CaseClock {
    return this.#options.clock;
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

  /** What this case did to each element, by key. What has expired since is told as it was written: how long the case took is no effect. */
  effects(): Effect[] {
    return this.#written.map((written) => {
      const { key, place, name, before, parts, valueWritten, expiry } = written;
      const entry = place.peek(name) ?? written.lapsed;
      return { key, before, after: entry === undefined ? null : elementFromEntry(entry), parts: [...parts], valueWritten, expiry };
    });
  }

  get reads(): readonly ReadTrace[] {
    return this.#reads;
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
    return this.#faults;
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
    const { clock, seed, hints, publishOutside } = this.#options;
    let draw: (() => number) | undefined;
    return new Keyspace({
      now: () => clock.now(),
      random: () => (draw ??= sfc32(seed).next)(),
      after: (ms, action) => this.#after(ms, action),
      base: this.#baseOf(server),
      observer: this.#observerOf(server),
      hints,
      ...publishOutside === undefined ? {} : { publishOutside: (channel, message) => publishOutside(server, channel, message) },
      onUnsupported: (name) => this.unsupported(name),
    });
  }

  #after(ms: number, action: () => void): () => void {
    const { clock } = this.#options;
    const dueMs = clock.now() + ms;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      clock.reach(dueMs);
      action();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  #baseOf(server: string): BaseState {
    const met = this.#metOf(server);
    return {
      get: (database, name) => this.#baseEntry(met.of(database, name)),
      keys: (database) => this.#options.keys.names(server, database),
    };
  }

  #baseEntry(element: MetElement): Entry | undefined {
    const { key, known: { revision } } = element;
    if (revision === null) return undefined;
    const entry = this.#entryOf(element);
    if (entry === undefined) this.problem({ code: 'state_unavailable', key, message: `revision ${revision.revision} of ${key} was dropped from memory before it was read; give replay more of it` });
    return entry;
  }

  #entryOf(element: MetElement): Entry | undefined {
    if (element.entry === undefined && element.known.revision !== null) element.entry = this.#options.cache.get(element.known.revision);
    return element.entry;
  }

  #observerOf(server: string): AccessObserver {
    const met = this.#metOf(server);
    return {
      read: (database, name) => this.#noteRead(met.of(database, name)),
      write: (database, name, part) => {
        const written = this.#writtenOf(met.of(database, name), server, database, name);
        written.valueWritten = true;
        written.lapsed = undefined;
        if (part === null) written.parts.clear();
        else written.parts.add(part);
      },
      expiry: (database, name, change) => {
        const written = this.#writtenOf(met.of(database, name), server, database, name);
        written.expiry = this.#expiryEffect(change);
        written.lapsed = undefined;
      },
      lapse: (database, name, entry) => {
        const { written } = met.of(database, name);
        if (written !== undefined) written.lapsed = entry;
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
    return change.kind === 'absolute' ? { kind: 'absolute', ms: change.atMs - this.#options.clock.startedAt } : change;
  }

  #noteRead(element: MetElement): void {
    if (element.isRead) return;
    element.isRead = true;
    const { key, known: { provenance, revision }, isFault } = element;
    if (element.written !== undefined) {
      this.#reads.push({ key, provenance: 'own', revision: null, fault: false });
      return;
    }
    this.#reads.push({ key, provenance, revision: revision?.revision ?? null, fault: isFault });
    if (provenance === 'unknown') {
      this.problem({ code: 'unknown_read', key, message: `read ${key}, of which the recording knows nothing; record with --snapshot full` });
    }
  }

  #writtenOf(element: MetElement, server: string, database: number, name: ByteString): Written {
    if (element.written === undefined) {
      const place = this.keyspace(server).database(database);
      const entry = place.peek(name);
      element.written = {
        key: element.key, place, name, before: entry === undefined ? null : elementFromEntry(entry), parts: new Set(), valueWritten: false, expiry: null, lapsed: undefined,
      };
      this.#written.push(element.written);
    }
    return element.written;
  }

  #metOf(server: string): MetElements {
    let met = this.#met.get(server);
    if (met === undefined) this.#met.set(server, (met = new MetElements(server, this.#options.keys, this.#options.state)));
    return met;
  }

  #ensureAll(server: string, database: number): Promise<void> | undefined {
    const missing: Revision[] = [];
    const met = this.#metOf(server);
    for (const name of this.#options.keys.names(server, database)) {
      const element = met.of(database, name);
      if (element.known.revision !== null && this.#entryOf(element) === undefined) missing.push(element.known.revision);
    }
    return missing.length === 0 ? undefined : this.#load(missing);
  }

  /** Not waited for: what does not come is fetched when it is read. */
  #prefetchBeside(faults: readonly Revision[]): void {
    const { neighbours, state, cache } = this.#options;
    if (neighbours === undefined) return;
    const keys = new Set(faults.flatMap(({ key }) => neighbours(key)));
    const revisions = [...keys].flatMap((key) => state.of(key).revision ?? []);
    if (revisions.length > 0) cache.load(revisions).catch(() => {});
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

/** The elements of one Redis server that a case has met, by database and name: what is known of each is looked up once. */
class MetElements {
  readonly #server: string;
  readonly #keys: KeyIndex;
  readonly #state: KnownState;
  readonly #databases: { readonly keys: ReadonlyMap<ByteString, StateKey>; readonly elements: Map<ByteString, MetElement> }[] = [];
  /** The one asked for last: a command asks for an element several times in a row. */
  #last: MetElement | undefined;
  #lastName: ByteString = '';
  #lastDatabase = 0;

  constructor(server: string, keys: KeyIndex, state: KnownState) {
    this.#server = server;
    this.#keys = keys;
    this.#state = state;
  }

  of(database: number, name: ByteString): MetElement {
    if (this.#last === undefined || name !== this.#lastName || database !== this.#lastDatabase) {
      this.#last = this.#find(database, name);
      this.#lastName = name;
      this.#lastDatabase = database;
    }
    return this.#last;
  }

  #find(database: number, name: ByteString): MetElement {
    const { keys, elements } = (this.#databases[database] ??= { keys: this.#keys.keysOf(this.#server, database), elements: new Map() });
    let element = elements.get(name);
    if (element === undefined) {
      const key = keys.get(name) ?? redisStateKey(this.#server, database, name);
      element = { key, known: this.#state.of(key), entry: undefined, isFault: false, isRead: false, written: undefined };
      elements.set(name, element);
    }
    return element;
  }
}
