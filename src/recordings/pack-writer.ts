import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { numbered, packBytes, writeAtomically } from './layout.ts';
import { encodeHeader, headerBytes, PackIndexBuilder } from './pack.ts';

const deflate = promisify(deflateRaw);

/** Below this deflating saves less than it costs: 256 KB of set-up for each payload. */
const deflateFromBytes = 2048;

/** Deflated only where it saves at least a tenth. */
const worthwhile = 0.9;

/** A payload on its way into a pack. */
export interface NewPayload {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Appends payloads to packs, each closed with its index once it is large enough. */
export class PackWriter {
  readonly #folder: string;
  readonly #limitBytes: number;
  #number = 0;
  #handle: FileHandle | undefined;
  #sizeBytes = 0;
  #index = new PackIndexBuilder();

  /** @param folder of the packs; made when the first payload comes */
  constructor(folder: string, limitBytes: number = packBytes) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** Appends these payloads in order. Returns how many bytes were written. */
  async write(payloads: readonly NewPayload[]): Promise<number> {
    let written = 0;
    let batch: Uint8Array[] = [];
    let batchBytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await this.#handle?.appendFile(batch.length === 1 ? (batch[0] as Uint8Array) : Buffer.concat(batch));
      batch = [];
      batchBytes = 0;
    };
    for (const payload of payloads) {
      await this.#ready();
      const stored = await compact(payload.bytes);
      const entry = { hash: payload.hash, deflated: stored !== payload.bytes, storedBytes: stored.length, sizeBytes: payload.bytes.length };
      this.#index.add({ ...entry, offset: this.#sizeBytes + headerBytes });
      batch.push(encodeHeader(entry), stored);
      batchBytes += headerBytes + stored.length;
      this.#sizeBytes += headerBytes + stored.length;
      written += headerBytes + stored.length;
      if (batchBytes >= 1024 * 1024 || this.#sizeBytes >= this.#limitBytes) await flush();
      if (this.#sizeBytes >= this.#limitBytes) await this.#finish();
    }
    await flush();
    return written;
  }

  /** Finishes the open pack. */
  async close(): Promise<void> {
    await this.#finish();
  }

  async #ready(): Promise<void> {
    if (this.#handle !== undefined) return;
    await mkdir(this.#folder, { recursive: true });
    this.#number += 1;
    this.#handle = await open(join(this.#folder, numbered(this.#number, 'pack')), 'wx');
    this.#sizeBytes = 0;
    this.#index = new PackIndexBuilder();
  }

  async #finish(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await writeAtomically(this.#folder, numbered(this.#number, 'index'), this.#index.build().encode(this.#sizeBytes));
  }
}

async function compact(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length < deflateFromBytes) return bytes;
  const deflated = await deflate(bytes, { level: 1 });
  return deflated.length <= bytes.length * worthwhile ? deflated : bytes;
}
