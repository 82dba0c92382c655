import type { Socket } from 'node:net';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { ForeshardError } from '../../model/errors.ts';
import { encodeCommand } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';
import { connected, connectTimeoutMs, openUpstream, unreachable, type UpstreamAddress } from './upstream.ts';

/** A command for the control connection, name first. */
export type ControlCommand = readonly ByteString[];

interface Batch {
  readonly replies: Reply[];
  missing: number;
  /** Replies that are ours (SELECT) and not handed on. */
  skip: number;
  refused: ErrorReply | undefined;
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The gateway's own connection to the server: batches of commands, pipelined, in RESP2 (which every server speaks). Batches are
 * answered in the order they were sent, so what is sent after another connection's reply arrived sees at least that command's effect.
 */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #address: UpstreamAddress;
  readonly #batches: Batch[] = [];
  /** Called once when the connection is lost, unless {@link close} ended it. */
  onLost: (error: Error) => void = () => {};
  #database = 0;
  #lost: Error | undefined;

  private constructor(socket: Socket, address: UpstreamAddress) {
    this.#socket = socket;
    this.#address = address;
    const parser = new ReplyParser((reply) => this.#onReply(reply));
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

  /** Connects and authenticates, within this time altogether. @throws upstream_unreachable, upstream_refused */
  static async open(address: UpstreamAddress, timeoutMs: number = connectTimeoutMs): Promise<ControlConnection> {
    const socket = openUpstream(address);
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await connected(socket, address);
      const control = new ControlConnection(socket, address);
      await control.#authenticate();
      return control;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends commands at once, in a database; their replies in order. Errors of commands are replies. @throws upstream_unreachable */
  send(database: number, commands: readonly ControlCommand[]): Promise<readonly Reply[]> {
    if (this.#lost !== undefined) return Promise.reject(unreachable(this.#address, this.#lost));
    if (commands.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const select = database === this.#database ? 0 : 1;
      this.#batches.push({ replies: [], missing: commands.length, skip: select, refused: undefined, resolve, reject });
      let bytes = select === 0 ? '' : encodeCommand(['SELECT', String(database)]);
      for (const command of commands) bytes += encodeCommand(command);
      this.#database = database;
      this.#socket.write(bytes, 'latin1');
    });
  }

  /** One command in database 0. */
  async one(...command: string[]): Promise<Reply> {
    return (await this.send(this.#database, [command]))[0] as Reply;
  }

  /** Closes the connection; what still waits is rejected. */
  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  async #authenticate(): Promise<void> {
    const { username, password } = this.#address;
    const credentials = password === undefined ? [] : username === undefined ? ['AUTH', password] : ['AUTH', username, password];
    if (credentials.length > 0) refuse(await this.one(...credentials), this.#address);
    refuse(await this.one('PING'), this.#address);
  }

  #onReply(reply: Reply): void {
    const [batch] = this.#batches;
    if (batch === undefined) return;
    if (batch.skip > 0) {
      batch.skip--;
      if (reply instanceof ErrorReply) batch.refused = reply;
      return;
    }
    batch.replies.push(reply);
    if (--batch.missing > 0) return;
    this.#batches.shift();
    if (batch.refused === undefined) return batch.resolve(batch.replies);
    this.#database = -1; // the commands ran in whichever database was selected before: their replies mean nothing
    batch.reject(new ForeshardError('upstream_refused', `Redis at ${this.#address.host}:${this.#address.port} refused SELECT: ${batch.refused.message}`));
  }

  /** Whether nothing can be sent any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  #onLost(error: Error): void {
    const isFirst = this.#lost === undefined;
    this.#lost ??= error;
    for (const batch of this.#batches.splice(0)) batch.reject(unreachable(this.#address, error));
    if (isFirst) this.onLost(error);
  }
}

function refuse(reply: Reply, address: UpstreamAddress): void {
  if (!(reply instanceof ErrorReply)) return;
  throw new ForeshardError('upstream_refused', `Redis at ${address.host}:${address.port} refused the gateway: ${reply.message}`, {
    hint: 'Put the user name and password into the upstream URL: redis://user:password@host:port.',
  });
}
