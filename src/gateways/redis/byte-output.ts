import type { ByteString } from '../../lib/bytes.ts';
import type { ByteSink } from './output-buffer.ts';

const blockBytes = 64 * 1024;
/** Longer bytes are handed on as they are; shorter ones are copied, which costs less than a write of their own. */
const copyLimit = 8 * 1024;

/** The last block whose sink has let go of it. */
let spare: Buffer | undefined;

/** Node's own method behind `write(text, at, 'latin1')`. */
interface Latin1Writable {
  latin1Write(text: string, at: number): number;
}

/** Gathers text and bytes to write them with few writes; long bytes are never copied. For replies that carry payloads: `OutputBuffer` gathers text alone. */
export class ByteOutput {
  readonly #pieces: Uint8Array[] = [];
  #block: Buffer | undefined;
  /** What of the block is not among the pieces yet. */
  #from = 0;
  #at = 0;
  #size = 0;

  /** Bytes gathered. */
  get size(): number {
    return this.#size;
  }

  /** Adds text, one char a byte. */
  append(text: ByteString): void {
    if (text.length > copyLimit) return this.appendBytes(Buffer.from(text, 'latin1'));
    const block = this.#room(text.length);
    this.#at += (block as Buffer & Latin1Writable).latin1Write(text, this.#at);
    this.#size += text.length;
  }

  /** Adds bytes, which must not change until they are written. */
  appendBytes(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (bytes.length > copyLimit) {
      this.#close();
      this.#pieces.push(bytes);
      return;
    }
    this.#room(bytes.length).set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Writes what was gathered; is empty afterwards. */
  flushTo(sink: ByteSink): void {
    if (this.#size === 0) return;
    this.#close();
    if (this.#pieces.length > 1) sink.cork?.();
    for (const piece of this.#pieces) sink.write(piece);
    if (this.#pieces.length > 1) sink.uncork?.();
    if (sink.writableLength === 0) spare = this.#block; // it is with the kernel
    this.#pieces.length = 0;
    this.#block = undefined;
    this.#from = this.#at = this.#size = 0;
  }

  /** The block to write on, with room for so many bytes. */
  #room(bytes: number): Buffer {
    if (this.#block !== undefined && this.#at + bytes <= blockBytes) return this.#block;
    this.#close();
    const block = spare ?? Buffer.allocUnsafeSlow(blockBytes);
    spare = undefined;
    this.#block = block;
    this.#from = this.#at = 0;
    return block;
  }

  #close(): void {
    if (this.#block === undefined || this.#at === this.#from) return;
    this.#pieces.push(this.#block.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }
}
