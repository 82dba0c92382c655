import type { ByteString } from '../../lib/bytes.ts';

/** Pieces longer than this are written as they are, not joined to others: joining would copy them. */
const joinLimit = 256 * 1024;

/** Where gathered bytes go: a socket, usually. */
export interface ByteSink {
  write(text: string, encoding: 'latin1'): unknown;
  cork?(): void;
  uncork?(): void;
}

/** Gathers everything that one event answers and writes it once. Text is bytes, one char each. */
export class OutputBuffer {
  #text = '';
  readonly #full: string[] = [];

  /** Whether there is nothing to write. */
  get isEmpty(): boolean {
    return this.#text === '' && this.#full.length === 0;
  }

  /** Adds bytes. */
  append(text: ByteString): void {
    if (text.length <= joinLimit) {
      this.#text += text;
      if (this.#text.length > joinLimit) this.#rotate();
      return;
    }
    this.#rotate();
    this.#full.push(text);
  }

  /** Writes what was gathered, in one piece unless it is large, and is empty again. */
  flushTo(sink: ByteSink): void {
    if (this.#full.length === 0) {
      const text = this.#text;
      this.#text = '';
      if (text !== '') sink.write(text, 'latin1');
      return;
    }
    this.#rotate();
    sink.cork?.();
    for (const piece of this.#full.splice(0)) sink.write(piece, 'latin1');
    sink.uncork?.();
  }

  /** Adds everything gathered to another buffer; is empty afterwards. */
  moveTo(other: OutputBuffer): void {
    for (const piece of this.#full.splice(0)) other.append(piece);
    if (this.#text !== '') other.append(this.#text);
    this.#text = '';
  }

  /** Everything gathered as one string; is empty afterwards. */
  take(): ByteString {
    this.#rotate();
    return this.#full.splice(0).join('');
  }

  #rotate(): void {
    if (this.#text === '') return;
    this.#full.push(this.#text);
    this.#text = '';
  }
}
