import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { ForeshardError } from '../model/errors.ts';

/** An input that was opened; read its chunks once. */
export interface Input {
  /** Decompressed bytes. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes of the file that have been read so far, compressed ones where it is compressed. */
  readonly bytesRead: number;
  /** Bytes of the file; null for standard input and what else has no length. */
  readonly sizeBytes: number | null;
  /** Closes the file, also when its chunks were not read to the end, or not at all. */
  close(): void;
}

/** Options of {@link openInput}. */
export interface OpenInputOptions {
  /** What `-` reads; the standard input of the process when left out. */
  readonly stdin?: Readable;
  /** Compressed data that ends early or breaks off: what came before has been read. Thrown when left out. */
  readonly onDamaged?: (error: ForeshardError) => void;
}

const chunkBytes = 256 * 1024;
/** Compressed bytes decompressed at once: a thousandfold of them is still little memory. */
const gzipPieceBytes = 16 * 1024;

/**
 * Opens a file, or standard input for `-`, and decompresses it where it begins with the magic bytes of gzip, whatever it is called.
 * @throws ForeshardError `input_not_found`, `input_unreadable`; the chunks throw `input_unreadable` too
 */
export async function openInput(path: string, options: OpenInputOptions = {}): Promise<Input> {
  const { source, sizeBytes } = path === '-' ? { source: options.stdin ?? process.stdin, sizeBytes: null } : await openFile(path);
  const counter = { bytes: 0 };
  const onDamaged = options.onDamaged ?? ((error: ForeshardError): void => {
    throw error;
  });
  const damaged = (error: Error): void => onDamaged(new ForeshardError('input_unreadable', `${path}: its gzip data is damaged or ends early: ${error.message}.`, { cause: error }));
  return {
    chunks: plainChunks(counted(source, counter, path), damaged),
    get bytesRead() {
      return counter.bytes;
    },
    sizeBytes,
    close: () => {
      if (path !== '-') source.destroy();
    },
  };
}

async function openFile(path: string): Promise<{ readonly source: Readable; readonly sizeBytes: number | null }> {
  try {
    const handle = await open(path, 'r');
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      await handle.close();
      throw new ForeshardError('input_unreadable', `${path} is a folder, not a file.`, { hint: `Name the files in it, for example ${path}/*.` });
    }
    return { source: handle.createReadStream({ highWaterMark: chunkBytes }), sizeBytes: stat.isFile() ? stat.size : null };
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): ForeshardError {
  if (error instanceof ForeshardError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new ForeshardError('input_not_found', `There is no file ${path}.`, { hint: 'Check the path; - reads standard input.', cause: error });
  return new ForeshardError('input_unreadable', `${path} cannot be read: ${message}.`, { cause: error });
}

async function* counted(source: Readable, counter: { bytes: number }, path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      counter.bytes += bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function* plainChunks(source: AsyncGenerator<Buffer>, onDamaged: (error: Error) => void): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await source.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  const all = startingWith(head, source);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* gunzipped(all, onDamaged);
  else yield* all;
}

/** Chunks that were taken off an iteration to look at them, then the rest of it. */
export async function* startingWith(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/**
 * Decompresses piece by piece instead of through a pipe: when the data ends early, everything before its end has been given out,
 * which a destroyed stream would have thrown away.
 */
async function* gunzipped(source: AsyncGenerator<Buffer>, onDamaged: (error: Error) => void): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  const out: Buffer[] = [];
  gunzip.on('data', (chunk: Buffer) => out.push(chunk));
  gunzip.on('error', () => {}); // whoever waits for a write or the end hears of it
  let failure: Error | undefined;
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length && failure === undefined; at += gzipPieceBytes) {
        failure = await written(gunzip, chunk.subarray(at, at + gzipPieceBytes));
        yield* out.splice(0);
      }
      if (failure !== undefined) break;
    }
    failure ??= await ended(gunzip);
    yield* out.splice(0);
  } finally {
    gunzip.destroy();
  }
  if (failure !== undefined) onDamaged(failure);
}

/** Damaged data is told by an event only: the callback of the write never comes. */
function written(gunzip: Gunzip, piece: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    gunzip.once('error', resolve);
    gunzip.write(piece, () => {
      gunzip.off('error', resolve);
      resolve(undefined);
    });
  });
}

function ended(gunzip: Gunzip): Promise<Error | undefined> {
  return new Promise((resolve) => {
    gunzip.once('end', () => resolve(undefined));
    gunzip.once('error', resolve);
    gunzip.end();
  });
}
