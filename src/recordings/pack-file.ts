import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ForeshardError } from '../model/errors.ts';
import { numbered } from './layout.ts';
import { decodeHeader, headerBytes, PackIndex, PackIndexBuilder, type PackEntry } from './pack.ts';

/** An opened file is closed again when it was not read for this long, so that readers need no closing. */
const idleMs = 2000;

/** Reads of one pack closer together than this are one read. */
const gapBytes = 16 * 1024;
const longestReadBytes = 4 * 1024 * 1024;

/** One pack for reading: its index, and its file while it is needed. */
export class PackFile {
  readonly path: string;
  readonly index: PackIndex;
  #handle: Promise<FileHandle> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #users = 0;

  private constructor(path: string, index: PackIndex) {
    this.path = path;
    this.index = index;
  }

  /**
   * Opens a pack, by its index or, where that is missing or stale, by a scan of the headers.
   * @param last the newest pack, which a killed writer may have left with a torn end
   * @throws ForeshardError `recording_damaged`
   */
  static async open(folder: string, number: number, last: boolean): Promise<PackFile> {
    const path = join(folder, numbered(number, 'pack'));
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      const kept = await readFile(join(folder, numbered(number, 'index'))).catch(() => undefined);
      const index = kept === undefined ? undefined : PackIndex.decode(kept, size);
      return new PackFile(path, index ?? (await scan(path, handle, size, last)));
    } finally {
      await handle.close();
    }
  }

  /** The stored bytes of these entries, in their order; neighbours are read together. */
  async read(entries: readonly PackEntry[]): Promise<Uint8Array[]> {
    this.#users += 1;
    clearTimeout(this.#timer);
    try {
      this.#handle ??= open(this.path);
      const handle = await this.#handle;
      const out = new Map<PackEntry, Uint8Array>();
      for (const group of neighbours(entries)) {
        const first = group[0] as PackEntry;
        const last = group.at(-1) as PackEntry;
        const bytes = await readRange(handle, first.offset, last.offset + last.storedBytes - first.offset);
        for (const entry of group) out.set(entry, bytes.subarray(entry.offset - first.offset, entry.offset - first.offset + entry.storedBytes));
      }
      return entries.map((entry) => out.get(entry) as Uint8Array);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) {
        this.#timer = setTimeout(() => void this.close(), idleMs);
        this.#timer.unref();
      }
    }
  }

  /** Closes the file; a later read opens it again. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#users > 0) return;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.then((opened) => opened.close(), () => {});
  }
}

/** Runs of entries that one read serves, each at most 4 MB unless a single entry is larger. */
function neighbours(entries: readonly PackEntry[]): PackEntry[][] {
  const groups: PackEntry[][] = [];
  let start = 0;
  let end = -1;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    const group = groups.at(-1);
    const near = entry.offset - end <= gapBytes && entry.offset + entry.storedBytes - start <= longestReadBytes;
    if (group !== undefined && near) group.push(entry);
    else {
      groups.push([entry]);
      start = entry.offset;
    }
    end = entry.offset + entry.storedBytes;
  }
  return groups;
}

async function scan(path: string, handle: FileHandle, size: number, last: boolean): Promise<PackIndex> {
  const index = new PackIndexBuilder();
  let at = 0;
  while (at + headerBytes <= size) {
    const entry = decodeHeader(await readRange(handle, at, headerBytes), at);
    if (entry === undefined) throw damaged(path, at, 'no payload begins here');
    at = entry.offset + entry.storedBytes;
    if (at <= size) index.add(entry);
  }
  if (at !== size && !last) throw damaged(path, size, 'the last payload is cut off');
  return index.build();
}

async function readRange(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(buffer, got, length - got, offset + got);
    if (bytesRead === 0) return buffer.subarray(0, got);
    got += bytesRead;
  }
  return buffer;
}

function damaged(path: string, at: number, what: string): ForeshardError {
  return new ForeshardError('recording_damaged', `${path}, byte ${at}: ${what}.`, { hint: 'Get the file back from a copy, or record again.' });
}
