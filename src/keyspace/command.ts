import type { ByteString } from '../lib/bytes.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import type { Reply } from './reply.ts';
import type { Session } from './session.ts';

/** What a command is given. `args` are those after the name. */
export interface CommandContext {
  readonly keyspace: Keyspace;
  readonly session: Session;
  /** The session's selected database. */
  readonly db: Database;
  /** Upper-case name. */
  readonly name: string;
  /** Unix milliseconds on the case's clock. */
  readonly now: number;
}

/**
 * A command that waits: `attempt` is tried at once, and again whenever one of the keys changes, in order of arrival;
 * after `timeoutMs` (0: never) `onTimeout` is answered. Inside MULTI nothing waits: `onTimeout` is answered at once.
 */
export class Blocked {
  readonly keys: readonly ByteString[];
  readonly timeoutMs: number;
  readonly attempt: () => Reply | undefined;
  readonly onTimeout: Reply;
  constructor(options: { readonly keys: readonly ByteString[]; readonly timeoutMs: number; readonly attempt: () => Reply | undefined; readonly onTimeout: Reply }) {
    this.keys = options.keys;
    this.timeoutMs = options.timeoutMs;
    this.attempt = options.attempt;
    this.onTimeout = options.onTimeout;
  }
}

/** Flags as in the server's COMMAND table. */
export type CommandFlag = 'readonly' | 'write' | 'denyoom' | 'fast' | 'blocking' | 'pubsub' | 'noscript' | 'loading' | 'stale' | 'admin' | 'movablekeys' | 'random';

/** One command of the keyspace. */
export interface CommandSpec {
  /** Lower-case. */
  readonly name: string;
  /** As Redis counts: the name included, negative for "at least". */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** First key, last key (negative: from the end), step, counted with the name at 0; or a function where keys move. No keys: `[0, 0, 0]`. */
  readonly keys: readonly [first: number, last: number, step: number] | ((args: readonly ByteString[]) => readonly ByteString[]);
  /** The answer depends on the list of all keys (KEYS, SCAN, DBSIZE, RANDOMKEY, FLUSHDB …). */
  readonly wholeKeyspace?: true;
  readonly run: (context: CommandContext, args: readonly ByteString[]) => Reply | Blocked;
}
