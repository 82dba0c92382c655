import type { Readable } from 'node:stream';

const limitBytes = 64 * 1024;

/** The last 64 KB of what a process printed on both streams. */
export class OutputTail {
  #chunks: Buffer[] = [];
  #size = 0;

  /** Keeps reading this stream, so that the process never blocks on a full pipe. */
  follow(stream: Readable | null): void {
    stream?.on('data', (chunk: Buffer) => this.#add(chunk));
    stream?.on('error', () => {});
  }

  /** All that is kept, as text. */
  get text(): string {
    return Buffer.concat(this.#chunks).subarray(-limitBytes).toString('utf8');
  }

  /** The last lines, for messages. */
  lastLines(count: number): string {
    return this.text.trimEnd().split('\n').slice(-count).join('\n');
  }

  #add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#chunks.length > 1 && this.#size - (this.#chunks[0] as Buffer).length >= limitBytes) {
      this.#size -= (this.#chunks.shift() as Buffer).length;
    }
  }
}
