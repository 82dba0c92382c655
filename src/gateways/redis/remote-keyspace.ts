import { elementFromEntry, entryFromElement } from '../../keyspace/entry.ts';
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { commandSpec } from '../../keyspace/registry.ts';
import { ErrorReply, NullArrayReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { newSession, type Session } from '../../keyspace/session.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element } from '../../model/element.ts';
import { ElementReader } from './element-reader.ts';
import { writeCommands } from './element-writer.ts';
import type { ServedKeyspace } from './keyspace-target.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { RemoteLinks } from './remote-link.ts';
import { encodeReply } from './resp-encoder.ts';
import { SessionLink } from './session-link.ts';
import { shiftedCommand, shiftedReply } from './time-shift.ts';
import type { ControlConnection } from './upstream-control.ts';

/** What a {@link RemoteKeyspace} is made of. */
export interface RemoteKeyspaceOptions {
  /** Connections to the server. */
  readonly links: RemoteLinks;
  /** A connection of ours to the same server, for loading and reading back. */
  readonly control: ControlConnection;
  /** Database of the server that stands for database 0; the next ones for 1, 2 … */
  readonly firstDatabase: number;
  /** The overlay: holds the state the case began with, and follows what the real server does. */
  readonly mirror: Keyspace;
}

/** Served by the overlay itself: subscriptions, the case's clock. */
const localCommands: ReadonlySet<string> = new Set(['SUBSCRIBE', 'PSUBSCRIBE', 'UNSUBSCRIBE', 'PUNSUBSCRIBE', 'PUBLISH', 'PUBSUB', 'TIME']);
const transactionCommands: ReadonlySet<string> = new Set(['MULTI', 'EXEC', 'DISCARD', 'WATCH', 'UNWATCH']);
/** Change no element and read none. */
const scriptCommands: ReadonlySet<string> = new Set(['SCRIPT', 'FUNCTION', 'PING', 'ECHO', 'INFO', 'COMMAND', 'CLIENT', 'CONFIG', 'MODULE', 'WAIT', 'OBJECT', 'MEMORY']);

/** The server's messages to a client that keeps what it reads would reach a connection of ours: the overlay refuses it by name. */
function isAboutCaching(name: string, [, subcommand = '']: readonly ByteString[]): boolean {
  return name === 'CLIENT' && /^(?:tracking|caching)$/i.test(subcommand);
}

/** What the real server's clock and the case's may drift apart between loading and reading back. */
const expiryToleranceMs = 1000;

interface RemoteSession {
  readonly session: Session;
  readonly link: SessionLink;
  /** Stands for the session in the mirror: never in a transaction, never blocked for long. */
  readonly shadow: Session;
  /** Commands queued since MULTI, while one is open. */
  queue: QueuedCommand[] | undefined;
}

interface QueuedCommand {
  readonly database: number;
  readonly args: readonly ByteString[];
}

/**
 * A case's keyspace on a real redis-server, in databases of its own: every command is run by the real one, scripts and modules
 * included. The overlay follows each command, so that reads keep their provenance and writes their effects; where its answer is not the
 * server's (a script, a random member) the case is read back at the end and the overlay takes over what it finds.
 */
export class RemoteKeyspace implements ServedKeyspace {
  readonly #options: RemoteKeyspaceOptions;
  readonly #sessions = new Map<Session, RemoteSession>();
  readonly #loaded = new Map<number, Set<ByteString>>();
  readonly #loading = new Set<Promise<void>>();
  readonly #ending: Promise<void>[] = [];
  #diverged = false;

  constructor(options: RemoteKeyspaceOptions) {
    this.#options = options;
  }

  get databaseCount(): number {
    return this.#options.mirror.databaseCount;
  }

  database(index: number): Database {
    return this.#options.mirror.database(index);
  }

  databases(): Iterable<Database> {
    return this.#options.mirror.databases();
  }

  /** Puts elements of the overlay on the real server that are not there yet; undefined when all are. */
  load(database: number, keys: readonly ByteString[]): Promise<void> | undefined {
    let loaded = this.#loaded.get(database);
    if (loaded === undefined) this.#loaded.set(database, (loaded = new Set()));
    const commands: (readonly ByteString[])[] = [];
    for (const key of keys) {
      if (loaded.has(key)) continue;
      loaded.add(key);
      const entry = this.database(database).peek(key);
      if (entry !== undefined) commands.push(...writeCommands(key, this.#shifted(elementFromEntry(entry), this.#aheadMs())));
    }
    if (commands.length > 0) this.#track(database, commands);
    return this.#loading.size === 0 ? undefined : Promise.all(this.#loading).then(() => {});
  }

  execute(session: Session, args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    const name = (args[0] ?? '').toUpperCase();
    if ((localCommands.has(name) || isAboutCaching(name, args)) && this.#sessions.get(session)?.queue === undefined) {
      this.#options.mirror.execute(session, args, deliver);
      return;
    }
    const remote = this.#remote(session);
    const { database } = session;
    remote.link.send(name, this.#options.firstDatabase + database, shiftedCommand(name, args, this.#aheadMs()), (reply) => {
      deliver(this.#follow(remote, database, name, args, shiftedReply(name, reply, -this.#aheadMs())));
    });
  }

  end(session: Session): void {
    this.#options.mirror.end(session);
    const remote = this.#sessions.get(session);
    if (remote === undefined) return;
    this.#sessions.delete(session);
    this.#ending.push(remote.link.end());
    this.#options.mirror.end(remote.shadow);
  }

  unblock(): boolean {
    return false;
  }

  /** Brings the overlay up to what the real server holds, where they may differ. Call it when the case is idle. */
  async settle(): Promise<void> {
    if (!this.#diverged) return;
    const reader = new ElementReader(this.#options.control, { expireTime: true, fullStreamInfo: true, now: Date.now });
    for (const database of new Set([...this.#loaded.keys(), ...[...this.databases()].map((one) => one.index)])) {
      await this.#settleDatabase(reader, database);
    }
  }

  /** Ends every session and empties the case's databases. */
  async close(): Promise<void> {
    for (const session of this.#sessions.keys()) this.end(session);
    await Promise.all(this.#ending);
    for (const database of this.#loaded.keys()) await this.#options.control.send(this.#options.firstDatabase + database, [['FLUSHDB']]);
  }

  async #settleDatabase(reader: ElementReader, index: number): Promise<void> {
    const { control, firstDatabase } = this.#options;
    const [listed] = await control.send(firstDatabase + index, [['KEYS', '*']]);
    const database = this.database(index);
    const keys = [...new Set([...(Array.isArray(listed) ? (listed as ByteString[]) : []), ...(this.#loaded.get(index) ?? [])])];
    const found = await reader.read(firstDatabase + index, keys.map((key) => ({ key })));
    found.forEach((element, at) => {
      if (element !== null && 'unreadable' in element) return;
      database.adopt(keys[at] as ByteString, element === null ? undefined : entryFromElement(this.#shifted(element, -this.#aheadMs())), expiryToleranceMs);
    });
  }

  #remote(session: Session): RemoteSession {
    let remote = this.#sessions.get(session);
    if (remote === undefined) {
      remote = { session, link: new SessionLink(this.#options.links, session.protocol), shadow: newSession(() => {}), queue: undefined };
      this.#sessions.set(session, remote);
      this.#loaded.set(session.database, this.#loaded.get(session.database) ?? new Set());
    }
    return remote;
  }

  /** Lets the overlay do what the server has just done, and gives the reply back as the case sees it. */
  #follow(remote: RemoteSession, database: number, name: string, args: readonly ByteString[], reply: Reply): Reply {
    if (transactionCommands.has(name)) return this.#followTransaction(remote, database, name, args, reply);
    if (remote.queue === undefined) this.#apply(remote.shadow, database, name, args, reply);
    else if (reply instanceof SimpleReply) remote.queue.push({ database, args });
    return reply;
  }

  #followTransaction(remote: RemoteSession, database: number, name: string, args: readonly ByteString[], reply: Reply): Reply {
    if (name === 'WATCH') for (const key of args.slice(1)) this.database(database).read(key);
    if (name === 'MULTI' && !(reply instanceof ErrorReply)) open(remote);
    if (name !== 'EXEC' && name !== 'DISCARD') return reply;
    const queue = remote.queue ?? [];
    remote.queue = undefined;
    remote.session.transaction = null;
    if (name === 'DISCARD' || !Array.isArray(reply)) return reply;
    return (reply as readonly Reply[]).map((one, index) => this.#executed(remote.shadow, queue[index], one));
  }

  /** A command of a transaction that the server has run; what the overlay serves itself is answered by it. */
  #executed(shadow: Session, command: QueuedCommand | undefined, reply: Reply): Reply {
    if (command === undefined) return reply;
    const name = (command.args[0] ?? '').toUpperCase();
    if (!localCommands.has(name)) {
      this.#apply(shadow, command.database, name, command.args, reply);
      return reply;
    }
    let own = reply;
    this.#options.mirror.execute(shadow, command.args, (answer) => (own = answer));
    return own;
  }

  #apply(shadow: Session, database: number, name: string, args: readonly ByteString[], reply: Reply): void {
    if (scriptCommands.has(name) || reply instanceof ErrorReply) return;
    const spec = commandSpec(name);
    if (spec === undefined) {
      this.#diverged = true;
      return;
    }
    if (spec.flags.includes('blocking') && (reply === null || reply instanceof NullArrayReply)) return;
    const { mirror } = this.#options;
    shadow.database = database;
    let answer: Reply | undefined;
    mirror.execute(shadow, args, (mirrored) => (answer = mirrored));
    if (answer === undefined) mirror.end(shadow);
    if (answer === undefined || !sameReply(answer, reply)) this.#diverged = true;
  }

  #track(database: number, commands: readonly (readonly ByteString[])[]): void {
    const loading: Promise<void> = this.#options.control.send(this.#options.firstDatabase + database, commands).then(() => {
      this.#loading.delete(loading);
    });
    this.#loading.add(loading);
  }

  /** How far the server's clock is ahead of the case's. */
  #aheadMs(): number {
    return Date.now() - this.#options.mirror.options.now();
  }

  #shifted(element: Element, byMs: number): Element {
    return element.expiresAtMs === null ? element : { ...element, expiresAtMs: element.expiresAtMs + byMs };
  }
}

/** Who asks the session sees that it is in a transaction. */
function open(remote: RemoteSession): void {
  remote.queue = [];
  remote.session.transaction = { queue: [], aborted: false };
}

/** Whether two replies are the same on the wire; sets in any order. */
function sameReply(a: Reply, b: Reply): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => sameReply(item, b[index] as Reply));
  if (typeof a === 'string' && typeof b === 'string') return false;
  return wire(a) === wire(b);
}

function isList(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

function wire(reply: Reply): string {
  const out = new OutputBuffer();
  encodeReply(reply, 2, out);
  return out.take();
}
