import { inflateRawSync } from 'node:zlib';
import { contentHash, type ContentHash } from '../lib/content-hash.ts';
import { Lru } from '../lib/lru.ts';
import { ForeshardError } from '../model/errors.ts';
import { numbersOf } from './layout.ts';
import type { PackEntry } from './pack.ts';
import { PackFile } from './pack-file.ts';

/** Payloads kept in memory after reading. */
const cacheBytes = 32 * 1024 * 1024;

/** Reads payloads out of a recording's packs, each checked against its hash. */
export class PayloadStore {
  readonly #packs: readonly PackFile[];
  readonly #cache = new Lru<ContentHash, Uint8Array>(cacheBytes, (bytes) => bytes.length + 128);

  private constructor(packs: readonly PackFile[]) {
    this.#packs = packs;
  }

  /** @throws ForeshardError `recording_damaged` */
  static async open(folder: string): Promise<PayloadStore> {
    const numbers = await numbersOf(folder, 'pack');
    const packs: PackFile[] = [];
    for (const number of numbers) packs.push(await PackFile.open(folder, number, number === numbers.at(-1)));
    return new PayloadStore(packs);
  }

  /** Distinct payloads, as far as packs do not repeat each other. */
  get size(): number {
    return this.#packs.reduce((sum, pack) => sum + pack.index.size, 0);
  }

  /** @throws ForeshardError `payload_missing`, `payload_corrupt` */
  async read(hash: ContentHash): Promise<Uint8Array> {
    return this.#cache.get(hash) ?? ((await this.readMany([hash])).get(hash) as Uint8Array);
  }

  /** Many at once, in as few reads as their places allow. @throws ForeshardError `payload_missing`, `payload_corrupt` */
  async readMany(hashes: readonly ContentHash[]): Promise<Map<ContentHash, Uint8Array>> {
    const out = new Map<ContentHash, Uint8Array>();
    const wanted = new Map<PackFile, Map<ContentHash, PackEntry>>();
    for (const hash of hashes) {
      const cached = this.#cache.get(hash);
      if (cached !== undefined) out.set(hash, cached);
      else this.#locate(hash, wanted);
    }
    await Promise.all([...wanted].map(async ([pack, entries]) => {
      const list = [...entries];
      const stored = await pack.read(list.map(([, entry]) => entry));
      for (const [index, [hash, entry]] of list.entries()) {
        const bytes = restored(pack.path, hash, entry, stored[index] as Uint8Array);
        this.#cache.set(hash, bytes);
        out.set(hash, bytes);
      }
    }));
    return out;
  }

  /** Closes the files; a later read opens them again. */
  async close(): Promise<void> {
    await Promise.all(this.#packs.map((pack) => pack.close()));
  }

  #locate(hash: ContentHash, wanted: Map<PackFile, Map<ContentHash, PackEntry>>): void {
    for (const pack of this.#packs) {
      const entry = pack.index.find(hash);
      if (entry === undefined) continue;
      let entries = wanted.get(pack);
      if (entries === undefined) wanted.set(pack, (entries = new Map()));
      entries.set(hash, entry);
      return;
    }
    throw new ForeshardError('payload_missing', `The payload ${hash} is in no pack of the recording.`, {
      hint: 'The recording is incomplete: copy its folder as a whole, or record again.',
    });
  }
}

function restored(path: string, hash: ContentHash, entry: PackEntry, stored: Uint8Array): Uint8Array {
  let bytes: Uint8Array;
  try {
    // A copy where it is a part of a larger read: a view would keep all of that in memory.
    bytes = entry.deflated ? inflateRawSync(stored, { maxOutputLength: entry.sizeBytes + 1 }) : Uint8Array.prototype.slice.call(stored);
  } catch (error) {
    throw corrupt(path, hash, error);
  }
  if (contentHash(bytes) !== hash) throw corrupt(path, hash, undefined);
  return bytes;
}

function corrupt(path: string, hash: ContentHash, cause: unknown): ForeshardError {
  return new ForeshardError('payload_corrupt', `The payload ${hash} in ${path} is not what was recorded.`, {
    hint: 'Get the file back from a copy, or record again.', cause,
  });
}
