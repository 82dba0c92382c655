import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, NullArrayReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { ControlConnection, type ControlCommand } from './upstream-control.ts';
import type { UpstreamAddress } from './upstream.ts';

/** A reply as plain data: simple strings are strings, every null is null. */
export type RedisValue = ByteString | number | bigint | null | readonly RedisValue[];

/** The server answered an error; `message` is its text, code first. */
export class RedisCommandError extends Error {
  override readonly name = 'RedisCommandError';
}

/** Sends commands on one connection; what was answered an error is a {@link RedisCommandError} among the replies. */
export type RedisSend = (commands: readonly ControlCommand[]) => Promise<readonly (RedisValue | RedisCommandError)[]>;

/** Options of {@link RedisClient}. */
export interface RedisClientOptions {
  readonly address: UpstreamAddress;
  readonly database: number;
  /** Commands that take longer fail, and the connection is made anew. */
  readonly timeoutMs: number;
  /** Runs on every new connection before anything else is sent on it; when it throws, the connection is given up. */
  readonly onConnect?: (send: RedisSend) => Promise<void>;
}

/** A client for our own use: pipelined batches on one connection, which is made when it is needed and again after it was lost. */
export class RedisClient {
  readonly #options: RedisClientOptions;
  #connection: Promise<ControlConnection> | undefined;

  constructor(options: RedisClientOptions) {
    this.#options = options;
  }

  /**
   * Sends commands at once; their replies in order.
   * @throws RedisCommandError when one was answered an error (the others ran), ForeshardError `upstream_unreachable`, `upstream_refused`
   */
  async send(commands: readonly ControlCommand[]): Promise<readonly RedisValue[]> {
    return (await this.replies(commands)).map((reply) => {
      if (reply instanceof RedisCommandError) throw reply;
      return reply;
    });
  }

  /** Sends commands at once; their replies in order, errors among them. @throws ForeshardError `upstream_unreachable`, `upstream_refused` */
  async replies(commands: readonly ControlCommand[]): Promise<readonly (RedisValue | RedisCommandError)[]> {
    this.#connection ??= this.#open();
    const connection = this.#connection;
    try {
      return await this.#sendOn(await connection, commands);
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

  async #open(): Promise<ControlConnection> {
    const connection = await ControlConnection.open(this.#options.address);
    try {
      await this.#options.onConnect?.((commands) => this.#sendOn(connection, commands));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #sendOn(connection: ControlConnection, commands: readonly ControlCommand[]): Promise<readonly (RedisValue | RedisCommandError)[]> {
    const timer = setTimeout(() => connection.close(), this.#options.timeoutMs);
    try {
      return (await connection.send(this.#options.database, commands)).map(plainValue);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** RESP2 has plain data inside its arrays: only the reply itself is looked at. */
function plainValue(reply: Reply): RedisValue | RedisCommandError {
  if (reply instanceof ErrorReply) return new RedisCommandError(reply.message);
  if (reply instanceof SimpleReply) return reply.text;
  if (reply instanceof NullArrayReply) return null;
  return reply as RedisValue;
}
