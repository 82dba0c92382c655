import type { ByteString } from '../../lib/bytes.ts';
import type { ElementType } from '../../model/element.ts';
import { redisStateKey, type StateKey } from '../../model/state-key.ts';
import type { RecordedCommand } from './recording-command.ts';

/**
 * What the gateway knows of one key: its newest revision, whether the mirror holds it, and who is in flight on it.
 * The lock is a reader/writer lock between connections; commands of one connection may share it, since the server keeps their order.
 */
export class KeyState {
  readonly database: DatabaseState;
  readonly key: ByteString;
  readonly stateKey: StateKey;
  /** The newest revision reported; 0: none yet. */
  revision = 0;
  /** The mirror holds it, or its absence. */
  isLoaded = false;
  isLoading = false;
  /** Of a type no typed command reads (a module's), or refused by an ACL. */
  isOpaque = false;
  /** The mirror may be wrong: it is read again before anyone else gets in. */
  isDirty = false;
  /** Somebody past the gateway changed it since it was last read. */
  isStale = false;
  /** When a command of ours that may have written it was last answered, in the count of {@link ScriptWatch}; -1: never. */
  lastWrite = -1;
  /** As last reported, on the server's clock. */
  expiresAtMs: number | null = null;
  type: ElementType | undefined;
  /** Estimate of what the mirror holds for it. */
  sizeBytes = 0;
  /** Grows with every use of any key: the smallest is the least recently used. */
  lastUse = 0;

  /** Commands that hold the lock: in flight, or answered and waiting for the key to be read again. */
  holders = 0;
  writers = 0;
  /** Holders whose reply has not come. */
  unanswered = 0;
  /** The only connection among the holders; null: none, or several readers. */
  holder: object | null = null;
  /** Nobody new gets in while above 0. */
  seals = 0;
  /** In order of arrival; all their keys are theirs at once or none. */
  readonly waiters: RecordedCommand[] = [];
  readonly loadWaiters: RecordedCommand[] = [];
  /** Answered commands whose outcome is found out by reading the key again, in order of their replies. */
  readonly settlers: RecordedCommand[] = [];
  isBeingReread = false;
  /** Blocking commands that wait for it on the server. */
  parked = 0;
  /** When one of them was last answered, Unix ms. */
  servedAtMs = 0;
  /** Answered blocking commands, to be applied once nobody is in flight on the key. */
  readonly lateReplies: RecordedCommand[] = [];

  /** Scratch of the mirror: which run last saw this key, and how. */
  accessRun = 0;
  accessRead = false;
  accessWritten = false;

  constructor(database: DatabaseState, key: ByteString, stateKey: StateKey) {
    this.database = database;
    this.key = key;
    this.stateKey = stateKey;
  }

  /** Whether `connection` may hold it too, waiters aside. */
  admits(connection: object, write: boolean): boolean {
    if (this.seals > 0) return false;
    return this.holders === 0 || this.holder === connection || (!write && this.writers === 0);
  }

  acquire(connection: object, write: boolean): void {
    this.holder = this.holders === 0 || this.holder === connection ? connection : null;
    this.holders++;
    this.unanswered++;
    if (write) this.writers++;
    this.database.holders++;
  }

  release(write: boolean): void {
    this.holders--;
    if (write) this.writers--;
    if (this.holders === 0) this.holder = null;
    this.database.holders--;
  }
}

/** One numbered database as the gateway knows it. */
export class DatabaseState {
  readonly index: number;
  readonly #server: string;
  readonly keys: Map<ByteString, KeyState> = new Map();
  /** All its keys were listed: one that is not in `keys` is absent. */
  isComplete = false;
  /** Keys that were absent when all were listed, and that somebody past the gateway has touched since. */
  readonly changedUnseen: Set<ByteString> = new Set();
  /** It had too many keys to be listed. */
  isTooLarge = false;
  /** Locks held on its keys. */
  holders = 0;
  /** Commands on the whole keyspace, active (the first) or waiting. */
  readonly exclusive: RecordedCommand[] = [];
  /** Keys with something to do once the active one is answered. */
  readonly postponed: Set<KeyState> = new Set();
  /** Commands on keys that wait for those. */
  readonly waiters: RecordedCommand[] = [];

  constructor(server: string, index: number) {
    this.#server = server;
    this.index = index;
  }

  /** The state of a key, made on first use. */
  key(name: ByteString): KeyState {
    let state = this.keys.get(name);
    if (state === undefined) {
      state = new KeyState(this, name, redisStateKey(this.#server, this.index, name));
      this.keys.set(name, state);
    }
    return state;
  }

  /** A command on the whole keyspace is in flight: whatever else is answered now may be its doing. */
  get isTaken(): boolean {
    const [active] = this.exclusive;
    return active !== undefined && active.holdsLocks && (active.reply === undefined || active.isLearning);
  }

  /** `redis:0`, or `redis:<server>.0`: the scope of completeness. */
  get scope(): string {
    return redisStateKey(this.#server, this.index, '').slice(0, -1);
  }
}

/** All databases of one server. */
export class KeyDirectory {
  readonly #server: string;
  readonly #databases = new Map<number, DatabaseState>();
  /** Databases not met so far are known to be empty. */
  othersAreEmpty = false;

  constructor(server: string) {
    this.#server = server;
  }

  database(index: number): DatabaseState {
    let database = this.#databases.get(index);
    if (database === undefined) {
      database = new DatabaseState(this.#server, index);
      // A FLUSHALL now in flight or waiting holds for this one too.
      const everywhere = [...this.#databases.values()][0]?.exclusive.filter((command) => command.databases === 'all') ?? [];
      database.exclusive.push(...everywhere);
      database.isComplete = this.othersAreEmpty;
      this.#databases.set(index, database);
    }
    return database;
  }

  databases(): DatabaseState[] {
    return [...this.#databases.values()];
  }
}
