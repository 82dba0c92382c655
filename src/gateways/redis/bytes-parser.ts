import { latin1 } from './latin1.ts';
import { maxBulkLength } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';
import { RedisCommandError, type RedisValue } from './redis-value.ts';

const lineFeed = 0x0a;
const dollar = 0x24;
/** A line is a number, a word or an error; longer ones than this are no Redis talking. */
const maxLine = 1024 * 1024;

/** An array whose items are still coming. */
interface OpenArray {
  readonly items: RedisValue[];
  left: number;
}

/**
 * Decodes RESP2 for our own client: bulk strings come as byte strings, or as bytes where the caller of a batch wants those. Bytes are views of what was read, without a
 * copy: a third of the work of text that is made into bytes again (docs/decisions/0007-client-of-redis-state-nodes.md).
 */
export class BytesParser {
  readonly #onReply: (reply: RedisValue | RedisCommandError) => void;
  readonly #wantsBytes: () => boolean;
  readonly #open: OpenArray[] = [];
  #line = '';
  /** A bulk string that did not come in one piece, and its bytes still to come, CRLF included. */
  #body: Buffer | undefined;
  #bodyLeft = 0;

  /** @param wantsBytes asked for each bulk string: is the reply that comes now one that is wanted in bytes? */
  constructor(onReply: (reply: RedisValue | RedisCommandError) => void, wantsBytes: () => boolean) {
    this.#onReply = onReply;
    this.#wantsBytes = wantsBytes;
  }

  /** Reads on; the listener is called for each complete reply. @throws ProtocolError at the first line that cannot be RESP2 */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#body === undefined ? this.#readLine(chunk, at) : this.#readBody(chunk, at, this.#body);
  }

  #readLine(chunk: Buffer, at: number): number {
    if (this.#line === '' && chunk[at] === dollar) {
      const next = this.#readLength(chunk, at + 1);
      if (next > 0) return next;
    }
    const end = chunk.indexOf(lineFeed, at);
    this.#line += latin1(chunk, at, end < 0 ? chunk.length : end);
    if (this.#line.length > maxLine) throw new ProtocolError('too long a line in a reply');
    if (end < 0) return chunk.length;
    const line = this.#line;
    this.#line = '';
    return this.#lineRead(line.charCodeAt(line.length - 1) === 0x0d ? line.slice(0, -1) : line, chunk, end + 1);
  }

  /** The common line by a short way: the length of a bulk string that is here as a whole. 0: it is another one. */
  #readLength(chunk: Buffer, start: number): number {
    let length = 0;
    for (let at = start; at < start + 10; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === 0x0d && chunk[at + 1] === lineFeed && at > start) return this.#startBody(length, chunk, at + 2);
      if (byte < 0x30 || byte > 0x39) return 0;
      length = length * 10 + byte - 0x30;
    }
    return 0;
  }

  #lineRead(line: string, chunk: Buffer, next: number): number {
    switch (line.charAt(0)) {
      case '$': return this.#startBody(numberOf(line), chunk, next);
      case '*': {
        const count = numberOf(line);
        if (count > 0) this.#open.push({ items: [], left: count });
        else this.#value(count < 0 ? null : []);
        return next;
      }
      case '+': this.#value(line.slice(1)); return next;
      case ':': this.#value(numberOf(line)); return next;
      case '-': this.#failed(new RedisCommandError(line.slice(1))); return next;
      default: throw new ProtocolError(`unexpected reply ${JSON.stringify(line.slice(0, 40))}`);
    }
  }

  #startBody(length: number, chunk: Buffer, at: number): number {
    if (length > maxBulkLength) throw new ProtocolError('invalid length in a reply');
    if (length < 0) {
      this.#value(null);
      return at;
    }
    if (at + length + 2 <= chunk.length) {
      this.#value(this.#wantsBytes() ? chunk.subarray(at, at + length) : latin1(chunk, at, at + length));
      return at + length + 2;
    }
    this.#body = Buffer.allocUnsafeSlow(length);
    this.#bodyLeft = length + 2;
    return at;
  }

  #readBody(chunk: Buffer, at: number, body: Buffer): number {
    const next = Math.min(chunk.length, at + this.#bodyLeft);
    const filled = body.length + 2 - this.#bodyLeft;
    if (filled < body.length) chunk.copy(body, filled, at, next);
    this.#bodyLeft -= next - at;
    if (this.#bodyLeft === 0) {
      this.#body = undefined;
      this.#value(this.#wantsBytes() ? body : latin1(body, 0, body.length));
    }
    return next;
  }

  /** An error inside an array is a value of it; RESP2 has that only for scripts and transactions, which we read as a whole. */
  #failed(error: RedisCommandError): void {
    if (this.#open.length === 0) return this.#onReply(error);
    throw new ProtocolError(`an error inside a reply: ${error.message}`);
  }

  /** A value is complete: it ends every array of which it is the last item. */
  #value(complete: RedisValue): void {
    let value = complete;
    for (;;) {
      const parent = this.#open.at(-1);
      if (parent === undefined) return this.#onReply(value);
      parent.items.push(value);
      if (--parent.left > 0) return;
      this.#open.pop();
      value = parent.items;
    }
  }
}

function numberOf(line: string): number {
  const value = line.length > 1 ? Number(line.slice(1)) : Number.NaN;
  if (!Number.isInteger(value)) throw new ProtocolError(`invalid number in a reply: ${JSON.stringify(line.slice(0, 40))}`);
  return value;
}
