import type { Socket } from 'node:net';
import type { ByteString } from '../../lib/bytes.ts';
import { deferred, type Deferred } from '../../lib/deferred.ts';
import { Fifo } from '../../lib/fifo.ts';
import { ForeshardError } from '../../model/errors.ts';
import { BytesParser } from './bytes-parser.ts';
import { RedisCommandError, type RedisValue } from './redis-value.ts';
import { connected, openUpstream, unreachable, type UpstreamAddress } from './upstream.ts';

/** A command, name first. Long arguments are cheaper as bytes: they are sent as they are. */
export type RedisCommand = readonly (ByteString | Uint8Array)[];

/** What was answered; errors of commands are among the replies. */
export type RedisReplies = readonly (RedisValue | RedisCommandError)[];

interface Batch {
  readonly replies: (RedisValue | RedisCommandError)[];
  missing: number;
  readonly wantsBytes: boolean;
  readonly timeoutMs: number;
  /** When it must be answered, on the monotonic clock in ms. */
  readonly deadline: number;
  readonly done: Deferred<RedisReplies>;
}

/** Bytes from this length on are written by themselves; shorter ones are joined with what is around them. */
const ownPieceBytes = 16 * 1024;

const lengthLines = Array.from({ length: 256 }, (_, length) => `\r\n$${length}\r\n`);

/** One connection of our own client to a Redis, in RESP2 (which every server speaks): batches of commands, pipelined. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #address: UpstreamAddress;
  /** Those that are not answered, in order of sending. */
  readonly #batches = new Fifo<Batch>();
  /** Commands of this tick: they leave as one write. */
  #out = '';
  #watch: NodeJS.Timeout | undefined;
  #lost: Error | undefined;

  private constructor(socket: Socket, address: UpstreamAddress) {
    this.#socket = socket;
    this.#address = address;
    const parser = new BytesParser((reply) => this.#onReply(reply), () => this.#batches.first?.wantsBytes ?? false);
    socket.on('data', (chunk) => {
      try {
        parser.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.#onLost(error));
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#onLost(new Error('the connection was closed')));
  }

  /** Connects, authenticates and selects the database, each within `timeoutMs`. @throws ForeshardError `upstream_unreachable`, `upstream_refused` */
  static async open(address: UpstreamAddress, database: number, timeoutMs: number): Promise<ClientConnection> {
    const socket = openUpstream(address);
    const late = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await connected(socket, address);
    } finally {
      clearTimeout(late);
    }
    const connection = new ClientConnection(socket, address);
    try {
      await connection.#greet(database, timeoutMs);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends commands, one at least, at once; their replies in order. @throws ForeshardError `upstream_unreachable`, also when they take longer than `timeoutMs` */
  send(commands: readonly RedisCommand[], { timeoutMs, wantsBytes = false }: { readonly timeoutMs: number; readonly wantsBytes?: boolean }): Promise<RedisReplies> {
    if (this.#lost !== undefined) return Promise.reject(unreachable(this.#address, this.#lost));
    const done = deferred<RedisReplies>();
    this.#batches.push({ replies: [], missing: commands.length, wantsBytes, timeoutMs, deadline: performance.now() + timeoutMs, done });
    this.#watch ??= setTimeout(() => this.#overdue(), timeoutMs);
    this.#write(commands);
    return done.promise;
  }

  /** Whether commands can be sent on it: once false, never true again. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Closes the connection; what still waits is rejected. */
  close(): void {
    this.#socket.destroy();
  }

  async #greet(database: number, timeoutMs: number): Promise<void> {
    const { username, password, host, port } = this.#address;
    const auth = password === undefined ? [] : [username === undefined ? ['AUTH', password] : ['AUTH', username, password]];
    const replies = await this.send([...auth, ['SELECT', String(database)]], { timeoutMs });
    const refused = replies.find((reply) => reply instanceof RedisCommandError);
    if (refused === undefined) return;
    throw new ForeshardError('upstream_refused', `Redis at ${host}:${port} refused us: ${refused.message}`, { hint: 'Put the user name and password into the URL: redis://user:password@host:port.' });
  }

  #write(commands: readonly RedisCommand[]): void {
    if (this.#out === '') process.nextTick(() => this.#flush());
    for (const command of commands) {
      this.#out += `*${command.length}`;
      for (const argument of command) {
        this.#out += lengthLine(argument.length);
        if (typeof argument === 'string') this.#out += argument;
        else if (argument.length < ownPieceBytes) this.#out += Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength).toString('latin1');
        else {
          this.#flush();
          this.#socket.write(argument);
        }
      }
      this.#out += '\r\n';
    }
  }

  #flush(): void {
    const text = this.#out;
    this.#out = '';
    if (text !== '') this.#socket.write(text, 'latin1');
  }

  /** One timer for all batches: it looks at the oldest, and waits for that one. */
  #overdue(): void {
    const oldest = this.#batches.first;
    this.#watch = undefined;
    if (oldest === undefined) return;
    const left = oldest.deadline - performance.now();
    if (left <= 0) this.#socket.destroy(new Error(`no answer within ${oldest.timeoutMs} ms`));
    else this.#watch = setTimeout(() => this.#overdue(), left);
  }

  #onReply(reply: RedisValue | RedisCommandError): void {
    const batch = this.#batches.first;
    if (batch === undefined) return;
    batch.replies.push(reply);
    if (--batch.missing > 0) return;
    this.#batches.shift();
    batch.done.resolve(batch.replies);
  }

  #onLost(error: Error): void {
    this.#lost ??= error;
    clearTimeout(this.#watch);
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) batch.done.reject(unreachable(this.#address, this.#lost));
  }
}

/** The end of the line or argument before an argument, and its length: made once for the usual lengths, which saves text put together for each. */
function lengthLine(length: number): string {
  return lengthLines[length] ?? `\r\n$${length}\r\n`;
}
