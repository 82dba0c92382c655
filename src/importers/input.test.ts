import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { openInput, type OpenInputOptions } from './input.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foreshard-input-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const text = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${(index * 7919) % 1000}`).join('\n');

function file(name: string, content: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, options?: OpenInputOptions): Promise<string> {
  const input = await openInput(path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of input.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return 'none';
  } catch (error) {
    return error instanceof ForeshardError ? error.code : String(error);
  }
}

test('a plain and a compressed file read the same, whatever they are called', async () => {
  expect(await read(file('plain.gz', text))).toBe(text);
  expect(await read(file('packed.log', gzipSync(text)))).toBe(text);
});

test('several gzip members follow each other, as rotated logs are joined', async () => {
  expect(await read(file('joined', Buffer.concat([gzipSync('a\n'), gzipSync('b\n')])))).toBe('a\nb\n');
});

test('short inputs are no gzip', async () => {
  for (const short of ['', 'x', '\u001f']) expect(await read(file('short', short))).toBe(short);
});

test('standard input is read in the pieces it comes in', async () => {
  const bytes = gzipSync('hello');
  expect(await read('-', { stdin: Readable.from([...bytes].map((byte) => Buffer.from([byte]))) })).toBe('hello');
});

test('progress counts the bytes of the file', async () => {
  const packed = gzipSync(text);
  const input = await openInput(file('progress', packed));
  expect(input.sizeBytes).toBe(packed.length);
  for await (const _ of input.chunks) expect(input.bytesRead).toBeGreaterThan(0);
  expect(input.bytesRead).toBe(packed.length);
});

test('what came before the end of truncated gzip is given, then it is said', async () => {
  const packed = gzipSync(text);
  for (const cut of [5, 100, packed.length >> 1, packed.length - 4]) {
    const path = file('cut', packed.subarray(0, cut));
    const damages: ForeshardError[] = [];
    const got = await read(path, { onDamaged: (error) => damages.push(error) });
    expect(text.startsWith(got)).toBe(true);
    if (cut > 1000) expect(got.length).toBeGreaterThan(text.length / 4);
    expect(damages.map(({ code }) => code)).toEqual(['input_unreadable']);
    expect(await codeOf(read(path))).toBe('input_unreadable');
  }
});

test('damaged gzip is said too', async () => {
  const packed = gzipSync(text);
  packed.fill(0x55, packed.length >> 1, (packed.length >> 1) + 200);
  expect(await codeOf(read(file('damaged', packed)))).toBe('input_unreadable');
});

test('what is not there or cannot be read has a code', async () => {
  expect(await codeOf(openInput(join(folder, 'nowhere')))).toBe('input_not_found');
  expect(await codeOf(openInput(folder))).toBe('input_unreadable');
});
