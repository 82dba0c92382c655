import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sample, samplePath } from '../../test/fixtures/importers/imports.ts';
import type { ForeshardError } from '../model/errors.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { importItems, type ImportOptions, type ImportProgress } from './import-items.ts';
import { ImportProblems } from './problems.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foreshard-import-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, options: Partial<ImportOptions> = {}): Promise<{ items: TrafficItem[]; problems: ImportProblems }> {
  const problems = options.problems ?? new ImportProblems();
  const items: TrafficItem[] = [];
  for await (const item of importItems(path, { ...options, problems })) items.push(item);
  return { items, problems };
}

const failure = (run: Promise<unknown>): Promise<ForeshardError> => run.then(() => { throw new Error('it went well'); }, (error: unknown) => error as ForeshardError);
const logFormat = '$remote_addr - $remote_user [$time_local] "$request" $status';

test.each([['access-combined.txt', 200], ['shop.har', 2], ['shop.gor', 2], ['otlp-traces.jsonl', 13], ['otlp-traces.pb', 35], ['otlp-metrics.jsonl', 5], ['jaeger.json', 5]])('%s', async (name, count) => {
  const { items } = await read(samplePath(name));
  expect(items).toHaveLength(count);
  expect((await read(file(`${name}.bin`, gzipSync(sample(name))))).items).toEqual(items);
});

test('several inputs share one account of problems', async () => {
  const problems = new ImportProblems();
  await read(samplePath('nginx.txt'), { logFormat, problems, service: 'shop' });
  await read(samplePath('shop.har'), { problems });
  expect(problems.inputs.map(({ description, good, bad }) => [description.format, good, bad])).toEqual([['nginx', 2, 1], ['har', 3, 0]]);
  expect(problems.bad).toBe(1);
  expect(problems.describe()[0]).toMatch(/nginx\.txt: 1 of 3 lines left out: 1 no request$/);
});

test('progress reaches the size of the file', async () => {
  const seen: ImportProgress[] = [];
  const packed = gzipSync(sample('access-combined.txt'));
  await read(file('progress', packed), { onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ bytesRead: packed.length, sizeBytes: packed.length, items: 200 });
});

test('an empty file has nothing, and nothing is wrong with it', async () => {
  expect((await read(file('empty', ''))).items).toEqual([]);
  expect((await read(file('empty.gz', gzipSync('')))).items).toEqual([]);
  expect((await read(file('empty2', ''), { format: 'combined' })).items).toEqual([]);
});

test('what cannot be read has a code and a hint', async () => {
  expect(await failure(read(join(folder, 'nowhere')))).toMatchObject({ code: 'input_not_found' });
  expect(await failure(read(file('unknown', 'what is this')))).toMatchObject({ code: 'input_unreadable', hint: expect.stringContaining('--format combined, nginx') as string });
  const wrong = await failure(read(samplePath('shop.har'), { format: 'combined' }));
  expect(wrong).toMatchObject({ code: 'input_unreadable', hint: expect.stringContaining('--format') as string });
  expect(wrong.message).toMatch(/combined: address ident user.*The first one, line 1: no time/);
  expect(await failure(read(samplePath('nginx.txt'), { format: 'nginx' }))).toMatchObject({ code: 'usage' });
  expect(await failure(read(samplePath('nginx.txt'), { logFormat: '$status' }))).toMatchObject({ code: 'usage' });
  expect(await failure(read(file('cut.gz', gzipSync(sample('shop.har')).subarray(0, 60)), { format: 'har' }))).toMatchObject({ code: 'input_unreadable' });
});

test('a compressed log that is still being written gives what is there, and it is said', async () => {
  const packed = gzipSync(sample('access-combined.txt'));
  const { items, problems } = await read(file('growing.gz', packed.subarray(0, packed.length - 500)));
  expect(items.length).toBeGreaterThan(150);
  expect(problems.describe().join('\n')).toContain('input damaged');
});

test('a consumer may leave early', async () => {
  for await (const item of importItems(samplePath('access-combined.txt'), { problems: new ImportProblems() })) {
    expect(item.kind).toBe('request');
    break;
  }
});
