import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentHash } from '../lib/content-hash.ts';
import { sfc32 } from '../lib/prng.ts';
import { encodeValue } from '../model/element-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import { sampleManifest, sampleRequest, sampleRevision } from '../testing/recording-samples.ts';
import { openRecording } from './open-recording.ts';
import { RecordingWriter } from './recording-writer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'foreshard-recordings-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const end = (requests: number): { kind: 'end'; position: number; requests: number; at: number } => ({ kind: 'end', position: 1e6, requests, at: 0 });

/** Writes `count` requests, each with a payload of its own and one that all share; small segments and packs. */
async function record(count: number, options: { close?: boolean } = {}): Promise<void> {
  const writer = await RecordingWriter.create(folder, sampleManifest, { segmentBytes: 4000, packBytes: 3000 });
  for (let number = 1; number <= count; number++) {
    const own = writer.payload(Buffer.from(`body ${number} ${'x'.repeat(number * 3)}`));
    const shared = writer.payload(encodeValue({ type: 'string', value: 'shared' }));
    writer.append(sampleRevision(`redis:0/cart:${number % 5}`, Math.ceil(number / 5), shared, { position: number * 10 + 1 }));
    writer.append(sampleRequest(number, { request: { method: 'POST', target: `/cart/${number}`, headers: [], body: own } }));
    if (number % 7 === 0) await writer.flush();
  }
  if (options.close === false) await writer.abandon();
  else await writer.close(end(count));
}

