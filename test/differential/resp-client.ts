import type { Socket } from 'node:net';
import { ErrorReply, NULL_ARRAY, SimpleReply, type Reply } from '../../src/keyspace/reply.ts';

/** The smallest RESP2 client: sends commands in one write and reads as many replies, in the keyspace's own shapes. */
export class RespClient {
  readonly #socket: Socket;
  #received = '';
  #waiting: { readonly count: number; readonly resolve: (replies: Reply[]) => void; readonly reject: (error: Error) => void } | undefined;
  #position = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#received += chunk;
      this.#settle();
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('redis-server closed the connection')));
  }

  /** Sends all commands (latin1 strings, name first) at once; the replies in their order. */
  send(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    this.write(commands);
    return this.replies(commands.length);
  }

  /** Sends without waiting. */
  write(commands: readonly (readonly string[])[]): void {
    const text = commands.map((args) => `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`).join('');
    this.#socket.write(text, 'latin1');
  }

  /** The next replies. */
  replies(count: number): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { count, resolve, reject };
      this.#settle();
    });
  }

  /** The replies that have come already and nobody has asked for. */
  available(): Reply[] {
    this.#position = 0;
    const replies: Reply[] = [];
    for (let whole = 0; ; whole = this.#position) {
      const reply = this.#parse();
      if (reply === undefined) {
        this.#received = this.#received.slice(whole);
        return replies;
      }
      replies.push(reply);
    }
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Replies are short here, so they are parsed again from the start until all have come. */
  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#position = 0;
    const replies: Reply[] = [];
    while (replies.length < waiting.count) {
      const reply = this.#parse();
      if (reply === undefined) return;
      replies.push(reply);
    }
    this.#received = this.#received.slice(this.#position);
    this.#waiting = undefined;
    waiting.resolve(replies);
  }

  #line(): string | undefined {
    const end = this.#received.indexOf('\r\n', this.#position);
    if (end < 0) return undefined;
    const line = this.#received.slice(this.#position, end);
    this.#position = end + 2;
    return line;
  }

  #parse(): Reply | undefined {
    const line = this.#line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line[0]) {
      case '+': return new SimpleReply(rest);
      case '-': return new ErrorReply(rest);
      case ':': return Number.isSafeInteger(Number(rest)) ? Number(rest) : BigInt(rest);
      case '$': return this.#bulk(Number(rest));
      case '*': return this.#array(Number(rest));
      case undefined: default: throw new Error(`not RESP2: ${JSON.stringify(line)}`);
    }
  }

  #bulk(length: number): Reply | undefined {
    if (length < 0) return null;
    if (this.#received.length < this.#position + length + 2) return undefined;
    const text = this.#received.slice(this.#position, this.#position + length);
    this.#position += length + 2;
    return text;
  }

  #array(length: number): Reply | undefined {
    if (length < 0) return NULL_ARRAY;
    const items: Reply[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.#parse();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
