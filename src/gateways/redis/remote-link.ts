import type { Socket } from 'node:net';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { Fifo } from '../../lib/fifo.ts';
import { encodeCommand } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';
import { openUpstream, type UpstreamAddress } from './upstream.ts';

/** Commands after which a connection is no longer as it was when it was opened, whatever comes next. */
const lasting: ReadonlySet<string> = new Set(['CLIENT', 'MONITOR', 'SYNC', 'PSYNC', 'SSUBSCRIBE', 'RESET', 'HELLO', 'AUTH']);

/** A connection to a real server that stands for one session: its commands are answered in order. */
export class RemoteLink {
  readonly protocol: 2 | 3;
  readonly #socket: Socket;
  readonly #waiting = new Fifo<(reply: Reply) => void>();
  #database = 0;
  #out = '';
  #lost = false;
  /** Inside MULTI, or with keys watched. */
  #inTransaction = false;
  #isMarked = false;

  constructor(address: UpstreamAddress, protocol: 2 | 3) {
    this.protocol = protocol;
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

  /** Nothing can be sent any more. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** Whether it may stand for another session: nothing is unanswered, and nothing of this one is left in it. */
  get isReusable(): boolean {
    return !this.#lost && !this.#isMarked && !this.#inTransaction && this.#waiting.size === 0;
  }

  /** Runs a command in a database; `deliver` gets its reply, an error when the server went away. */
  send(database: number, args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (database !== this.#database) {
      this.#database = database;
      this.#write(['SELECT', String(database)], () => {});
    }
    this.#note((args[0] ?? '').toUpperCase());
    this.#write(args, deliver);
  }

  /** Closes the connection: a MULTI is dropped, a blocked command no longer waits. */
  close(): void {
    this.#socket.destroy();
  }

  #note(name: string): void {
    if (name === 'MULTI' || name === 'WATCH') this.#inTransaction = true;
    else if (name === 'EXEC' || name === 'DISCARD') this.#inTransaction = false;
    else if (lasting.has(name)) this.#isMarked = true;
  }

  #write(args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (this.#lost) {
      deliver(new ErrorReply('ERR foreshard: the lane\'s redis-server is gone'));
      return;
    }
    this.#waiting.push(deliver);
    if (this.#out === '') process.nextTick(() => this.#flush());
    this.#out += encodeCommand(args);
  }

  /** What was asked in one tick leaves as one write. */
  #flush(): void {
    const text = this.#out;
    this.#out = '';
    this.#socket.write(text, 'latin1');
  }

  #onLost(): void {
    this.#lost = true;
    for (let deliver = this.#waiting.shift(); deliver !== undefined; deliver = this.#waiting.shift()) {
      deliver(new ErrorReply('ERR foreshard: the lane\'s redis-server is gone'));
    }
  }
}

/** Connections to one server, handed on from session to session: opening one costs more than all the commands of a case. */
export class RemoteLinks {
  readonly #address: UpstreamAddress;
  readonly #shared = new Map<2 | 3, RemoteLink>();
  #free: RemoteLink[] = [];

  constructor(address: UpstreamAddress) {
    this.#address = address;
  }

  /** The connection for commands that leave nothing behind on it, whichever session they are of. */
  shared(protocol: 2 | 3): RemoteLink {
    let link = this.#shared.get(protocol);
    if (link === undefined || link.isLost) this.#shared.set(protocol, (link = new RemoteLink(this.#address, protocol)));
    return link;
  }

  /** A connection as if it were new. */
  take(protocol: 2 | 3): RemoteLink {
    this.#free = this.#free.filter((link) => link.isReusable);
    const at = this.#free.findIndex((link) => link.protocol === protocol);
    return (at < 0 ? undefined : this.#free.splice(at, 1)[0]) ?? new RemoteLink(this.#address, protocol);
  }

  /** Takes one back; it is closed where something of its session is left in it. */
  give(link: RemoteLink): void {
    if (link.isReusable) this.#free.push(link);
    else link.close();
  }

  /** Closes those that are not in use, and the shared ones. */
  close(): void {
    for (const link of this.#shared.values()) link.close();
    for (const link of this.#free.splice(0)) link.close();
  }
}
