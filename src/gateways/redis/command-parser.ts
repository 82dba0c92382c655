import type { ByteString } from '../../lib/bytes.ts';
import { splitInlineArguments } from './inline-arguments.ts';
import { latin1 } from './latin1.ts';
import { maxArguments, maxBulkLength, maxLineLength } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';

const asterisk = 0x2a;
const dollar = 0x24;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Gets each command, name first. `raw`: its bytes as they came (may be a view of the chunk: copy what you keep); empty unless asked for. */
export type CommandListener = (args: ByteString[], raw: Buffer) => void;

const noBytes = Buffer.alloc(0);

/** Options of {@link CommandParser}. */
export interface CommandParserOptions {
  /** Whether the listener gets the raw bytes. */
  readonly keepRaw?: boolean;
  /** Longest argument, Redis' own limit when left out. */
  readonly maxBulkBytes?: number;
  /** Most bytes in the arguments of one command; no limit when left out, as in Redis. */
  readonly maxCommandBytes?: number;
}

/**
 * Reads requests: arrays of bulk strings, and inline commands. Chunks may split anywhere; the state is kept between them, so the
 * work is linear in the bytes however they come.
 */
export class CommandParser {
  readonly #onCommand: CommandListener;
  readonly #raw: RawBytes | undefined;
  #args: ByteString[] = [];
  /** Arguments still to come of the command being read; 0 between commands. */
  #missing = 0;
  /** Bytes still to come of the argument being read, CRLF included; 0: its length comes next. */
  #bulkLeft = 0;
  /** The part of that argument that is here. */
  #pieces: string[] = [];
  /** The part of an unfinished line that is here. */
  #line = '';
  readonly #maxBulkBytes: number;
  readonly #maxCommandBytes: number;
  /** Bytes in the arguments of the command being read. */
  #commandBytes = 0;

  constructor(onCommand: CommandListener, options: CommandParserOptions = {}) {
    this.#onCommand = onCommand;
    this.#maxBulkBytes = options.maxBulkBytes ?? maxBulkLength;
    this.#maxCommandBytes = options.maxCommandBytes ?? Infinity;
    this.#raw = options.keepRaw === true ? new RawBytes() : undefined;
  }

  /** It has the beginning of a command whose rest has not come. */
  get isMidway(): boolean {
    return this.#missing > 0 || this.#line !== '';
  }

