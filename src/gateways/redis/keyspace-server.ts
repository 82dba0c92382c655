import { createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net';
import { ForeshardError } from '../../model/errors.ts';
import type { KeyspaceServerOptions } from './keyspace-target.ts';
import { ServerConnection } from './server-connection.ts';
import { ServerHost } from './server-host.ts';

export type { KeyspaceServerOptions, KeyspaceTarget, ServedKeyspace } from './keyspace-target.ts';

/** A TCP address. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** A Unix socket. */
export interface SocketPath {
  readonly path: string;
}

/**
 * Serves keyspaces over RESP2 and RESP3: which one a command runs in is decided command by command, by its tag. A connection
 * keeps one session per tag (MULTI, WATCH, subscriptions, blocking); HELLO, AUTH, SELECT, CLIENT, INFO, COMMAND, PING, QUIT and RESET
 * belong to the connection, whatever their tag: client libraries send them when they connect, from whichever request is first.
 */
export class KeyspaceServer {
  readonly #server: Server;
  readonly #host: ServerHost;
  #lastId = 0;

  constructor(options: KeyspaceServerOptions) {
    const host = new ServerHost(options);
    this.#host = host;
    this.#server = createServer((socket) => host.opened(new ServerConnection(host, socket, ++this.#lastId)));
  }

  /** Commands received, or begun, whose reply is not on its way yet: blocked ones too, and those whose reply waits for an earlier one's. */
  get pending(): number {
    return this.#host.pending;
  }

  /** Of the pending ones those that ran and wait for a key, and so may wait for ever. */
  get blocked(): number {
    return this.#host.blocked;
  }

  /** Grows with every command received and every connection made. */
  get activity(): number {
    return this.#host.activity;
  }

  /** Starts to listen, on 127.0.0.1 and a free port unless told otherwise. @throws ForeshardError `port_in_use`, `lane_unavailable` */
  listen(options: SocketPath): Promise<SocketPath>;
  listen(options?: Partial<TcpAddress>): Promise<TcpAddress>;
  async listen(options: SocketPath | Partial<TcpAddress> = {}): Promise<SocketPath | TcpAddress> {
    if ('path' in options) {
      await this.#listen({ path: options.path }, options.path);
      return { path: options.path };
    }
    const { host = '127.0.0.1', port = 0 } = options;
    await this.#listen({ host, port }, `${host}:${port}`);
    const { address, port: bound } = this.#server.address() as AddressInfo;
    return { host: address, port: bound };
  }

  /** Takes over a connection that was accepted elsewhere, such as inside a lane's own network. */
  accept(socket: Socket): void {
    socket.allowHalfOpen = false; // as with those accepted here: one that asks no more is answered and closed
    this.#server.emit('connection', socket);
  }

  /** Frees what is kept for a lane on every connection; a command of it that is still unanswered gets an error. */
  forget(tag: string | null): void {
    for (const connection of this.#host.connectionsOf(tag)) connection.forget(tag);
  }

  /**
   * Moves the lane's sessions on every connection to the target that `route` gives now: subscriptions and blocked commands go on
   * there. Without it a session moves with its next command, so a worker that waits in BLPOP would stay in the keyspace it left.
   */
  rebind(tag: string | null): void {
    for (const connection of this.#host.connectionsOf(tag)) connection.rebind(tag);
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    for (const connection of this.#host.connections()) connection.destroy();
    await closed;
  }

  #listen(options: ListenOptions, name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        reject(error.code === 'EADDRINUSE'
          ? new ForeshardError('port_in_use', `${name} is in use`, { hint: 'Stop what listens there, or give another address.', cause: error })
          : new ForeshardError('lane_unavailable', `cannot listen on ${name}: ${error.message}`, { cause: error }));
      };
      this.#server.once('error', failed);
      this.#server.listen(options, () => {
        this.#server.off('error', failed);
        resolve();
      });
    });
  }
}
