import { connect, type Socket } from 'node:net';
import { deferred, type Deferred } from '../../lib/deferred.ts';
import { Fifo } from '../../lib/fifo.ts';
import { ForeshardError } from '../../model/errors.ts';
import { MemcachedParser, type MemcachedReply } from './memcached-parser.ts';

/** A command: its line without the line's end, and the bytes that follow it. */
export interface MemcachedCommand {
  readonly line: string;
  readonly data?: Uint8Array;
}

/** Options of {@link MemcachedClient}. */
export interface MemcachedClientOptions {
  readonly host: string;
  readonly port: number;
  /** Commands that take longer fail, and the connection is made anew. */
  readonly timeoutMs: number;
  /** Runs on every new connection before anything else is sent on it; when it throws, the connection is given up. */
  readonly onConnect?: (send: (commands: readonly MemcachedCommand[]) => Promise<MemcachedReply[]>) => Promise<void>;
}

/** The largest item memcached can be told to take (`-I`). */
const maxItemBytes = 1024 * 1024 * 1024;
/** Data from this length on is written by itself; shorter data is joined with the lines around it. */
const ownPieceBytes = 16 * 1024;

/**
 * A client for our own use: meta commands of memcached 1.6 (each has exactly one reply), pipelined on one connection, which is made when it is needed and again after it was
 * lost. Written here because no library on npm takes bytes as they are, pipelines, and has the compare of meta delete (see docs/decisions/0007-client-of-redis-state-nodes.md).
 */
export class MemcachedClient {
  readonly #options: MemcachedClientOptions;
  #connection: Promise<MemcachedConnection> | undefined;

  constructor(options: MemcachedClientOptions) {
    this.#options = options;
  }

  /** Sends commands at once; their replies in order, errors of commands among them. @throws ForeshardError `upstream_unreachable` */
  async send(commands: readonly MemcachedCommand[]): Promise<MemcachedReply[]> {
    this.#connection ??= this.#open();
    const connection = this.#connection;
    try {
      return await (await connection).send(commands);
    } catch (error) {
      if (this.#connection === connection) this.#connection = undefined;
      void connection.then((open) => open.close(), () => {});
      throw error;
    }
  }

  /** Closes the connection; a later command opens one again. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((open) => open.close(), () => {});
  }

  async #open(): Promise<MemcachedConnection> {
    const connection = await MemcachedConnection.open(this.#options);
    try {
      await this.#options.onConnect?.((commands) => connection.send(commands));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

/** Commands on their way, and the replies that have come. */
interface Batch {
  readonly replies: MemcachedReply[];
  missing: number;
  /** When it must be answered, on the monotonic clock in ms. */
  readonly deadline: number;
  readonly done: Deferred<MemcachedReply[]>;
}

class MemcachedConnection {
  readonly #socket: Socket;
  readonly #options: MemcachedClientOptions;
  /** Those that are not answered, in order of sending. */
  readonly #batches = new Fifo<Batch>();
  /** Lines of this tick: they leave as one write. */
  #out = '';
  #watch: NodeJS.Timeout | undefined;
  #lost: Error | undefined;

  private constructor(socket: Socket, options: MemcachedClientOptions) {
    this.#socket = socket;
    this.#options = options;
    const parser = new MemcachedParser((reply) => this.#onReply(reply), maxItemBytes);
    socket.on('data', (chunk) => {
      try {
        parser.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.#onLost(error));
    socket.on('close', () => this.#onLost(new Error('the connection was closed')));
  }

  static async open(options: MemcachedClientOptions): Promise<MemcachedConnection> {
    const { host, port, timeoutMs } = options;
    const socket = connect({ host, port, noDelay: true });
    const connection = new MemcachedConnection(socket, options);
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('close', () => reject(connection.#unreachable()));
      });
      return connection;
    } finally {
      clearTimeout(timer);
    }
  }

  async send(commands: readonly MemcachedCommand[]): Promise<MemcachedReply[]> {
    if (this.#lost !== undefined) throw this.#unreachable();
    if (commands.length === 0) return [];
    const batch: Batch = { replies: [], missing: commands.length, deadline: performance.now() + this.#options.timeoutMs, done: deferred() };
    this.#batches.push(batch);
    this.#watch ??= setTimeout(() => this.#overdue(), this.#options.timeoutMs);
    this.#write(commands);
    return batch.done.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(commands: readonly MemcachedCommand[]): void {
    if (this.#out === '') process.nextTick(() => this.#flush());
    for (const { line, data } of commands) {
      this.#out += `${line}\r\n`;
      if (data === undefined) continue;
      if (data.length < ownPieceBytes) {
        this.#out += Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
      } else {
        this.#flush();
        this.#socket.write(data);
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
    if (left <= 0) this.#socket.destroy(new Error(`no answer within ${this.#options.timeoutMs} ms`));
    else this.#watch = setTimeout(() => this.#overdue(), left);
  }

  #onReply(reply: MemcachedReply): void {
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
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) batch.done.reject(this.#unreachable());
  }

  #unreachable(): ForeshardError {
    const { host, port } = this.#options;
    return new ForeshardError('upstream_unreachable', `memcached at ${host}:${port} cannot be reached: ${this.#lost?.message ?? 'it does not answer'}`, {
      hint: 'Start the server, or correct its address.', cause: this.#lost,
    });
  }
}
