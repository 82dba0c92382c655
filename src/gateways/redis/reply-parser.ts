import type { ByteString } from '../../lib/bytes.ts';
import { DoubleReply, ErrorReply, MapReply, NULL_ARRAY, PushReply, SetReply, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { latin1 } from './latin1.ts';
import { maxBulkLength } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';

const lineFeed = 0x0a;
/** Simple strings and errors are lines; longer ones than this are no Redis talking. */
const maxLineLength = 16 * 1024 * 1024;
const maxItems = 2 ** 32 - 1;

/** An aggregate whose items are still coming. */
interface OpenAggregate {
  readonly type: string;
  readonly items: Reply[];
  left: number;
}

/**
 * Decodes replies, RESP2 and RESP3. Attributes are dropped. Integers beyond 2^53 and big numbers come as bigint. Chunks may split
 * anywhere; nesting is kept on a stack of its own, so neither length nor depth of a reply can overflow.
 */
export class ReplyParser {
  readonly #onReply: (reply: Reply) => void;
  readonly #open: OpenAggregate[] = [];
  #line = '';
  /** Type of the body being read, and its bytes still to come, CRLF included; 0: a line comes next. */
  #bodyType = '';
  #bodyLeft = 0;
  #pieces: string[] = [];

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  /**
   * Reads on; the listener is called for each complete top-level reply.
   * @throws ProtocolError at the first line that cannot be RESP, after the replies before it were given.
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#bodyLeft > 0 ? this.#readBody(chunk, at) : this.#readLine(chunk, at);
  }

  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(lineFeed, at);
    const part = latin1(chunk, at, end < 0 ? chunk.length : end);
    const line = this.#line === '' ? part : this.#line + part;
    if (line.length > maxLineLength) throw new ProtocolError('too long a line in a reply');
    if (end < 0) {
      this.#line = line;
      return chunk.length;
    }
    this.#line = '';
    this.#lineRead(line.endsWith('\r') ? line.slice(0, -1) : line);
    return end + 1;
  }

  #lineRead(line: string): void {
    const type = line.charAt(0);
    switch (type) {
      case '+': return this.#value(new SimpleReply(line.slice(1)));
      case '-': return this.#value(new ErrorReply(line.slice(1)));
      case ':': return this.#value(integer(line));
      case '_': return this.#value(null);
      case '#': return this.#value(boolean(line));
      case ',': return this.#value(new DoubleReply(double(line)));
      case '(': return this.#value(bigNumber(line));
      case '$': case '=': case '!': return this.#startBody(type, length(line, maxBulkLength));
      case '*': case '~': case '>': case '%': case '|': return this.#startAggregate(type, length(line, maxItems));
      default: throw new ProtocolError(`unexpected reply type ${JSON.stringify(type)}`);
    }
  }

  #startBody(type: string, bytes: number): void {
    if (bytes < 0) return this.#value(null);
    this.#bodyType = type;
    this.#bodyLeft = bytes + 2;
  }

  #readBody(chunk: Buffer, at: number): number {
    const next = Math.min(chunk.length, at + this.#bodyLeft);
    const data = Math.min(next - at, this.#bodyLeft - 2);
    if (data > 0) this.#pieces.push(latin1(chunk, at, at + data));
    this.#bodyLeft -= next - at;
    if (this.#bodyLeft === 0) {
      const [first] = this.#pieces;
      const text = this.#pieces.length === 1 && first !== undefined ? first : this.#pieces.join('');
      this.#pieces = [];
      this.#value(body(this.#bodyType, text));
    }
    return next;
  }

  #startAggregate(type: string, count: number): void {
    if (count < 0) return this.#value(NULL_ARRAY);
    if (count === 0) return type === '|' ? undefined : this.#value(aggregate(type, []));
    this.#open.push({ type, items: [], left: type === '%' || type === '|' ? 2 * count : count });
  }

  /** A value is complete: it ends every aggregate of which it is the last item. */
  #value(complete: Reply): void {
    let value = complete;
    for (;;) {
      const parent = this.#open.at(-1);
      if (parent === undefined) return this.#onReply(value);
      parent.items.push(value);
      if (--parent.left > 0) return;
      this.#open.pop();
      if (parent.type === '|') return; // an attribute is no value
      value = aggregate(parent.type, parent.items);
    }
  }
}

function aggregate(type: string, items: readonly Reply[]): Reply {
  switch (type) {
    case '%': return new MapReply(items);
    case '~': return new SetReply(items);
    case '>': return new PushReply(items);
    default: return items;
  }
}

function body(type: string, text: ByteString): Reply {
  switch (type) {
    case '!': return new ErrorReply(text);
    case '=': return text.charAt(3) === ':' ? new VerbatimReply(text.slice(4), text.slice(0, 3)) : new VerbatimReply(text);
    default: return text;
  }
}

function length(line: string, max: number): number {
  const value = /^.(0|-1|[1-9]\d{0,18})$/s.test(line) ? Number(line.slice(1)) : Number.NaN;
  if (Number.isNaN(value) || value > max) throw new ProtocolError('invalid length in a reply');
  return value;
}

function integer(line: string): number | bigint {
  if (!/^:[-+]?\d{1,19}$/.test(line)) throw new ProtocolError('invalid integer in a reply');
  const value = Number(line.slice(1));
  return Number.isSafeInteger(value) ? value + 0 : BigInt(line.slice(1));
}

function bigNumber(line: string): bigint {
  if (!/^\([-+]?\d+$/.test(line)) throw new ProtocolError('invalid big number in a reply');
  return BigInt(line.slice(1));
}

function boolean(line: string): boolean {
  if (line !== '#t' && line !== '#f') throw new ProtocolError('invalid boolean in a reply');
  return line === '#t';
}

function double(line: string): number {
  const text = line.slice(1).toLowerCase();
  switch (text) {
    case 'inf': case '+inf': return Infinity;
    case '-inf': return -Infinity;
    case 'nan': case '-nan': return Number.NaN;
    default:
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/.test(text)) throw new ProtocolError('invalid double in a reply');
      return Number(text);
  }
}
