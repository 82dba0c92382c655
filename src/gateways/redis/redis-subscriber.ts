import type { Socket } from 'node:net';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { encodeCommand } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';
import { openUpstream, type UpstreamAddress } from './upstream.ts';

/** Options of {@link RedisSubscriber}. */
export interface RedisSubscriberOptions {
  readonly address: UpstreamAddress;
  readonly channel: ByteString;
  readonly onMessage: (message: ByteString) => void;
  /** The channel is heard from here on, for the first time or again: what was published before may have been missed. */
  readonly onSubscribed: () => void;
}

const firstRetryMs = 20;
const lastRetryMs = 1000;

/** Hears one channel until it is closed, on a connection of its own that is made again whenever it is lost. */
export class RedisSubscriber {
  readonly #options: RedisSubscriberOptions;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #isProbing = false;
  #isClosed = false;

  constructor(options: RedisSubscriberOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Asks the server for a sign of life; a connection that gave none since the last call is made anew. To be called from time to time: a dead peer says nothing. */
  probe(): void {
    if (this.#socket === undefined) return;
    if (this.#isProbing) {
      this.#socket.destroy();
      return;
    }
    this.#isProbing = true;
    this.#socket.write(encodeCommand(['PING']), 'latin1');
  }

  /** Ends the connection; nothing is called afterwards. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    const { address, channel } = this.#options;
    const socket = openUpstream(address);
    this.#socket = socket;
    this.#isProbing = false;
    const parser = new ReplyParser((reply) => {
      if (!socket.destroyed) this.#onReply(socket, reply);
    });
    socket.on('data', (chunk) => {
      try {
        parser.push(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onLost());
    const { username, password } = address;
    if (password !== undefined) socket.write(encodeCommand(username === undefined ? ['AUTH', password] : ['AUTH', username, password]), 'latin1');
    socket.write(encodeCommand(['SUBSCRIBE', channel]), 'latin1');
  }

  #onReply(socket: Socket, reply: Reply): void {
    // Refused (a wrong password, a server that is loading): tried again, as when it cannot be reached.
    if (reply instanceof ErrorReply) socket.destroy();
    this.#isProbing = false;
    if (!Array.isArray(reply)) return;
    const [kind, , payload] = reply as readonly Reply[];
    if (kind === 'message') return this.#options.onMessage(payload as ByteString);
    if (kind !== 'subscribe') return;
    this.#retryMs = firstRetryMs;
    this.#options.onSubscribed();
  }

  #onLost(): void {
    this.#socket = undefined;
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
  }
}
