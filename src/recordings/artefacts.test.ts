import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readArtefact, writeArtefact } from './artefacts.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'foreshard-artefacts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const head = { kind: 'run', formatVersion: 1, label: 'a\u2028b' };

test('gives back head and items', async () => {
  const items = Array.from({ length: 5000 }, (_, index) => ({ index, text: `line\u2028 \n ${index}`, list: [[index], null] }));
  await writeArtefact(folder, 'control-1', head, items);
  expect(await readArtefact(folder, 'control-1', { kind: 'run', formatVersion: 1 })).toEqual({ head, items });
});

test('replaces the one before as a whole and leaves nothing else', async () => {
  await writeArtefact(folder, 'noise', head, [1, 2]);
  await writeArtefact(folder, 'noise', head, [3]);
  expect((await readArtefact(folder, 'noise', head))?.items).toEqual([3]);
  expect(await readdir(join(folder, 'artefacts'))).toEqual(['noise.jsonl.gz']);
});

test('keeps the old one when writing fails, and leaves no temporary file', async () => {
  await writeArtefact(folder, 'noise', head, [1]);
  await expect(writeArtefact(folder, 'noise', head, [2, 10n])).rejects.toThrow(/BigInt/);
  expect((await readArtefact(folder, 'noise', head))?.items).toEqual([1]);
  expect(await readdir(join(folder, 'artefacts'))).toEqual(['noise.jsonl.gz']);
});

test('is undefined where there is none, and coded where it is another, newer, cut off or garbage', async () => {
  expect(await readArtefact(folder, 'heatmap', { kind: 'heatmap', formatVersion: 1 })).toBeUndefined();
  await writeArtefact(folder, 'x', { kind: 'run', formatVersion: 2 }, Array.from({ length: 100 }, () => Math.random()));
  await expect(readArtefact(folder, 'x', { kind: 'heatmap', formatVersion: 9 })).rejects.toMatchObject({ code: 'recording_damaged' });
  await expect(readArtefact(folder, 'x', { kind: 'run', formatVersion: 1 })).rejects.toMatchObject({ code: 'recording_newer' });
  const path = join(folder, 'artefacts', 'x.jsonl.gz');
  const whole = await readFile(path);
  for (const size of [0, 5, 30, whole.length - 1]) {
    await writeFile(path, whole);
    await truncate(path, size);
    await expect(readArtefact(folder, 'x', { kind: 'run', formatVersion: 2 })).rejects.toMatchObject({ code: 'recording_damaged' });
  }
});

test('notices an end that is missing between two gzip members', async () => {
  await writeArtefact(folder, 'x', head, Array.from({ length: 40 }, () => 'x'.repeat(100_000)));
  const path = join(folder, 'artefacts', 'x.jsonl.gz');
  const whole = await readFile(path);
  const second = whole.indexOf(whole.subarray(0, 4), 10);
  expect(second).toBeGreaterThan(0);
  await truncate(path, second);
  await expect(readArtefact(folder, 'x', head)).rejects.toMatchObject({ code: 'recording_damaged' });
});

test('refuses names that are paths', async () => {
  await expect(writeArtefact(folder, '../x', head)).rejects.toMatchObject({ code: 'usage' });
});
