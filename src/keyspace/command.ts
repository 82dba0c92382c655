import type { ByteString } from '../lib/bytes.ts';
import type { Database } from './database.ts';
import type { KeyspaceHost } from './host.ts';
import type { Reply } from './reply.ts';
import type { Session } from './session.ts';

/** What a command is given. `args` are those after the name. */
export interface CommandContext {
  readonly keyspace: KeyspaceHost;
  readonly session: Session;
  /** The session's selected database. */
  readonly db: Database;
  /** Upper-case name. */
  readonly name: string;
  /** Unix milliseconds on the case's clock. */
  readonly now: number;
}

/**
 * A command that waits: `attempt` is tried at once, and again whenever one of the keys changes (given as `ready`), in order of arrival;
 * after `timeoutMs` (0: never) `onTimeout` is answered. Inside MULTI nothing waits: `onTimeout` is answered at once.
 */
export class Blocked {
  readonly keys: readonly ByteString[];
  readonly timeoutMs: number;
  readonly attempt: (ready?: ByteString) => Reply | undefined;
  readonly onTimeout: Reply;
  /** The answer inside MULTI, where it is not the same: BLMOVE's is a null there and a null array after a wait. */
  readonly inTransaction: Reply;
  constructor(options: {
    readonly keys: readonly ByteString[];
    readonly timeoutMs: number;
    readonly attempt: (ready?: ByteString) => Reply | undefined;
    readonly onTimeout: Reply;
    readonly inTransaction?: Reply;
  }) {
    this.keys = options.keys;
    this.timeoutMs = options.timeoutMs;
    this.attempt = options.attempt;
    this.onTimeout = options.onTimeout;
    this.inTransaction = options.inTransaction === undefined ? options.onTimeout : options.inTransaction;
  }
}

/** Flags as in the server's COMMAND table. */
export type CommandFlag = 'readonly' | 'write' | 'denyoom' | 'fast' | 'blocking' | 'pubsub' | 'noscript' | 'loading' | 'stale' | 'admin' | 'movablekeys' | 'random';

/** A subcommand of a container command such as CONFIG. Its arity counts the container's name too. */
export interface SubcommandSpec {
  /** Lower-case. */
  readonly name: string;
  readonly arity: number;
}

/** One command of the keyspace. */
export interface CommandSpec {
  /** Lower-case. */
  readonly name: string;
  /** As Redis counts: the name included, negative for "at least". */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** First key, last key (negative: from the end), step, counted with the name at 0; or a function of the arguments after the name, where keys move. No keys: `[0, 0, 0]`. */
  readonly keys: readonly [first: number, last: number, step: number] | ((args: readonly ByteString[]) => readonly ByteString[]);
  /** The answer depends on the list of all keys (KEYS, SCAN, DBSIZE, RANDOMKEY, FLUSHDB …). */
  readonly wholeKeyspace?: true;
  /** For a container command: existence and arity of the subcommand are checked before it runs or is queued. */
  readonly subcommands?: readonly SubcommandSpec[];
  readonly run: (context: CommandContext, args: readonly ByteString[]) => Reply | Blocked;
}
