import { Fifo } from '../../lib/fifo.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { PendingCommand } from './pending-command.ts';

/** Keeps replies in the order of the requests: RESP has no ids, so a client matches them by order alone. */
export class ReplyOrder {
  readonly #queue: Fifo<PendingCommand> = new Fifo();
  readonly #out: OutputBuffer;

  constructor(out: OutputBuffer) {
    this.#out = out;
  }

  /** Nothing is waiting: a reply may go out at once. */
  get isEmpty(): boolean {
    return this.#queue.size === 0;
  }

  add(command: PendingCommand): void {
    command.queued = true;
    this.#queue.push(command);
  }

  /** Lets out what is answered, up to the first command that is not. Returns how many replies that was. */
  drain(): number {
    const before = this.#queue.size;
    for (let first = this.#queue.first; first?.answered === true; first = this.#queue.first) {
      this.#queue.shift();
      first.moveTo(this.#out);
    }
    return before - this.#queue.size;
  }
}
