/** A reply of memcached: the word it begins with, the rest of its line, and what came with it. */
export interface MemcachedReply {
  /** Of the meta commands `HD`, `VA`, `EN`, `NF`, `NS`, `EX`; else the first word of the line: `SERVER_ERROR`, `VERSION`, `END` after lines of `STAT`. */
  readonly status: string;
  /** What follows on the line; for `VA` without the size. */
  readonly text: string;
  /** The bytes of `VA`. */
  readonly value?: Buffer;
  /** Lines of `STAT` before `END`. */
  readonly stats?: ReadonlyMap<string, string>;
}

const lineFeed = 0x0a;
/** A line of a reply is a word and some flags; longer ones than this are no memcached talking. */
const maxLineLength = 8192;

/** A value that is still coming. */
interface OpenValue {
  readonly text: string;
  readonly bytes: Buffer;
  filled: number;
  endLeft: number;
}

/**
 * Decodes replies to meta commands, `version` and `stats` (memcached's doc/protocol.txt). Chunks may split anywhere; a value is gathered in one
 * buffer of its own, so that no read buffer stays alive for its sake.
 */
export class MemcachedParser {
  readonly #onReply: (reply: MemcachedReply) => void;
  readonly #maxValueBytes: number;
  #line = '';
  #stats: Map<string, string> | undefined;
  #value: OpenValue | undefined;

  /** @param maxValueBytes longer values are taken for another protocol */
  constructor(onReply: (reply: MemcachedReply) => void, maxValueBytes: number) {
    this.#onReply = onReply;
    this.#maxValueBytes = maxValueBytes;
  }

  /** Reads on; the listener is called for each complete reply. @throws Error at the first line that cannot be memcached's */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#value === undefined ? this.#readLine(chunk, at) : this.#readValue(chunk, at, this.#value);
  }

  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(lineFeed, at);
    this.#line += chunk.toString('latin1', at, end < 0 ? chunk.length : end);
    if (this.#line.length > maxLineLength) throw new Error('too long a line in a reply');
    if (end < 0) return chunk.length;
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    this.#lineRead(line);
    return end + 1;
  }

  #lineRead(line: string): void {
    const [, status = '', text = ''] = /^(\S*) ?(.*)$/s.exec(line) ?? [];
    if (!/^[A-Z_]+$/.test(status)) throw new Error(`unexpected reply ${JSON.stringify(line.slice(0, 80))}`);
    if (status === 'STAT') {
      const space = text.indexOf(' ');
      (this.#stats ??= new Map()).set(text.slice(0, space), text.slice(space + 1));
    } else if (status === 'VA') {
      this.#startValue(text);
    } else if (status === 'END') {
      const stats = this.#stats ?? new Map<string, string>();
      this.#stats = undefined;
      this.#onReply({ status, text, stats });
    } else {
      this.#onReply({ status, text });
    }
  }

  #startValue(text: string): void {
    const [, size = '', flags = ''] = /^(\d+) ?(.*)$/s.exec(text) ?? [];
    if (size === '' || Number(size) > this.#maxValueBytes) throw new Error(`invalid length in a reply: ${JSON.stringify(text.slice(0, 80))}`);
    this.#value = { text: flags, bytes: Buffer.allocUnsafeSlow(Number(size)), filled: 0, endLeft: 2 };
  }

  #readValue(chunk: Buffer, at: number, value: OpenValue): number {
    const taken = Math.min(chunk.length - at, value.bytes.length - value.filled);
    chunk.copy(value.bytes, value.filled, at, at + taken);
    value.filled += taken;
    const next = Math.min(chunk.length, at + taken + (value.filled === value.bytes.length ? value.endLeft : 0));
    value.endLeft -= next - at - taken;
    if (value.filled === value.bytes.length && value.endLeft === 0) {
      this.#value = undefined;
      this.#onReply({ status: 'VA', text: value.text, value: value.bytes });
    }
    return next;
  }
}

/** The argument of a flag in a reply's text: `c` in `f1 c123` is `123`; undefined where the flag is not there. */
export function replyFlag(reply: MemcachedReply, flag: string): string | undefined {
  return reply.text.split(' ').find((word) => word.startsWith(flag))?.slice(1);
}
