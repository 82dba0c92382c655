import type { ByteString } from '../../lib/bytes.ts';

/** Longer texts are kept as they are: joined to others they would be copied twice. */
const joinLimit = 512;
/** Joined texts are closed at this length. */
const closeFrom = 16 * 1024;
/** Up to this much is put together and written at once; beyond it each text is written as it is. */
const gatherLimit = 64 * 1024;

/** Where gathered bytes go: a socket, usually. */
export interface ByteSink {
  write(text: string, encoding: 'latin1'): unknown;
  write(bytes: Uint8Array): unknown;
  cork?(): void;
  uncork?(): void;
  /** Bytes it still holds itself. */
  readonly writableLength?: number;
}

/** What the last gathered write used, if its sink has let go of it. One for all: a write fills it and hands it over at once. */
let spare: Buffer | undefined;

/** Gathers everything that one event answers and writes it once. Text is bytes, one char each. */
export class OutputBuffer {
  #text = '';
  #closedLength = 0;
  readonly #closed: string[] = [];

  /** Whether there is nothing to write. */
  get isEmpty(): boolean {
    return this.#text === '' && this.#closed.length === 0;
  }

  /** Adds bytes. */
  append(text: ByteString): void {
    if (text.length <= joinLimit) {
      this.#text += text;
      if (this.#text.length > closeFrom) this.#close();
      return;
    }
    this.#close();
    this.#closed.push(text);
    this.#closedLength += text.length;
  }

  /** Writes what was gathered, in one piece unless it is large, and is empty again. */
  flushTo(sink: ByteSink): void {
    if (this.#closed.length === 0) {
      const text = this.#text;
      this.#text = '';
      if (text !== '') sink.write(text, 'latin1');
      return;
    }
    this.#close();
    if (this.#closedLength <= gatherLimit) writeGathered(this.#closed, this.#closedLength, sink);
    else writeEach(this.#closed, sink);
    this.#clear();
  }

  /** Adds everything gathered to another buffer; is empty afterwards. */
  moveTo(other: OutputBuffer): void {
    for (const piece of this.#closed) other.append(piece);
    if (this.#text !== '') other.append(this.#text);
    this.#text = '';
    this.#clear();
  }

  /** Everything gathered as one string; is empty afterwards. */
  take(): ByteString {
    this.#close();
    const all = this.#closed.join('');
    this.#clear();
    return all;
  }

  #close(): void {
    if (this.#text === '') return;
    this.#closed.push(this.#text);
    this.#closedLength += this.#text.length;
    this.#text = '';
  }

  #clear(): void {
    this.#closed.length = 0;
    this.#closedLength = 0;
  }
}

/** Bytes, not a joined string: the runtime would first make one string of it and then copy that. */
function writeGathered(pieces: readonly string[], length: number, sink: ByteSink): void {
  const bytes = spare ?? Buffer.allocUnsafeSlow(gatherLimit);
  spare = undefined;
  let at = 0;
  for (const piece of pieces) at += bytes.write(piece, at, 'latin1');
  sink.write(bytes.subarray(0, length));
  if (sink.writableLength === 0) spare = bytes; // it is with the kernel
}

function writeEach(pieces: readonly string[], sink: ByteSink): void {
  sink.cork?.();
  for (const piece of pieces) sink.write(piece, 'latin1');
  sink.uncork?.();
}
