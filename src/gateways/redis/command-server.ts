import { createServer, type Server } from 'node:net';
import type { ByteString } from '../../lib/bytes.ts';
import type { ForeshardError } from '../../model/errors.ts';
import { listen, type ListenAddress } from '../http/listen.ts';
import { CommandConnection, type CommandHost } from './command-connection.ts';
import type { ServedCommand } from './served-command.ts';

/** Settings of a {@link CommandServer}. */
export interface CommandServerOptions {
  /** What it has beside HELLO, CLIENT, SELECT, PING, QUIT and COMMAND. */
  readonly commands: readonly ServedCommand[];
  /** Longest argument, and most bytes in the arguments of one command: what is longer ends the connection. */
  readonly maxBulkBytes: number;
  readonly maxCommandBytes: number;
  /** How an operating error stands in a reply. */
  readonly errorText: (error: ForeshardError) => ByteString;
  /** Told what nobody expected; the client is answered an error. */
  readonly onInternalError: (error: unknown) => void;
}

/** The Redis release whose protocol is spoken, for clients that ask. */
const redisVersion = '7.0.15';
const endWithinMs = 1000;

/** A server of its own commands over RESP2 and RESP3, so that redis-cli and every Redis library can talk to it. */
export class CommandServer {
  readonly #server: Server;
  readonly #connections = new Set<CommandConnection>();
  #lastId = 0;

  constructor(options: CommandServerOptions) {
    const host: CommandHost = {
      ...options, commands: new Map(options.commands.map((command) => [command.name, command])),
      password: undefined, redisVersion, databaseCount: 1,
      connections: () => this.#connections, answerIdle: () => null, left: (connection) => this.#connections.delete(connection),
    };
    this.#server = createServer((socket) => this.#connections.add(new CommandConnection(host, socket, ++this.#lastId)));
  }

  /** Clients connected now. */
  get clients(): number {
    return this.#connections.size;
  }

  /** Starts to listen; port 0 takes a free one. @throws ForeshardError `port_in_use`, `lane_unavailable` */
  listen(address: ListenAddress, what: string): Promise<ListenAddress> {
    return listen(this.#server, address, what);
  }

  /** Listens no more, answers what was asked, and ends every connection, within a second. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    for (const connection of this.#connections) connection.end();
    const timer = setTimeout(() => this.#connections.forEach((connection) => connection.destroy()), endWithinMs);
    await closed;
    clearTimeout(timer);
  }
}
