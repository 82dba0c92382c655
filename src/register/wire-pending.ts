/** Commands that were tagged on a socket are under way until their reply comes, or never will. */
import type net from 'node:net';
import { hold, release } from './context.ts';
import type { RequestContext } from './context.ts';
import { wrapMethod } from './patching.ts';
import { ReplyCounter } from './wire-replies.ts';

/** After these it is not one reply a command any more. */
const uncountable = new Set(['SUBSCRIBE', 'UNSUBSCRIBE', 'PSUBSCRIBE', 'PUNSUBSCRIBE', 'SSUBSCRIBE', 'SUNSUBSCRIBE', 'MONITOR', 'SYNC', 'PSYNC']);

/** The commands of one socket that are not answered yet. */
export class WirePending {
  /** Whose they are, the oldest first. */
  #owners: (RequestContext | null)[] = [];
  #isCounting: boolean;

  constructor(socket: net.Socket) {
    // A client that reads into a buffer of its own is not to be watched.
    this.#isCounting = !Object.getOwnPropertySymbols(socket).some(symbol => symbol.description === 'kBuffer' && Boolean(Reflect.get(socket, symbol)));
    if (!this.#isCounting) return;
    const counter = new ReplyCounter(() => this.#answered());
    wrapMethod(socket, 'push', original => (chunk, ...rest) => {
      if (this.#isCounting && Buffer.isBuffer(chunk) && !counter.read(chunk)) this.#giveUp();
      return Reflect.apply(original, socket, [chunk, ...rest]);
    });
    socket.once('close', () => this.#giveUp());
  }

  /** A command is about to be written. @param name in upper case; empty where it is not known */
  sent(owner: RequestContext | null, name: string): void {
    if (uncountable.has(name)) this.#giveUp();
    if (!this.#isCounting) return;
    this.#owners.push(owner);
    if (owner !== null) hold(owner);
  }

  #answered(): void {
    const owner = this.#owners.shift();
    if (owner !== undefined && owner !== null) release(owner);
  }

  #giveUp(): void {
    this.#isCounting = false;
    for (const owner of this.#owners.splice(0)) if (owner !== null) release(owner);
  }
}
