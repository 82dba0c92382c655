import { ProtocolError } from './protocol-error.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** Digits of a length or count line, sign included. */
const maxNumberLength = 20;

/** One complete top-level reply. */
export interface ReplyFrame {
  /** A RESP3 out-of-band message (`>`): it answers no command. (On RESP2 pub/sub messages look like ordinary arrays.) */
  readonly push: boolean;
  /** An error reply (`-` or `!`). */
  readonly error: boolean;
  /** Offset in the chunk just pushed where the frame ends; it began where the frame before it ended, maybe in an earlier chunk. */
  readonly end: number;
}

/** What of a line or a body comes next. */
type Expecting = 'type' | 'number' | 'line' | 'body';

/**
 * Finds the boundaries of replies without decoding them, for a proxy that forwards the original bytes. The state is kept between
 * chunks, so a reply over thousands of them is read once. Method: count the values still needed; a value takes one, an aggregate
 * of n adds n (a map 2n, an attribute 2n and itself, since it precedes the real value); at zero the reply is complete.
 */
export class ReplyFramer {
  readonly #onFrame: (frame: ReplyFrame) => void;
  /** Values still needed; 0 between frames. */
  #need = 0;
  #expecting: Expecting = 'type';
  /** Type byte of the value being read. */
  #type = 0;
  /** Type byte of the top-level value; 0 while only attributes were seen. */
  #top = 0;
  #number = 0;
  #negative = false;
  #numberLength = 0;
  /** Bytes of the body still to come, CRLF included. */
  #bodyLeft = 0;
  /** `need` at which the attributes before a top-level value end. */
  #depthOfTop = 1;

  constructor(onFrame: (frame: ReplyFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** What the bytes since the last complete frame belong to. */
  get partial(): 'none' | 'push' | 'reply' {
    if (this.#need === 0) return 'none';
    return this.#top === 0x3e ? 'push' : 'reply';
  }

  /**
   * Reads on; the listener is called for each frame that ends in this chunk, in order.
   * @throws ProtocolError at the first byte that cannot be RESP.
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#expecting) {
        case 'type': at = this.#readType(chunk, at); break;
        case 'number': at = this.#readNumber(chunk, at); break;
        case 'line': at = this.#skipLine(chunk, at); break;
        case 'body': at = this.#skipBody(chunk, at); break;
      }
    }
  }

  #readType(chunk: Buffer, at: number): number {
    const type = chunk[at] as number;
    if (this.#need === 0) {
      this.#need = 1;
      this.#depthOfTop = 1;
      this.#top = 0;
    }
    this.#type = type;
    switch (type) {
      case 0x2b: case 0x2d: case 0x3a: case 0x5f: case 0x2c: case 0x23: case 0x28: // + - : _ , # (
        this.#expecting = 'line';
        break;
      case 0x24: case 0x3d: case 0x21: case 0x2a: case 0x7e: case 0x3e: case 0x25: case 0x7c: // $ = ! * ~ > % |
        this.#expecting = 'number';
        this.#number = 0;
        this.#numberLength = 0;
        this.#negative = false;
        break;
      default: throw new ProtocolError(`unexpected reply type byte 0x${type.toString(16).padStart(2, '0')}`);
    }
    if (this.#top === 0 && this.#need === this.#depthOfTop && type !== 0x7c) this.#top = type;
    return at + 1;
  }

  #readNumber(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte >= 0x30 && byte <= 0x39) this.#number = this.#number * 10 + byte - 0x30;
      else if (byte === lineFeed) return this.#numberRead(at + 1);
      else if (byte === 0x2d && this.#numberLength === 0) this.#negative = true;
      else if (byte !== carriageReturn) break;
      if (++this.#numberLength > maxNumberLength) break;
      if (at + 1 === chunk.length) return chunk.length;
    }
    throw new ProtocolError('invalid length in a reply');
  }

  #numberRead(next: number): number {
    if (this.#numberLength === 0) throw new ProtocolError('invalid length in a reply');
    switch (this.#type) {
      case 0x24: case 0x3d: case 0x21: // $ = !
        if (this.#negative) return this.#valueRead(next);
        this.#expecting = 'body';
        this.#bodyLeft = this.#number + 2;
        return next;
      case 0x25: return this.#aggregate(2 * this.#number, next); // %
      case 0x7c: // |: the value it describes is still needed
        this.#need += 2 * this.#number;
        this.#expecting = 'type';
        return next;
      default: return this.#aggregate(this.#number, next);
    }
  }

  #aggregate(values: number, next: number): number {
    if (!this.#negative) this.#need += values;
    return this.#valueRead(next);
  }

  #skipLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(lineFeed, at);
    return end < 0 ? chunk.length : this.#valueRead(end + 1);
  }

  #skipBody(chunk: Buffer, at: number): number {
    const next = Math.min(chunk.length, at + this.#bodyLeft);
    this.#bodyLeft -= next - at;
    return this.#bodyLeft === 0 ? this.#valueRead(next) : next;
  }

  #valueRead(next: number): number {
    this.#expecting = 'type';
    if (--this.#need === 0) this.#onFrame({ push: this.#top === 0x3e, error: this.#top === 0x2d || this.#top === 0x21, end: next });
    return next;
  }
}
