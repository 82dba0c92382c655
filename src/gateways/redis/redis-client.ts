import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, NullArrayReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { ControlConnection, type ControlCommand } from './upstream-control.ts';
import { unreachable, type UpstreamAddress } from './upstream.ts';

/** A reply as plain data: simple strings are strings, every null is null. */
export type RedisValue = ByteString | number | bigint | null | readonly RedisValue[];

/** The server answered an error; `message` is its text, code first. */
export class RedisCommandError extends Error {
  override readonly name = 'RedisCommandError';
}

/** Options of {@link RedisClient}. */
export interface RedisClientOptions {
  readonly address: UpstreamAddress;
  readonly database: number;
  /** Connecting or commands that take longer fail, and the connection is made anew. */
  readonly timeoutMs: number;
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
    const { address, database, timeoutMs } = this.#options;
    this.#connection ??= ControlConnection.open(address, timeoutMs);
    const connection = this.#connection;
    let timer: NodeJS.Timeout | undefined;
    let isLate = false;
    let replies: readonly Reply[];
    try {
      const open = await connection;
      timer = setTimeout(() => {
        isLate = true;
        open.close();
      }, timeoutMs);
      replies = await open.send(database, commands);
    } catch (error) {
      if (this.#connection === connection) this.#connection = undefined;
      void connection.then((open) => open.close(), () => {});
      throw isLate ? unreachable(address, new Error(`no answer within ${timeoutMs} ms`)) : error;
    } finally {
      clearTimeout(timer);
    }
    return replies.map(plainValue);
  }

  /** Closes the connection; a later command opens one again. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((open) => open.close(), () => {});
  }
}

/** RESP2 has plain data inside its arrays: only the reply itself is looked at. */
function plainValue(reply: Reply): RedisValue {
  if (reply instanceof ErrorReply) throw new RedisCommandError(reply.message);
  if (reply instanceof SimpleReply) return reply.text;
  if (reply instanceof NullArrayReply) return null;
  return reply as RedisValue;
}
