import type { ByteString } from '../lib/bytes.ts';
import type { OutcomeHint } from '../model/recording.ts';
import { Database, type AccessObserver, type BaseState } from './database.ts';
import type { Reply } from './reply.ts';
import type { Session } from './session.ts';

/** What a keyspace needs from outside: it has no clock, randomness or timers of its own. */
export interface KeyspaceOptions {
  /** Unix milliseconds: the case's clock. */
  readonly now: () => number;
  /** In [0, 1): SPOP, SRANDMEMBER, RANDOMKEY … */
  readonly random: () => number;
  /** Runs `action` after `ms`; returns what cancels it. Needed for blocking commands with a timeout. */
  readonly after: (ms: number, action: () => void) => () => void;
  readonly base?: BaseState;
  readonly observer?: AccessObserver;
  /** Recorded outcomes of undetermined commands, to be given again where the state allows it. */
  readonly hints?: readonly OutcomeHint[];
  readonly databases?: number;
}

/**
 * A Redis keyspace in JavaScript: databases, transactions, blocking commands and pub/sub. It serves a test's overlay, mirrors a
 * real server while recording, and stands alone as the embedded server. Synchronous: a command is applied before `execute` returns.
 */
export class Keyspace {
  readonly options: KeyspaceOptions;
  readonly #databases = new Map<number, Database>();

  constructor(options: KeyspaceOptions) {
    this.options = options;
  }

  /** The numbered database, made on first use. */
  database(index: number): Database {
    let database = this.#databases.get(index);
    if (database === undefined) {
      database = new Database({
        index, now: this.options.now, base: this.options.base, observer: this.options.observer,
        onChange: () => {},
      });
      this.#databases.set(index, database);
    }
    return database;
  }

  /** Databases used so far. */
  databases(): Iterable<Database> {
    return this.#databases.values();
  }

  /**
   * Runs one command (name first). `deliver` is called exactly once with its reply: before `execute` returns, or later for a
   * command that blocks. Unknown commands and wrong arity are answered as Redis does.
   */
  execute(_session: Session, _args: readonly ByteString[], _deliver: (reply: Reply) => void): void {
    throw new Error('written next');
  }

  /** Ends a session: unblocks, unwatches, unsubscribes. */
  end(_session: Session): void {}

  /** Commands now waiting for a key. */
  get blockedCount(): number {
    return 0;
  }
}