async function files(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

describe('a recording', () => {
  test('gives back what was written, over many segments and packs', async () => {
    await record(60);
    const recording = await openRecording(folder);
    expect(recording.ended).toBe(true);
    expect(recording.requests.map((request) => request.id)).toEqual(Array.from({ length: 60 }, (_, index) => sampleRequest(index + 1).id));
    expect(recording.chains.get('redis:0/cart:3')?.revisions.map((revision) => revision.revision)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    const body = recording.requests[41]?.request.body;
    expect(Buffer.from(await recording.payload(body?.hash ?? '')).toString()).toBe(`body 42 ${'x'.repeat(126)}`);
    const all = recording.requests.map((request) => request.request.body?.hash ?? '');
    const many = await recording.payloads(all);
    expect([...many.keys()].every((hash) => contentHash(many.get(hash) as Uint8Array) === hash)).toBe(true);
    expect((await files()).filter((file) => file.endsWith('.pack')).length).toBeGreaterThan(1);
    expect((await files()).filter((file) => file.endsWith('.jsonl')).length).toBeGreaterThan(2);
    await recording.close();
  });

  test('keeps equal payloads once and every byte of them', async () => {
    const writer = await RecordingWriter.create(folder, sampleManifest);
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const first = writer.payload(everyByte);
    expect(writer.payload(Buffer.from(everyByte))).toEqual(first);
    const zeros = writer.payload(Buffer.alloc(100_000));
    const nothing = writer.payload(Buffer.alloc(0));
    expect(writer.stats.payloads).toBe(3);
    await writer.close(end(0));
    const recording = await openRecording(folder);
    expect(Buffer.from(await recording.payload(first.hash)).equals(everyByte)).toBe(true);
    expect((await recording.payload(zeros.hash)).length).toBe(100_000);
    expect((await recording.payload(nothing.hash)).length).toBe(0);
    const pack = await stat(join(folder, 'payloads', '000001.pack'));
    expect(pack.size).toBeLessThan(1500); // the zeros were deflated
  });

  test('keeps keys and header values of any bytes', async () => {
    const name = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('');
    const writer = await RecordingWriter.create(folder, sampleManifest);
    writer.append(sampleRevision(`redis:0/${name}\u2028\ud800`, 1, null));
    await writer.close(end(0));
    expect([...(await openRecording(folder)).chains.keys()]).toEqual([`redis:0/${name}\u2028\ud800`]);
  });

  test('takes a payload of 64 MB', async () => {
    const bytes = randomBytes(64 * 1024 * 1024);
    const writer = await RecordingWriter.create(folder, sampleManifest);
    const ref = writer.payload(bytes);
    expect(writer.backpressure).toBeInstanceOf(Promise);
    await writer.backpressure;
    await writer.close(end(0));
    expect(bytes.equals(await (await openRecording(folder)).payload(ref.hash))).toBe(true);
  });

  test('writes within 100 ms without being told to', async () => {
    const writer = await RecordingWriter.create(folder, sampleManifest);
    writer.append(sampleRequest(1));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(writer.stats.bufferedBytes).toBe(0);
    expect((await openRecording(folder)).requests).toHaveLength(1);
    await writer.abandon();
  });

  test('sorts requests by arrival, whenever they finished', async () => {
    const writer = await RecordingWriter.create(folder, sampleManifest);
    for (const number of [3, 1, 2]) writer.append(sampleRequest(number));
    await writer.close(end(3));
    expect((await openRecording(folder)).requests.map((request) => request.id)).toEqual(['r000001', 'r000002', 'r000003']);
  });

  test('leaves no password of an upstream in the manifest', async () => {
    const redis = [{ name: 'redis', upstream: 'redis://me:hunter2@10.0.0.1:6379/0', address: '127.0.0.1:6379' }];
    const writer = await RecordingWriter.create(folder, { ...sampleManifest, redis });
    await writer.close(end(0));
    expect(await readFile(join(folder, 'manifest.json'), 'utf8')).not.toContain('hunter2');
    expect((await openRecording(folder)).manifest.redis[0]?.upstream).toBe('redis://me@10.0.0.1:6379/0');
  });
});

test('a writer that cannot write says so at once and at the end, and gives the folder free', async () => {
  const writer = await RecordingWriter.create(folder, sampleManifest);
  await writeFile(join(folder, 'payloads'), 'in the way');
  writer.payload(Buffer.from('x'));
  writer.append(sampleRequest(1));
  expect(await writer.failed).toMatchObject({ code: 'recording_not_written', exitCode: 3 }); // though nothing more is given
  await expect(writer.flush()).rejects.toMatchObject({ code: 'recording_not_written', exitCode: 3 });
  expect(() => writer.append(sampleRequest(2))).toThrow(expect.objectContaining({ code: 'recording_not_written' }) as Error);
  expect(writer.backpressure).toBeUndefined();
  await expect(writer.close(end(1))).rejects.toMatchObject({ code: 'recording_not_written' });
  expect(await readdir(folder)).not.toContain('lock');
  await expect(openRecording(folder)).rejects.toMatchObject({ code: 'recording_damaged' });
  await rm(join(folder, 'payloads'));
  expect((await openRecording(folder)).requests).toEqual([]); // the line was not written without its payload
});

describe('the folder', () => {
  test('is written by one at a time', async () => {
    const writer = await RecordingWriter.create(folder, sampleManifest);
    await expect(RecordingWriter.create(folder, sampleManifest, { overwrite: true })).rejects.toMatchObject({ code: 'recording_locked' });
    await writer.close(end(0));
    await (await RecordingWriter.create(folder, sampleManifest, { overwrite: true })).close(end(0));
  });

  test('is taken over from a writer that is gone', async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ host: (await import('node:os')).hostname(), pid: 2 ** 22 + 1, startTicks: '1' }));
    await (await RecordingWriter.create(folder, sampleManifest)).close(end(0));
    expect(await readdir(folder)).not.toContain('lock');
  });

  test('stays locked for a writer on another host', async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ host: 'elsewhere', pid: 1, startTicks: null }));
    await expect(RecordingWriter.create(folder, sampleManifest)).rejects.toMatchObject({ code: 'recording_locked' });
  });

  test('is overwritten only when asked, and only when it is a recording', async () => {
    await record(3);
    await expect(RecordingWriter.create(folder, sampleManifest)).rejects.toMatchObject({ code: 'recording_exists' });
    const writer = await RecordingWriter.create(folder, sampleManifest, { overwrite: true });
    await writer.close(end(0));
    expect((await openRecording(folder)).requests).toHaveLength(0);
    await rm(join(folder, 'manifest.json'));
    await writeFile(join(folder, 'precious.txt'), 'mine');
    await expect(RecordingWriter.create(folder, sampleManifest, { overwrite: true })).rejects.toMatchObject({ code: 'usage' });
    expect(await readFile(join(folder, 'precious.txt'), 'utf8')).toBe('mine');
  });
});

