import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { numbered, segmentBytes } from './layout.ts';

/**
 * Appends lines to segments. The first line of each says its number and how many lines came before, so that a segment
 * that was cut off or lost in the middle is noticed.
 */
export class SegmentWriter {
  readonly #folder: string;
  readonly #limitBytes: number;
  #number = 0;
  #lines = 0;
  #sizeBytes = 0;
  #handle: FileHandle | undefined;

  constructor(folder: string, limitBytes: number = segmentBytes) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** Appends these lines (JSON without line ends) in order. Returns how many bytes were written. */
  async write(lines: readonly string[]): Promise<number> {
    let written = 0;
    for (let start = 0; start < lines.length;) {
      const handle = await this.#ready();
      let characters = 0;
      let end = start;
      while (end < lines.length && characters < this.#limitBytes - this.#sizeBytes && characters < 1024 * 1024) characters += (lines[end++] as string).length + 1;
      const chunk = Buffer.from(`${lines.slice(start, end).join('\n')}\n`, 'utf8');
      await handle.appendFile(chunk);
      this.#lines += end - start;
      this.#sizeBytes += chunk.length;
      written += chunk.length;
      start = end;
      if (this.#sizeBytes >= this.#limitBytes) await this.close();
    }
    return written;
  }

  /** Syncs and closes the open segment. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #ready(): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle;
    await mkdir(this.#folder, { recursive: true });
    this.#number += 1;
    const handle = await open(join(this.#folder, numbered(this.#number, 'jsonl')), 'wx');
    this.#handle = handle;
    await handle.appendFile(`${JSON.stringify({ kind: 'segment', number: this.#number, lines: this.#lines })}\n`);
    this.#sizeBytes = 0;
    return handle;
  }
}
