import type { ByteString } from '../../lib/bytes.ts';
import { ChangeFeed, type ChangedNames } from './recording-change-feed.ts';
import type { RecordedCommand } from './recording-command.ts';
import type { DatabaseState, KeyDirectory, KeyState } from './recording-keys.ts';
import type { RecordingMirror } from './recording-mirror.ts';
import type { RedisRecordingSink } from './recording-sink.ts';

/** An expiry this close is due: that the server took the key away is no news. */
const dueMs = 100;

/** More names than these of keys that only others touch are not kept. */
const maxUnseen = 100_000;

/** What changed while a script ran. */
export interface ScriptChanges {
  readonly keys: readonly KeyState[];
  /** Keys of the same names in databases that the script was not called in: it may have changed to them. */
  readonly elsewhere: readonly KeyState[];
  /** Changed keys of which nothing is known from before. */
  readonly unknown: ReadonlySet<KeyState>;
}

interface Window {
  readonly command: RecordedCommand;
  readonly names: Set<ByteString>;
  isEmptied: boolean;
}

/**
 * Finds out what scripts change beside the keys they declare. From the first script of a recording on the server tells the names of changed
 * keys ({@link ChangeFeed}). A script holds every database while it runs, so what is told from then until a barrier behind its reply is its
 * doing. What is told at other times and no command of ours wrote was somebody's past the gateway: it is read again at its next touch.
 */
export class ScriptWatch {
  readonly #open: (listener: { readonly onChange: (names: ChangedNames) => void; readonly onLost: () => void }) => Promise<ChangeFeed | undefined>;
  readonly #mirror: RecordingMirror;
  readonly #directory: KeyDirectory;
  readonly #sink: RedisRecordingSink;
  readonly #turn: (action: () => void) => void;
  #feed: ChangeFeed | undefined;
  #opening: Promise<void> | undefined;
  #isRefused = false;
  #isClosed = false;
  #window: Window | undefined;
  #saidReads = false;
  /** Barriers sent and passed: a write answered at count n is told of once more than n have been passed. */
  #sent = 0;
  #passed = 0;
  #lastWrite = -1;
  #lastFlush = -1;

  constructor(options: {
    readonly open: (listener: { readonly onChange: (names: ChangedNames) => void; readonly onLost: () => void }) => Promise<ChangeFeed | undefined>;
    readonly mirror: RecordingMirror;
    readonly directory: KeyDirectory;
    readonly sink: RedisRecordingSink;
    /** Runs what an event sets going. */
    readonly turn: (action: () => void) => void;
  }) {
    this.#open = options.open;
    this.#mirror = options.mirror;
    this.#directory = options.directory;
    this.#sink = options.sink;
    this.#turn = options.turn;
  }

  /** Whether scripts are followed beyond their declared keys; false once the server has refused to tell. */
  get isPossible(): boolean {
    return !this.#isRefused;
  }

