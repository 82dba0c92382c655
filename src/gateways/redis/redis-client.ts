import { ClientConnection, type RedisCommand, type RedisReplies } from './client-connection.ts';
import { RedisCommandError, type RedisValue } from './redis-value.ts';
import type { UpstreamAddress } from './upstream.ts';

export { RedisCommandError, type RedisValue } from './redis-value.ts';
export type { RedisCommand, RedisReplies } from './client-connection.ts';

/** Sends commands on one connection. */
export type RedisSend = (commands: readonly RedisCommand[]) => Promise<RedisReplies>;

/** Options of {@link RedisClient}. */
export interface RedisClientOptions {
  readonly address: UpstreamAddress;
  readonly database: number;
  /** Connecting or commands that take longer fail, and the connection is made anew. */
  readonly timeoutMs: number;
  /** Runs on every new connection before anything else is sent on it; when it throws, the connection is given up. */
  readonly onConnect?: (send: RedisSend) => Promise<void>;
}

/** A client for our own use: pipelined batches on one connection, which is made when it is needed and again after it was lost. */
export class RedisClient {
  readonly #options: RedisClientOptions;
  #connection: ClientConnection | undefined;
  #opening: Promise<ClientConnection> | undefined;

  constructor(options: RedisClientOptions) {
    this.#options = options;
  }

  /**
   * Sends commands at once; their replies in order. `wantsBytes`: bulk strings as bytes.
   * @throws RedisCommandError when one was answered an error (the others ran), ForeshardError `upstream_unreachable`, `upstream_refused`
   */
  send(commands: readonly RedisCommand[], options: { readonly wantsBytes?: boolean } = {}): Promise<readonly RedisValue[]> {
    return this.replies(commands, options).then((replies) => {
      const failed = replies.find((reply) => reply instanceof RedisCommandError);
      if (failed !== undefined) throw failed;
      return replies as readonly RedisValue[];
    });
  }

  /** Sends commands at once; their replies in order, errors among them. @throws ForeshardError `upstream_unreachable`, `upstream_refused` */
  replies(commands: readonly RedisCommand[], { wantsBytes = false }: { readonly wantsBytes?: boolean } = {}): Promise<RedisReplies> {
    if (commands.length === 0) return Promise.resolve([]);
    const sending = { timeoutMs: this.#options.timeoutMs, wantsBytes };
    if (this.#connection?.isOpen === true) return this.#connection.send(commands, sending);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening.then((connection) => connection.send(commands, sending));
  }

  /** Closes the connection; a later command opens one again. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    this.#connection?.close();
  }

  async #open(): Promise<ClientConnection> {
    const { address, database, timeoutMs, onConnect } = this.#options;
    const connection = await ClientConnection.open(address, database, timeoutMs);
    try {
      await onConnect?.((commands) => connection.send(commands, { timeoutMs }));
      this.#connection = connection;
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}
