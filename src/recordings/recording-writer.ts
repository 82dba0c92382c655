import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash, type ContentHash } from '../lib/content-hash.ts';
import { deferred, type Deferred } from '../lib/deferred.ts';
import { Lru } from '../lib/lru.ts';
import { ForeshardError } from '../model/errors.ts';
import { recordingFormatVersion, type EndRecord, type PayloadRef, type RecordingLine, type RecordingManifest } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import { names } from './layout.ts';
import { lockFolder, type FolderLock } from './lock.ts';
import { writeManifest } from './manifest.ts';
import { PackWriter, type NewPayload } from './pack-writer.ts';
import { SegmentWriter } from './segment-writer.ts';

/** Takes secrets out of everything before it is written. See redact.ts for the one built from rules. */
export interface RecordingRedactor {
  /** The payload to keep instead. `key`: the element whose encoded value this is. */
  payload(bytes: Uint8Array, key?: StateKey): Uint8Array;
  line(line: RecordingLine): RecordingLine;
  manifest(manifest: RecordingManifest): RecordingManifest;
}

/** What a writer has done so far. */
export interface RecordingStats {
  /** Written to disk. */
  readonly bytes: number;
  /** Distinct payloads. */
  readonly payloads: number;
  readonly lines: number;
  /** Waiting to be written. */
  readonly bufferedBytes: number;
}

/** Options of {@link RecordingWriter.create}. */
export interface RecordingWriterOptions {
  /** Replace the recording that is there. */
  readonly overwrite?: boolean;
  readonly redact?: RecordingRedactor;
  /** For tests: sizes at which a segment and a pack are closed. */
  readonly segmentBytes?: number;
  readonly packBytes?: number;
}

const flushAfterMs = 100;
const flushFromBytes = 256 * 1024;
const pressureBytes = 32 * 1024 * 1024;
/** Hashes remembered to write a payload once: about 40 MB of memory. One forgotten since may be written again, which is harmless. */
const rememberedHashes = 250_000;

/**
 * Writes a recording's folder. `payload` and `append` are synchronous and only buffer; within 100 ms, or at 256 KB, what is buffered is
 * written, payloads before the lines that name them, so a killed writer leaves whole lines whose payloads are there.
 * Memory: what is buffered (see {@link backpressure}), 40 MB of remembered hashes and 47 bytes a payload of the open pack.
 */
export class RecordingWriter {
  readonly folder: string;
  readonly #manifest: RecordingManifest;
  readonly #lock: FolderLock;
  readonly #redact: RecordingRedactor | undefined;
  readonly #packs: PackWriter;
  readonly #segments: SegmentWriter;
  readonly #known = new Lru<ContentHash, true>(rememberedHashes);
  #payloads: NewPayload[] = [];
  #lines: string[] = [];
  #bufferedBytes = 0;
  #inFlightBytes = 0;
  #stats = { bytes: 0, payloads: 0, lines: 0 };
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failure: ForeshardError | undefined;
  readonly #failed: Deferred<Error> = deferred();
  #pressure: Deferred<void> | undefined;
  #closed = false;

  private constructor(folder: string, manifest: RecordingManifest, lock: FolderLock, options: RecordingWriterOptions) {
    this.folder = folder;
    this.#manifest = manifest;
    this.#lock = lock;
    this.#redact = options.redact;
    this.#packs = new PackWriter(join(folder, names.payloads), options.packBytes);
    this.#segments = new SegmentWriter(join(folder, names.segments), options.segmentBytes);
  }

  /**
   * Begins a recording in a folder that is new, empty, or (with `overwrite`) a recording.
   * @throws ForeshardError `recording_exists`, `recording_locked`, `recording_not_written`, `usage` for a folder with other things in it
   */
  static async create(folder: string, manifest: Omit<RecordingManifest, 'kind' | 'formatVersion'>, options: RecordingWriterOptions = {}): Promise<RecordingWriter> {
    try {
      return await RecordingWriter.#create(folder, manifest, options);
    } catch (error) {
      if (error instanceof ForeshardError) throw error;
      throw new ForeshardError('recording_not_written', `${folder} cannot be recorded into: ${(error as Error).message}.`, {
        hint: 'Look at the rights of that folder and the free space, or record into another one.', cause: error,
      });
    }
  }

