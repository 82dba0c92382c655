import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workshop } from './support/command-line.ts';
import { pythonWithRedis, root } from './support/example.ts';

const python = pythonWithRedis();
if (python === undefined && process.env['CI'] !== undefined) throw new Error('a rewrite in Python is tested, and python3 with redis is not installed');
if (python === undefined) console.warn('SKIPPED: a rewrite in Python (install python3-redis)');
const service = join(root, 'test/fixtures/process-state/service.mjs');

describe('a service that keeps a cache in its process', () => {
  const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });

  beforeAll(async () => {
    const ended = await shop.record(['-r', 'cached', '--redis', 'embedded', '--', 'node', service], async (url) => {
      const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
      for (const name of names) await fetch(`${url}/?name=${name}`, { method: 'PUT' });
      for (let round = 0; round < 3; round++) await Promise.all(names.map((name) => fetch(`${url}/?name=${name}`).then((answer) => answer.text())));
      await fetch(`${url}/?name=n0`, { method: 'PUT' });
      await Promise.all(names.map((name) => fetch(`${url}/?name=${name}`).then((answer) => answer.text())));
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });
  afterAll(() => shop.remove());

  test('unchanged: whatever the order of cases, no difference is reported', async () => {
    for (let round = 0; round < 3; round++) {
      const { code, report, stderr } = await shop.replay(['-r', 'cached', '--concurrency', '8', '--instances', String(1 + round)]);
      expect(report.totals, stderr).toMatchObject({ differs: 0, inconclusive: 0, error: 0 });
      expect(code).toBe(0);
      expect(report.notes.filter((note) => /background_writes: .* outside any request: redis:0\/instance:\*; that is not compared/.test(note))).toHaveLength(1);
    }
  });

  test.skipIf(python === undefined)('rewritten in another language: compared with the baseline as it is without the preload, and only headers differ', async () => {
    const { report, stderr } = await shop.replay(['-r', 'cached', '--candidate', `${python} ${join(root, 'test/fixtures/process-state/service.py')}`]);
    expect(existsSync(shop.path('cached/artefacts/control-2-process.jsonl.gz'))).toBe(true);
    expect(report.totals, stderr).toMatchObject({ inconclusive: 0, error: 0, not_run: 0 });
    expect(report.groups.length).toBeGreaterThan(0);
    for (const { path } of report.groups) expect(path, stderr).toBe('$.response.headers.server');
  }, 180_000);

  test.each([['misses', "$.writes['redis:0/misses']"], ['expiry', "$.writes['redis:0/item:*'].expiry"]])('a regression in %s is found, and nothing else', async (fault, path) => {
    const { code, report, stderr } = await shop.replay(['-r', 'cached', '--candidate', `node ${service} ${fault}`]);
    expect(code, stderr).toBe(1);
    for (const group of report.groups) expect(group.path, stderr).toContain(path);
  });
});
