/** Counts the replies that come on a connection to Redis, without reading what they say. */

interface Aggregate {
  /** Elements still to come. */
  left: number;
  /** A push answers no command; attributes come before what they are about. */
  readonly kind: 'reply' | 'push' | 'attribute';
}

/** RESP2 and RESP3, in pieces of any size. */
export class ReplyCounter {
  readonly #onReply: () => void;
  readonly #open: Aggregate[] = [];
  /** Bytes of a text still to come, its line end included. */
  #skip = 0;
  #rest: Buffer | undefined;

  constructor(onReply: () => void) {
    this.#onReply = onReply;
  }

  /** False once it is no RESP: nothing is counted any more. */
  read(chunk: Buffer): boolean {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#ended('reply');
        continue;
      }
      const end = bytes.indexOf('\r\n', at);
      if (end < 0) {
        this.#rest = bytes.subarray(at);
        break;
      }
      if (!this.#line(bytes[at], bytes.toString('latin1', at + 1, end))) return false;
      at = end + 2;
    }
    return true;
  }

  #line(type: number | undefined, text: string): boolean {
    switch (String.fromCharCode(type ?? 0)) {
      case '+': case '-': case ':': case '_': case ',': case '#': case '(': this.#ended('reply'); return true;
      case '$': case '=': case '!': return this.#text(Number(text));
      case '*': case '~': return this.#aggregate(Number(text), 'reply');
      case '>': return this.#aggregate(Number(text), 'push');
      case '%': return this.#aggregate(Number(text) * 2, 'reply');
      case '|': return this.#aggregate(Number(text) * 2, 'attribute');
      default: return false;
    }
  }

  #text(size: number): boolean {
    if (size >= 0) this.#skip = size + 2;
    else this.#ended('reply');
    return Number.isInteger(size);
  }

  #aggregate(count: number, kind: Aggregate['kind']): boolean {
    if (count > 0) this.#open.push({ left: count, kind });
    else this.#ended(kind);
    return Number.isInteger(count);
  }

  /** Something is whole; with it, maybe, what it is the last element of. */
  #ended(ended: Aggregate['kind']): void {
    let kind = ended;
    while (kind !== 'attribute') {
      const outer = this.#open.at(-1);
      if (outer === undefined) {
        if (kind === 'reply') this.#onReply();
        return;
      }
      if (--outer.left > 0) return;
      this.#open.pop();
      kind = outer.kind;
    }
  }
}
