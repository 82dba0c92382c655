import type { Socket } from 'node:net';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { Fifo } from './fifo.ts';
import { encodeCommand } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';
import { openUpstream, type UpstreamAddress } from './upstream.ts';

/** A connection to a real server that stands for one session: its commands are answered in order. */
export class RemoteLink {
  readonly #socket: Socket;
  readonly #waiting = new Fifo<(reply: Reply) => void>();
  #database = 0;
  #lost = false;

  constructor(address: UpstreamAddress, protocol: 2 | 3) {
    this.#socket = openUpstream(address);
    const parser = new ReplyParser((reply) => this.#waiting.shift()?.(reply));
    this.#socket.on('data', (chunk) => {
      try {
        parser.push(chunk);
      } catch {
        this.#socket.destroy();
      }
    });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#onLost());
    if (protocol === 3) this.#write(['HELLO', '3'], () => {});
  }

  /** Runs a command in a database; `deliver` gets its reply, an error when the server went away. */
  send(database: number, args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (database !== this.#database) {
      this.#database = database;
      this.#write(['SELECT', String(database)], () => {});
    }
    this.#write(args, deliver);
  }

  /** Closes the connection: a MULTI is dropped, a blocked command no longer waits. */
  close(): void {
    this.#socket.destroy();
  }

  #write(args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (this.#lost) {
      deliver(new ErrorReply('ERR foreshard: the lane\'s redis-server is gone'));
      return;
    }
    this.#waiting.push(deliver);
    this.#socket.write(encodeCommand(args), 'latin1');
  }

  #onLost(): void {
    this.#lost = true;
    for (let deliver = this.#waiting.shift(); deliver !== undefined; deliver = this.#waiting.shift()) {
      deliver(new ErrorReply('ERR foreshard: the lane\'s redis-server is gone'));
    }
  }
}
