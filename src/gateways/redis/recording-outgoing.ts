/** What the outgoing bytes are written to. */
export interface ByteWriter {
  write(bytes: Buffer): boolean;
  write(bytes: string, encoding: 'latin1'): boolean;
  cork(): void;
  uncork(): void;
}

/**
 * Gathers the commands of one event for one write. Neighbouring views of the same read are joined without a copy, so a pipeline that
 * needs no change leaves as it came.
 */
export class OutgoingBytes {
  readonly #pieces: (Buffer | string)[] = [];

  append(bytes: Buffer | string): void {
    const last = this.#pieces.length - 1;
    const previous = this.#pieces[last];
    if (typeof bytes === 'string') {
      if (typeof previous === 'string') this.#pieces[last] = previous + bytes;
      else this.#pieces.push(bytes);
      return;
    }
    const isNeighbour = previous instanceof Buffer && previous.buffer === bytes.buffer && previous.byteOffset + previous.length === bytes.byteOffset;
    if (isNeighbour) this.#pieces[last] = Buffer.from(bytes.buffer as ArrayBuffer, previous.byteOffset, previous.length + bytes.length);
    else this.#pieces.push(bytes);
  }

  /** Writes all of it; false: the writer wants to be waited for. */
  flushTo(writer: ByteWriter): boolean {
    if (this.#pieces.length === 0) return true;
    let ready = true;
    const isSeveral = this.#pieces.length > 1;
    if (isSeveral) writer.cork();
    for (const piece of this.#pieces.splice(0)) ready = typeof piece === 'string' ? writer.write(piece, 'latin1') : writer.write(piece);
    if (isSeveral) writer.uncork();
    return ready;
  }
}
