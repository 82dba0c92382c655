/** Keeps the bytes that pass, up to a limit; beyond it they are counted and the copy is said to be truncated. */
export class ByteCollector {
  readonly #limitBytes: number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #seen = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes a view of the chunk: callers pass chunks that nobody reuses. */
  add(chunk: Buffer): void {
    this.#seen += chunk.length;
    const room = this.#limitBytes - this.#kept;
    if (room <= 0) return;
    const part = chunk.length <= room ? chunk : chunk.subarray(0, room);
    this.#chunks.push(part);
    this.#kept += part.length;
  }

  /** More bytes came than are kept. */
  get truncated(): boolean {
    return this.#seen > this.#kept;
  }

  get sizeBytes(): number {
    return this.#seen;
  }

  /** All that was kept. */
  bytes(): Buffer {
    if (this.#chunks.length === 1) return this.#chunks[0] as Buffer;
    return Buffer.concat(this.#chunks, this.#kept);
  }
}
