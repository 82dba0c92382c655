import type { ByteString } from './bytes.ts';

/** Bytes that do not have the form their reader expects: truncated, over-long or impossible. */
export class ByteFormatError extends Error {
  override readonly name = 'ByteFormatError';
}

/** Writes varints, doubles and byte strings into one growing buffer. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param capacity bytes to begin with; it grows as needed */
  constructor(capacity = 64) {
    this.#buffer = Buffer.allocUnsafe(Math.max(16, capacity));
  }

  /** One byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** An unsigned integer below 2^53, seven bits a byte, low ones first (LEB128). */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** An IEEE 754 double, big endian: exact for every number. */
  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  /** A byte string after its length. */
  text(value: ByteString): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  /** What was written so far; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what {@link ByteWriter} wrote; every read is checked against the end and throws {@link ByteFormatError} beyond it. */
export class ByteReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#buffer.length - this.#offset;
  }

  /** One byte. */
  byte(): number {
    return this.#buffer[this.#take(1)] as number;
  }

  /** An unsigned integer below 2^53 in its shortest form. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let length = 1; length <= 8; length++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if ((byte === 0 && length > 1) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 0x80;
    }
    throw new ByteFormatError(`no valid integer at byte ${this.#offset}`);
  }

  /** An IEEE 754 double, big endian. */
  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  /** A byte string after its length. */
  text(): ByteString {
    const length = this.varint();
    const start = this.#take(length);
    return this.#buffer.toString('latin1', start, start + length);
  }

  /**
   * The number of items that follow, each of at least `itemBytes` bytes: a number that cannot fit into what is left is
   * refused before anything is allocated for it.
   */
  count(itemBytes: number): number {
    const count = this.varint();
    if (count * itemBytes > this.remaining) throw new ByteFormatError(`${count} items do not fit into ${this.remaining} bytes`);
    return count;
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.remaining > 0) throw new ByteFormatError(`${this.remaining} bytes after the end`);
  }

  #take(bytes: number): number {
    if (bytes > this.remaining) throw new ByteFormatError(`${bytes} bytes wanted at byte ${this.#offset}, ${this.remaining} left`);
    const start = this.#offset;
    this.#offset += bytes;
    return start;
  }
}
