import type { ByteString } from '../lib/bytes.ts';
import { BlockedCommands } from './blocked-commands.ts';
import { Blocked, type CommandContext, type CommandSpec } from './command.ts';
import { Database } from './database.ts';
import type { KeyspaceHost, KeyspaceOptions } from './host.ts';
import { checkCommand, commandSpec, UnsupportedCommand } from './registry.ts';
import { CommandError, ErrorReply, NULL_ARRAY, QUEUED, type Reply } from './reply.ts';
import type { Session } from './session.ts';
import { SubscriptionTable } from './subscription-table.ts';
import { WatchedKeys } from './watched-keys.ts';

export type { KeyspaceOptions } from './host.ts';

/** Commands that act at once even after MULTI. */
const neverQueued: ReadonlySet<string> = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);
/** All that a RESP2 connection with subscriptions may send. */
const allowedWhenSubscribed: ReadonlySet<string> = new Set([
  'ping', 'subscribe', 'ssubscribe', 'unsubscribe', 'sunsubscribe', 'psubscribe', 'punsubscribe', 'quit', 'reset',
]);

/**
 * A Redis keyspace in JavaScript: databases, transactions, blocking commands and pub/sub. It serves a test's overlay, mirrors a
 * real server while recording, and stands alone as the embedded server. Synchronous: a command is applied before `execute` returns.
 */
export class Keyspace implements KeyspaceHost {
  readonly options: KeyspaceOptions;
  readonly databaseCount: number;
  readonly #databases = new Map<number, Database>();
  // Most keyspaces serve one short test: what it does not use is not made.
  #watched: WatchedKeys | undefined;
  #blocked: BlockedCommands | undefined;
  #subscriptions: SubscriptionTable | undefined;
  readonly #sessions = new Map<Session, number>();
  #lastSessionId = 0;
  /** Time stands still while a command or transaction runs, as in Redis. */
  #time: number | undefined;

  constructor(options: KeyspaceOptions) {
    this.options = options;
    this.databaseCount = options.databases ?? 16;
  }

  get subscriptions(): SubscriptionTable {
    this.#subscriptions ??= new SubscriptionTable((channel, message) => this.options.observer?.publish(channel, message));
    return this.#subscriptions;
  }