  static async #create(folder: string, manifest: Omit<RecordingManifest, 'kind' | 'formatVersion'>, options: RecordingWriterOptions): Promise<RecordingWriter> {
    const lock = await lockFolder(folder);
    try {
      await clearFolder(folder, options.overwrite ?? false);
      const whole: RecordingManifest = { kind: 'recording', formatVersion: recordingFormatVersion, ...manifest };
      try {
        await writeManifest(folder, options.redact?.manifest(whole) ?? whole);
        await mkdir(join(folder, names.segments), { recursive: true });
      } catch (error) {
        await putBack(folder).catch(() => {}); // the first error says what is wrong
        throw error;
      }
      return new RecordingWriter(folder, whole, lock, options);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Writes into the manifest what is known only once the service runs. */
  async describe(known: Pick<RecordingManifest, 'servers' | 'preload' | 'ownNetwork'>): Promise<void> {
    const manifest = { ...this.#manifest, ...known };
    await writeManifest(this.folder, this.#redact?.manifest(manifest) ?? manifest);
  }

  /**
   * Keeps a payload, once for equal bytes, which must not be changed afterwards.
   * @param key the element whose encoded value this is; undefined for a body
   */
  payload(bytes: Uint8Array, key?: StateKey): PayloadRef {
    this.#check();
    const kept = this.#redact === undefined ? bytes : this.#redact.payload(bytes, key);
    const hash = contentHash(kept);
    if (this.#known.get(hash) === undefined) {
      this.#known.set(hash, true);
      this.#payloads.push({ hash: Buffer.from(hash, 'hex'), bytes: kept });
      this.#stats.payloads += 1;
      this.#buffered(kept.length + 64);
    }
    return { hash, sizeBytes: kept.length };
  }

  /** Appends a line after all before it. */
  append(line: RecordingLine): void {
    this.#check();
    const text = JSON.stringify(this.#redact === undefined ? line : this.#redact.line(line));
    this.#lines.push(text);
    this.#stats.lines += 1;
    this.#buffered(text.length + 1);
  }

  /** Resolves when everything given so far is with the operating system. Rejects with `recording_not_written`. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#payloads.length > 0 || this.#lines.length > 0) {
      this.#start();
      await this.#writing;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A promise to wait for before taking more, while more than 32 MB are buffered; undefined otherwise. */
  get backpressure(): Promise<void> | undefined {
    if (this.#bufferedBytes + this.#inFlightBytes <= pressureBytes || this.#failure !== undefined) return undefined;
    this.#pressure ??= deferred<void>();
    return this.#pressure.promise;
  }

  /** Resolves with the reason when nothing more can be written, whether or not anything more is given. */
  get failed(): Promise<Error> {
    return this.#failed.promise;
  }

  get stats(): RecordingStats {
    return { ...this.#stats, bufferedBytes: this.#bufferedBytes + this.#inFlightBytes };
  }

  /** Ends the recording with its last line and gives the folder free. Also after a failure, which it reports. */
  async close(end: EndRecord): Promise<void> {
    if (this.#closed) return;
    if (this.#failure === undefined) this.append(end);
    await this.#finish(() => rm(join(this.folder, names.replaced), { recursive: true, force: true }));
  }

  /** Stops without the last line, as after an interruption: the recording is readable and says that it did not end. */
  async abandon(): Promise<void> {
    if (!this.#closed) await this.#finish(() => rm(join(this.folder, names.replaced), { recursive: true, force: true }));
  }

  /** Takes back all of it, for a recording that came to nothing: what was there before it is there again. */
  async discard(): Promise<void> {
    if (this.#closed) return;
    await this.#finish(() => putBack(this.folder)).catch(() => {}); // it was not to be kept anyway
    await rmdir(this.folder).catch(() => {}); // only where nothing is in it
  }

  async #finish(last: () => Promise<void>): Promise<void> {
    this.#closed = true;
    try {
      const flushed = await this.flush().then(() => undefined, (error: unknown) => error);
      const closed = await this.#packs.close().then(() => this.#segments.close()).then(() => undefined, (error: unknown) => error);
      await last();
      if (flushed !== undefined || closed !== undefined) throw flushed ?? this.#writeError(closed);
    } finally {
      clearTimeout(this.#timer);
      this.#lock.release();
    }
  }

  #writeError(cause: unknown): ForeshardError {
    return new ForeshardError('recording_not_written', `Writing the recording in ${this.folder} failed: ${(cause as Error).message}.`, {
      hint: 'Look at the free space and the rights of that folder. What was written before is readable.', cause,
    });
  }

  #buffered(bytes: number): void {
    this.#bufferedBytes += bytes;
    if (this.#bufferedBytes >= flushFromBytes) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), flushAfterMs);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || (this.#payloads.length === 0 && this.#lines.length === 0)) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#bufferedBytes >= flushFromBytes) this.#start();
      else if (this.#bufferedBytes > 0) this.#timer ??= setTimeout(() => this.#start(), flushAfterMs);
    });
  }

  async #write(): Promise<void> {
    const payloads = this.#payloads;
    const lines = this.#lines;
    this.#payloads = [];
    this.#lines = [];
    this.#inFlightBytes = this.#bufferedBytes;
    this.#bufferedBytes = 0;
    try {
      if (this.#failure !== undefined) return;
      this.#stats.bytes += await this.#packs.write(payloads);
      this.#stats.bytes += await this.#segments.write(lines);
    } catch (error) {
      this.#failure = this.#writeError(error);
      this.#failed.resolve(this.#failure);
    } finally {
      this.#inFlightBytes = 0;
      if (this.#bufferedBytes <= pressureBytes || this.#failure !== undefined) {
        this.#pressure?.resolve();
        this.#pressure = undefined;
      }
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new ForeshardError('recording_not_written', `The recording in ${this.folder} is closed.`);
  }
}

async function clearFolder(folder: string, overwrite: boolean): Promise<void> {
  const entries = (await readdir(folder)).filter((name) => name !== names.lock && !name.startsWith(`.${names.lock}.`));
  const ours: ReadonlySet<string> = new Set(Object.values(names));
  const strange = entries.find((name) => !ours.has(name) && !name.startsWith(`.${names.manifest}.`));
  if (strange !== undefined && !entries.includes(names.manifest)) {
    throw new ForeshardError('usage', `${folder} holds something that is no recording (${strange}).`, { hint: 'Record into a new or empty folder.' });
  }
  if (entries.includes(names.manifest) && !overwrite) {
    throw new ForeshardError('recording_exists', `There is a recording in ${folder} already.`, { hint: 'Record into another folder (-r), or replace it with --overwrite.' });
  }
  const aside = join(folder, names.replaced);
  await rm(aside, { recursive: true, force: true });
  if (entries.includes(names.manifest)) await mkdir(aside);
  for (const name of recorded) {
    if (!entries.includes(names.manifest)) await rm(join(folder, name), { recursive: true, force: true });
    else if (entries.includes(name)) await rename(join(folder, name), join(aside, name));
  }
}

/** What a recording consists of. The manifest goes last: killed half-way, the folder still is a recording that may be overwritten, not a stranger's. */
const recorded = [names.artefacts, names.segments, names.payloads, names.manifest];

async function putBack(folder: string): Promise<void> {
  for (const name of recorded) {
    await rm(join(folder, name), { recursive: true, force: true });
    await rename(join(folder, names.replaced, name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error; // it was not part of it
    });
  }
  await rm(join(folder, names.replaced), { recursive: true, force: true });
}