describe('opening', () => {
  test('says where there is no recording', async () => {
    await expect(openRecording(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'recording_not_found' });
  });

  test('refuses a newer format, whatever else it holds', async () => {
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ kind: 'recording', formatVersion: 99, other: true }));
    await expect(openRecording(folder)).rejects.toMatchObject({ code: 'recording_newer', exitCode: 2 });
  });

  test('names the file and the line of damage in the middle', async () => {
    await record(30);
    const path = join(folder, 'segments', '000001.jsonl');
    const lines = (await readFile(path, 'utf8')).split('\n');
    lines[4] = (lines[4] as string).slice(0, 20);
    await writeFile(path, lines.join('\n'));
    await expect(openRecording(folder)).rejects.toMatchObject({ code: 'recording_damaged', message: expect.stringContaining('000001.jsonl, line 5') as string });
  });

  test('notices lines and segments that are missing in the middle', async () => {
    await record(30);
    const path = join(folder, 'segments', '000002.jsonl');
    const content = await readFile(path, 'utf8');
    const lines = content.split('\n');
    await writeFile(path, `${lines.slice(0, -2).join('\n')}\n`);
    await expect(openRecording(folder)).rejects.toMatchObject({ code: 'recording_damaged' });
    await rm(path);
    await expect(openRecording(folder)).rejects.toMatchObject({ code: 'recording_damaged', message: expect.stringContaining('000002.jsonl') as string });
  });

  test('finds payloads without an index, and with a stale one', async () => {
    await record(60);
    const indexes = (await files()).filter((file) => file.endsWith('.index'));
    await rm(indexes[0] as string);
    await truncate(indexes[1] as string, 40);
    const recording = await openRecording(folder);
    const hashes = recording.requests.map((request) => request.request.body?.hash ?? '');
    expect((await recording.payloads(hashes)).size).toBe(60);
  });

  test('gives no wrong byte: a changed payload is corrupt, a lost one missing', async () => {
    await record(30);
    const path = join(folder, 'payloads', '000001.pack');
    const pack = await readFile(path);
    pack[50] = (pack[50] as number) ^ 1;
    await writeFile(path, pack);
    const recording = await openRecording(folder);
    await expect(recording.payload(recording.requests[0]?.request.body?.hash ?? '')).rejects.toMatchObject({ code: 'payload_corrupt' });
    await expect(recording.payload('0'.repeat(64))).rejects.toMatchObject({ code: 'payload_missing' });
  });

  test('of a truncated one gives what is whole or a coded error, for every file and any cut', async () => {
    await record(40, { close: true });
    const prng = sfc32('0123456789abcdef0123456789abcdef');
    for (const file of await files()) {
      const whole = await readFile(file);
      for (let round = 0; round < 12; round++) {
        await truncate(file, Math.floor(prng.next() * whole.length));
        await opensOrRefuses();
        await writeFile(file, whole);
      }
    }
    expect((await openRecording(folder)).requests).toHaveLength(40);
  });

  test('of one with a changed byte opens or gives a coded error, and every payload it gives is right', async () => {
    await record(20);
    const prng = sfc32('fedcba9876543210fedcba9876543210');
    for (const file of await files()) {
      const whole = await readFile(file);
      for (let round = 0; round < 12; round++) {
        const changed = Buffer.from(whole);
        changed[Math.floor(prng.next() * whole.length)] = Math.floor(prng.next() * 256);
        await writeFile(file, changed);
        await opensOrRefuses();
      }
      await writeFile(file, whole);
    }
  });
});

async function opensOrRefuses(): Promise<void> {
  try {
    const recording = await openRecording(folder);
    for (const request of recording.requests) {
      const hash = request.request.body?.hash;
      if (hash !== undefined) expect(contentHash(await recording.payload(hash))).toBe(hash);
    }
    await recording.close();
  } catch (error) {
    if (!(error instanceof ForeshardError)) throw error;
    expect(['recording_damaged', 'recording_newer', 'recording_not_found', 'payload_missing', 'payload_corrupt']).toContain(error.code);
  }
}