  /**
   * Reads on. The listener is called for each complete command, before this returns.
   * @throws ProtocolError at the first byte that cannot be RESP, after the commands before it were given.
   */
  push(chunk: Buffer): void {
    this.#raw?.begin();
    let at = 0;
    while (at < chunk.length) {
      if (this.#bulkLeft > 0) at = this.#readRestOfBulk(chunk, at);
      else if (this.#missing > 0) at = this.#readBulk(chunk, at);
      else at = this.#readStart(chunk, at);
    }
    this.#raw?.keepTail(chunk, this.isMidway);
  }

  /** The start of a command: `*<n>` or an inline command. */
  #readStart(chunk: Buffer, at: number): number {
    if (this.#line === '' && chunk[at] === asterisk) {
      const end = endOfNumber(chunk, at + 1);
      if (end > 0) {
        this.#start(parseDigits(chunk, at + 1, end));
        if (this.#missing === 0) this.#raw?.take(chunk, end + 2);
        return end + 2;
      }
    }
    const next = this.#readLine(chunk, at);
    if (next < 0) {
      if (this.#line.length > maxLineLength) throw new ProtocolError(this.#line.startsWith('*') ? 'too big mbulk count string' : 'too big inline request');
      return chunk.length;
    }
    const line = this.#takeLine();
    if (line.startsWith('*')) this.#start(parseLength(line));
    else this.#inline(line, chunk, next);
    if (this.#missing === 0) this.#raw?.take(chunk, next); // *0, *-1, an empty line: nothing asked, nothing answered
    return next;
  }

  #start(count: number): void {
    if (Number.isNaN(count) || count > maxArguments) throw new ProtocolError('invalid multibulk length');
    this.#missing = Math.max(0, count);
    this.#args = [];
    this.#commandBytes = 0;
  }

  #inline(line: ByteString, chunk: Buffer, next: number): void {
    const args = splitInlineArguments(line);
    if (args === undefined) throw new ProtocolError('unbalanced quotes in request');
    if (args.length > 0) this.#onCommand(args, this.#raw?.take(chunk, next) ?? noBytes);
  }

  /** An argument from its length on; the usual case is that all of it is in the chunk. */
  #readBulk(chunk: Buffer, at: number): number {
    if (this.#line === '' && chunk[at] === dollar) {
      const end = endOfNumber(chunk, at + 1);
      if (end > 0) {
        const length = this.#checkedLength(parseDigits(chunk, at + 1, end));
        const from = end + 2;
        if (from + length + 2 <= chunk.length) {
          this.#argument(latin1(chunk, from, from + length), chunk, from + length + 2);
          return from + length + 2;
        }
        this.#bulkLeft = length + 2;
        return from;
      }
    }
    const next = this.#readLine(chunk, at);
    if (next < 0) {
      if (this.#line.length > maxLineLength) throw new ProtocolError('too big bulk count string');
      return chunk.length;
    }
    const line = this.#takeLine();
    if (!line.startsWith('$')) throw new ProtocolError(`expected '$', got '${line.charAt(0) || ' '}'`);
    this.#bulkLeft = this.#checkedLength(parseLength(line)) + 2;
    return next;
  }

  #checkedLength(length: number): number {
    if (Number.isNaN(length) || length < 0 || length > this.#maxBulkBytes) throw new ProtocolError('invalid bulk length');
    this.#commandBytes += length;
    if (this.#commandBytes > this.#maxCommandBytes) throw new ProtocolError('too big a command');
    return length;
  }

  #readRestOfBulk(chunk: Buffer, at: number): number {
    const next = Math.min(chunk.length, at + this.#bulkLeft);
    const data = Math.min(next - at, this.#bulkLeft - 2);
    if (data > 0) this.#pieces.push(latin1(chunk, at, at + data));
    this.#bulkLeft -= next - at;
    if (this.#bulkLeft === 0) {
      const argument = this.#pieces.join('');
      this.#pieces = [];
      this.#argument(argument, chunk, next);
    }
    return next;
  }

  #argument(argument: ByteString, chunk: Buffer, next: number): void {
    this.#args.push(argument);
    if (--this.#missing > 0) return;
    const args = this.#args;
    this.#args = [];
    this.#onCommand(args, this.#raw?.take(chunk, next) ?? noBytes);
  }

  /** Adds to the line up to its line feed; returns where the next one starts, or -1 when it goes on in the next chunk. */
  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(lineFeed, at);
    this.#line += latin1(chunk, at, end < 0 ? chunk.length : end);
    return end < 0 ? -1 : end + 1;
  }

  #takeLine(): string {
    const line = this.#line;
    this.#line = '';
    if (line.length > maxLineLength && !line.startsWith('*')) throw new ProtocolError('too big inline request');
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

/** The original bytes of the command being read, over as many chunks as it takes. */
class RawBytes {
  #earlier: Buffer[] = [];
  #from = 0;

  begin(): void {
    this.#from = 0;
  }

  take(chunk: Buffer, end: number): Buffer {
    const here = chunk.subarray(this.#from, end);
    this.#from = end;
    if (this.#earlier.length === 0) return here;
    const whole = Buffer.concat([...this.#earlier, here]);
    this.#earlier = [];
    return whole;
  }

  keepTail(chunk: Buffer, unfinished: boolean): void {
    if (unfinished && this.#from < chunk.length) this.#earlier.push(chunk.subarray(this.#from));
  }
}

/** Where the digits that start at `at` end, if CRLF follows them in this chunk; else -1. */
function endOfNumber(chunk: Buffer, at: number): number {
  let end = at;
  while (end - at < 10) {
    const byte = chunk[end];
    if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    end++;
  }
  return end > at && chunk[end] === carriageReturn && chunk[end + 1] === lineFeed ? end : -1;
}

function parseDigits(chunk: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + (chunk[at] as number) - 0x30;
  // As Redis' string2ll: no leading zero.
  return to - from > 1 && chunk[from] === 0x30 ? Number.NaN : value;
}

/** The number after the type byte of a line; NaN when it is none. */
function parseLength(line: string): number {
  return /^.(0|-?[1-9]\d{0,18})$/s.test(line) ? Number(line.slice(1)) : Number.NaN;
}
