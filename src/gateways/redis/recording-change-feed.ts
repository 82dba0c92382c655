import type { Socket } from 'node:net';
import { ErrorReply, NullArrayReply, PushReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { itemsOf } from './recording-replies.ts';
import { encodeCommand } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';
import { connected, openUpstream, type UpstreamAddress } from './upstream.ts';

/** Names of keys that were changed, in whichever database; null: a database was emptied. */
export type ChangedNames = readonly ByteString[] | null;

/**
 * A connection of the gateway's own on which the server tells the name of every key that anybody changes (CLIENT TRACKING in broadcast mode,
 * Redis 6 and later). What a command changed is told before the answer to any PING that was sent here after that command's reply came:
 * the server writes both in one round of its events, and reads the PING in a later one.
 */
export class ChangeFeed {
  readonly #socket: Socket;
  readonly #onChange: (names: ChangedNames) => void;
  readonly #onLost: () => void;
  /** What waits for an answer, oldest first. */
  readonly #waiting: ((reply: Reply | undefined) => void)[] = [];
  #isLost = false;

  private constructor(socket: Socket, onChange: (names: ChangedNames) => void, onLost: () => void) {
    this.#socket = socket;
    this.#onChange = onChange;
    this.#onLost = onLost;
    const parser = new ReplyParser((reply) => this.#onReply(reply));
    socket.on('data', (chunk) => {
      try {
        parser.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#lost());
  }

  /** Connects and asks for the names of changed keys; undefined: the server does not tell them, or may not tell them to us. */
  static async open(address: UpstreamAddress, listener: { readonly onChange: (names: ChangedNames) => void; readonly onLost: () => void }): Promise<ChangeFeed | undefined> {
    const socket = openUpstream(address);
    let feed: ChangeFeed | undefined;
    try {
      await connected(socket, address);
      let isOpen = false;
      feed = new ChangeFeed(socket, listener.onChange, () => (isOpen ? listener.onLost() : undefined));
      const { username = 'default', password } = address;
      const asked = feed;
      const ask = (...command: readonly ByteString[]): Promise<Reply | undefined> => new Promise((resolve) => asked.#send(command, resolve));
      const hello = await ask('HELLO', '3', ...(password === undefined ? [] : ['AUTH', username, password]));
      const tracking = await ask('CLIENT', 'TRACKING', 'ON', 'BCAST');
      isOpen = ![hello, tracking].some((reply) => reply === undefined || reply instanceof ErrorReply);
      if (isOpen) return feed;
    } catch {
      // unreachable: the gateway's other connections will say so
    }
    socket.destroy();
    return undefined;
  }

  /** Calls back once all changes are told that commands made whose replies have come by now; false: the connection was lost meanwhile. */
  barrier(action: (told: boolean) => void): void {
    this.#send(['PING'], (reply) => action(reply !== undefined));
  }

  /** Closes the connection. */
  close(): void {
    this.#isLost = true; // nobody needs to hear of it
    this.#socket.destroy();
  }

  #send(command: readonly ByteString[], answered: (reply: Reply | undefined) => void): void {
    if (this.#isLost) {
      answered(undefined);
      return;
    }
    this.#waiting.push(answered);
    this.#socket.write(encodeCommand(command), 'latin1');
  }

  #onReply(reply: Reply): void {
    if (!(reply instanceof PushReply)) {
      this.#waiting.shift()?.(reply);
      return;
    }
    const [kind, names = null] = itemsOf(reply);
    if (kind !== 'invalidate') return;
    this.#onChange(names === null || names instanceof NullArrayReply ? null : itemsOf(names) as readonly ByteString[]);
  }

  #lost(): void {
    const wasLost = this.#isLost;
    this.#isLost = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
    if (!wasLost) this.#onLost();
  }
}
