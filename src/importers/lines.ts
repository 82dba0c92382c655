/** One line without its end. */
export interface Line {
  /** From 1 on. */
  readonly number: number;
  /** A string of its own: whoever keeps a part of it keeps no more than this line. Only the start where the line is too long. */
  readonly text: string;
  readonly isTooLong: boolean;
}

/** Options of {@link lines}. */
export interface LinesOptions {
  /** Default `latin1`: one char a byte, lossless. */
  readonly encoding?: 'latin1' | 'utf8';
  /** Default 16 MB. */
  readonly limitBytes?: number;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const defaultLimitBytes = 16 * 1024 * 1024;
/** What is kept of a line that is too long. */
const keptOfTooLongBytes = 256;

/**
 * The lines of a stream of chunks, in batches: about one a chunk. CRLF and LF end a line, the end of the input too; a byte order mark
 * at the start is left out. Of a line over the limit only the start is given, marked, and no more is kept while it passes.
 */
export async function* lines(chunks: AsyncIterable<Buffer>, options: LinesOptions = {}): AsyncGenerator<readonly Line[]> {
  const splitter = new LineSplitter(options);
  for await (const chunk of chunks) {
    const batch = splitter.push(chunk);
    if (batch.length > 0) yield batch;
  }
  const last = splitter.end();
  if (last !== undefined) yield [last];
}

class LineSplitter {
  readonly #encoding: BufferEncoding;
  readonly #limitBytes: number;
  /** Pieces of the line that has not ended yet. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #number = 0;

  constructor(options: LinesOptions) {
    this.#encoding = options.encoding ?? 'latin1';
    this.#limitBytes = options.limitBytes ?? defaultLimitBytes;
  }

  push(chunk: Buffer): Line[] {
    const batch: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      batch.push(this.#pendingBytes === 0 ? this.#line(chunk, from, at) : this.#joined(chunk.subarray(from, at)));
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return batch;
  }

  end(): Line | undefined {
    return this.#pendingBytes === 0 ? undefined : this.#joined(Buffer.alloc(0));
  }

  #keep(piece: Buffer): void {
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes <= this.#limitBytes) this.#pending.push(piece);
    // over the limit what comes is only counted, and of what came the start is kept
    else if (this.#pending.length !== 1) this.#pending = [Buffer.from(Buffer.concat([...this.#pending, piece]).subarray(0, keptOfTooLongBytes))];
  }

  #joined(rest: Buffer): Line {
    this.#keep(rest);
    const isTooLong = this.#pendingBytes > this.#limitBytes;
    const whole = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!isTooLong) return this.#line(whole, 0, whole.length);
    return { number: ++this.#number, text: whole.toString(this.#encoding, 0, keptOfTooLongBytes), isTooLong };
  }

  #line(bytes: Buffer, start: number, end: number): Line {
    const from = this.#number === 0 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf ? start + 3 : start;
    const to = end > from && bytes[end - 1] === carriageReturn ? end - 1 : end;
    const isTooLong = to - from > this.#limitBytes;
    return { number: ++this.#number, text: bytes.toString(this.#encoding, from, isTooLong ? from + keptOfTooLongBytes : to), isTooLong };
  }
}