  /** A script has its locks: it is held back until what it changes can be told from what was changed before. */
  prepare(command: RecordedCommand): void {
    const scripts = command.parts.filter((part) => part.traits.isScript);
    if (scripts.length === 0) return;
    this.#warnOfReads(scripts.map((part) => this.#directory.database(part.database)));
    if (!command.isScripted) return;
    if (this.#feed !== undefined && this.#lastWrite < this.#passed) {
      this.#begin(command);
      return;
    }
    command.missingLoads++;
    void this.#ready().then((feed) => {
      const go = (): void => this.#turn(() => {
        this.#begin(command);
        if (--command.missingLoads === 0) command.owner.pump();
      });
      if (feed === undefined) go();
      else this.#barrier(feed, go);
    });
  }

  /** A command was answered: what it may have written is told of soon. */
  answered(command: RecordedCommand): void {
    if (this.#feed === undefined) return;
    for (const key of command.keys) if (command.mayWrite(key)) key.lastWrite = this.#lastWrite = this.#sent;
    if (command.parts.some((part) => part.traits.name.startsWith('FLUSH'))) this.#lastFlush = this.#lastWrite = this.#sent;
    this.#catchUp();
  }

  /**
   * A script was answered: calls back with what it changed. undefined: that cannot be told.
   */
  learn(command: RecordedCommand, done: (changes: ScriptChanges | undefined) => void): void {
    const [feed, window] = [this.#feed, this.#window];
    if (feed === undefined || window?.command !== command) {
      done(undefined);
      return;
    }
    this.#barrier(feed, (told) => this.#turn(() => {
      if (this.#window === window) this.#window = undefined;
      done(told ? this.#changesIn(window) : undefined);
    }));
  }

  /** A script will not be answered: what it changed is as if somebody else had. */
  abandon(command: RecordedCommand): void {
    const window = this.#window;
    if (window?.command !== command) return;
    this.#window = undefined;
    for (const name of window.names) this.#changedOutside(name);
    if (window.isEmptied) this.#emptiedOutside();
  }

  /** Closes the connection; a later script opens one again. */
  close(): void {
    this.#feed?.close();
    this.#feed = undefined;
    this.#window = undefined;
  }

  /** Closes it for good. */
  end(): void {
    this.#isClosed = true;
    this.close();
  }

  #begin(command: RecordedCommand): void {
    if (this.#feed !== undefined) this.#window = { command, names: new Set(), isEmptied: false };
  }

  async #ready(): Promise<ChangeFeed | undefined> {
    if (this.#feed === undefined && !this.#isRefused) {
      this.#opening ??= this.#connect().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
    return this.#feed;
  }

  async #connect(): Promise<void> {
    const feed = await this.#open({ onChange: (names) => this.#onChange(names), onLost: () => this.#onLost() });
    if (this.#isClosed) feed?.close();
    else if (feed === undefined) this.#refused('the server does not tell them (CLIENT TRACKING ON BCAST: Redis 6 and later, and the user must be allowed it)');
    else this.#feed = feed;
  }

  #refused(why: string): void {
    this.#isRefused = true;
    this.#sink.loss('script_keys_unseen', `keys that scripts write without declaring them are noticed only when they are next touched: ${why}`);
  }

  #onLost(): void {
    this.#feed = undefined;
    this.#window = undefined;
    this.#sink.loss('script_keys_unseen', 'the connection on which the server tells of changed keys was lost: what the script at work then wrote without declaring it is noticed only when it is next touched');
  }

  /** Which undeclared keys a script reads cannot be seen. */
  #warnOfReads(databases: readonly DatabaseState[]): void {
    if (this.#saidReads || databases.every((database) => database.isComplete)) return;
    this.#saidReads = true;
    this.#sink.loss('script_reads_unseen', 'scripts ran, and which keys a script reads without declaring them cannot be seen: in replay such keys are unknown unless something else touched them; record with --snapshot full');
  }

  #barrier(feed: ChangeFeed, action: (told: boolean) => void): void {
    const number = ++this.#sent;
    feed.barrier((told) => {
      if (told) this.#passed = Math.max(this.#passed, number);
      action(told);
      this.#catchUp();
    });
  }

  /** While writes of ours may not have been told of yet, a change of their keys says nothing: a barrier ends that. */
  #catchUp(): void {
    if (this.#feed !== undefined && this.#sent === this.#passed && this.#lastWrite >= this.#passed) this.#barrier(this.#feed, () => {});
  }

  #onChange(names: ChangedNames): void {
    const window = this.#window;
    if (window !== undefined) {
      if (names === null) window.isEmptied = true;
      else for (const name of names) window.names.add(name);
      return;
    }
    if (names === null) this.#emptiedOutside();
    else for (const name of names) this.#changedOutside(name);
  }

  /** The server tells no databases: a script's keys are taken to be of the database it was called in, unless the values say otherwise. */
  #changesIn({ command, names, isEmptied }: Window): ScriptChanges {
    const called = new Set(command.parts.filter((part) => part.traits.isScript).map((part) => part.database));
    const [keys, elsewhere, unknown] = [new Set<KeyState>(), new Set<KeyState>(), new Set<KeyState>()];
    const add = (state: KeyState): void => {
      const isHere = called.has(state.database.index) || command.keys.includes(state);
      if (isHere && !this.#isKnown(state)) unknown.add(state);
      if (isHere) keys.add(state);
      else if (this.#isKnown(state)) elsewhere.add(state);
    };
    for (const name of names) for (const database of this.#directory.databases()) add(database.key(name));
    if (isEmptied) this.#eachKey(add);
    return { keys: [...keys], elsewhere: [...elsewhere], unknown };
  }

  /** Whether the value before is known; a key that was never touched in a database that is known completely was absent. */
  #isKnown(state: KeyState): boolean {
    if (state.revision > 0) return !state.isStale;
    if (!state.database.isComplete || state.database.changedUnseen.has(state.key)) return false;
    this.#mirror.installAbsent(state);
    return true;
  }

  #changedOutside(name: ByteString): void {
    const databases = this.#directory.databases();
    if (databases.some((database) => this.#isOurs(database.keys.get(name)))) return;
    for (const database of databases) this.#stale(database, name);
  }

  #stale(database: DatabaseState, name: ByteString): void {
    const state = database.keys.get(name);
    if (state === undefined || state.revision === 0) {
      if (!database.isComplete) return;
      if (database.changedUnseen.size < maxUnseen) database.changedUnseen.add(name);
      else this.#sink.loss('external_changes', `others than the service have made more than ${maxUnseen} keys in ${database.scope}: the rest of them is taken to be absent until they are touched`);
      return;
    }
    markStale(state);
  }

  #emptiedOutside(): void {
    if (this.#lastFlush < this.#passed && !this.#directory.databases().some((database) => database.isTaken)) this.#eachKey(markStale);
  }

  /** Every key that was ever touched. */
  #eachKey(action: (state: KeyState) => void): void {
    for (const database of this.#directory.databases()) for (const state of database.keys.values()) if (state.revision > 0) action(state);
  }

  /** Whether a command of ours may be why this key changed, or its expiry. */
  #isOurs(state: KeyState | undefined): boolean {
    if (state === undefined) return false;
    if (state.lastWrite >= this.#passed || state.writers > 0 || state.parked > 0 || state.lateReplies.length > 0 || state.isDirty) return true;
    return state.database.isTaken || (state.expiresAtMs !== null && state.expiresAtMs <= this.#mirror.now() + dueMs);
  }
}

function markStale(state: KeyState): void {
  state.isStale = true;
  state.isLoaded = false;
}