  /** The numbered database, made on first use. */
  database(index: number): Database {
    let database = this.#databases.get(index);
    if (database === undefined) {
      database = new Database({
        index, now: () => this.#now(), base: this.options.base, observer: this.options.observer,
        onChange: (changed, key, isNew) => {
          this.#watched?.changed(changed, key);
          this.#blocked?.changed(changed, key, isNew);
        },
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
  execute(session: Session, args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (!this.#sessions.has(session)) this.#sessions.set(session, ++this.#lastSessionId);
    const outer = this.#time;
    this.#time ??= this.options.now();
    try {
      const reply = this.#reply(session, args, deliver);
      if (reply !== undefined) deliver(reply);
      this.#blocked?.serve((database, key) => this.database(database).peek(key)?.type);
    } finally {
      this.#time = outer;
    }
  }

  /** Ends a session: unwatches, unsubscribes; a command of it that still waits is answered with an error. */
  end(session: Session): void {
    this.#blocked?.release(session, 'error');
    this.#watched?.unwatch(session);
    this.#subscriptions?.unsubscribeAll(session);
    session.transaction = null;
    this.#sessions.delete(session);
  }

  /** Commands now waiting for a key. */
  get blockedCount(): number {
    return this.#blocked?.size ?? 0;
  }

  sessions(): Iterable<Session> {
    return this.#sessions.keys();
  }

  sessionId(session: Session): number {
    return this.#sessions.get(session) ?? 0;
  }

  watch(session: Session, key: ByteString): void {
    // Reading first settles an expiry that is due, so that only later ones count as a change.
    this.database(session.database).read(key);
    this.#watched ??= new WatchedKeys();
    this.#watched.watch(session, session.database, key);
  }

  unwatch(session: Session): void {
    this.#watched?.unwatch(session);
  }

  unblock(session: Session, how: 'timeout' | 'error'): boolean {
    return this.#blocked?.release(session, how) ?? false;
  }

  execTransaction(session: Session): Reply {
    const { transaction } = session;
    if (transaction === null) throw new CommandError('ERR EXEC without MULTI');
    for (const [database, key] of this.#watched?.of(session) ?? []) this.database(database).peek(key);
    const isDirty = this.#watched?.isDirty(session) ?? false;
    session.transaction = null;
    this.#watched?.unwatch(session);
    if (transaction.aborted) throw new CommandError('EXECABORT Transaction discarded because of previous errors.');
    if (isDirty) return NULL_ARRAY;
    return transaction.queue.map((args) => this.#runQueued(session, args));
  }

  /** The reply, or undefined for a command that now waits. */
  #reply(session: Session, args: readonly ByteString[], deliver: (reply: Reply) => void): Reply | undefined {
    try {
      const spec = this.#admit(session, args);
      if (session.transaction !== null && !neverQueued.has(spec.name)) {
        session.transaction.queue.push(args);
        return QUEUED;
      }
      const context = this.#context(session, spec);
      const result = spec.run(context, args.slice(1));
      if (!(result instanceof Blocked)) return result;
      const reply = result.attempt();
      if (reply === undefined) this.#blockedCommands().add({ session, database: session.database, name: context.name, blocked: result, deliver });
      return reply;
    } catch (error) {
      return this.#errorReply(error, args);
    }
  }

  /** The command's spec, once name, arity and the session's mode allow it to run or to be queued. */
  #admit(session: Session, args: readonly ByteString[]): CommandSpec {
    try {
      const spec = checkCommand(args);
      if (session.protocol === 2 && (session.channels.size > 0 || session.patterns.size > 0) && !allowedWhenSubscribed.has(spec.name)) {
        throw new CommandError(`ERR Can't execute '${spec.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`);
      }
      return spec;
    } catch (error) {
      if (commandSpec(args[0] ?? '')?.name === 'exec') throw this.#abortedExec(session, error);
      if (session.transaction !== null) session.transaction.aborted = true;
      throw error;
    }
  }

  /** An EXEC that may not run ends the transaction all the same. */
  #abortedExec(session: Session, error: unknown): CommandError {
    session.transaction = null;
    this.#watched?.unwatch(session);
    const reason = error instanceof Error ? error.message.replace(/^ERR /, '') : '';
    return new CommandError(`EXECABORT Transaction discarded because of: ${reason}`);
  }

  #blockedCommands(): BlockedCommands {
    this.#blocked ??= new BlockedCommands({ after: this.options.after, errorReply: (error, name) => this.#errorReply(error, [name]) });
    return this.#blocked;
  }

  #runQueued(session: Session, args: readonly ByteString[]): Reply {
    try {
      const spec = checkCommand(args);
      const result = spec.run(this.#context(session, spec), args.slice(1));
      return result instanceof Blocked ? result.attempt() ?? result.inTransaction : result;
    } catch (error) {
      return this.#errorReply(error, args);
    }
  }

  #context(session: Session, spec: CommandSpec): CommandContext {
    return { keyspace: this, session, db: this.database(session.database), name: upperName(spec), now: this.#now() };
  }

  #now(): number {
    return this.#time ?? this.options.now();
  }

  #errorReply(error: unknown, args: readonly ByteString[]): ErrorReply {
    if (error instanceof UnsupportedCommand) {
      this.options.onUnsupported?.(error.command, args.slice(1));
      return new ErrorReply(error.message);
    }
    if (error instanceof CommandError) return new ErrorReply(error.message);
    // A fault of ours must not pass for an answer of the service's store, nor take the other lanes down.
    const name = (args[0] ?? '').toUpperCase();
    this.options.onUnsupported?.(name, args.slice(1));
    return new ErrorReply(`ERR foreshard: ${name} failed inside the overlay (${error instanceof Error ? error.message : String(error)})`);
  }
}

const upperNames = new WeakMap<CommandSpec, string>();

function upperName(spec: CommandSpec): string {
  let name = upperNames.get(spec);
  if (name === undefined) upperNames.set(spec, name = spec.name.toUpperCase());
  return name;
}
