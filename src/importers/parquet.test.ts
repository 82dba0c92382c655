import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, test } from 'vitest';
import type { TrafficItem } from '../model/traffic.ts';
import { importItems } from './import-items.ts';
import { ImportProblems } from './problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'foreshard-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with what a query gives. */
async function parquet(name: string, query: string): Promise<string> {
  const path = join(folder, name);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

async function read(path: string): Promise<{ readonly items: readonly TrafficItem[]; readonly problems: readonly string[] }> {
  const problems = new ImportProblems();
  const items: TrafficItem[] = [];
  for await (const item of importItems(path, { problems })) items.push(item);
  return { items, problems: problems.describe() };
}

test('rows are items, in order of time, whatever a time is written as', async () => {
  const path = await parquet('accesses.bin', "SELECT * FROM (VALUES (TIMESTAMP '2026-01-01 00:00:02', 'redis:0/é', 'write'), (TIMESTAMP '2026-01-01 00:00:01', 'redis:0/a', 'read')) AS t(\"at\", key, access)");
  const { items, problems } = await read(path);
  expect(items).toEqual([
    { kind: 'access', at: Date.UTC(2026, 0, 1, 0, 0, 1), key: 'redis:0/a', access: 'read', request: null, route: null },
    { kind: 'access', at: Date.UTC(2026, 0, 1, 0, 0, 2), key: 'redis:0/Ã©', access: 'write', request: null, route: null },
  ]);
  expect(problems).toEqual([]);
  const calls = await parquet('calls.parquet', "SELECT 'call' AS kind, 1767225600000::BIGINT AS at, {'service': 'shop', 'route': 'GET /'} AS \"from\", {'service': 'stock', 'route': 'GET /stock'} AS \"to\"");
  expect((await read(calls)).items).toEqual([{ kind: 'call', at: 1_767_225_600_000, from: { service: 'shop', route: 'GET /' }, to: { service: 'stock', route: 'GET /stock' } }]);
});

test('many rows come in batches', async () => {
  const { items } = await read(await parquet('many.parquet', "SELECT i AS at, 'GET /cart/' || (i % 7) AS route, 'r' || i AS request FROM range(100000) t(i)"));
  expect(items).toHaveLength(100_000);
  expect(items.at(-1)).toMatchObject({ kind: 'request', at: 99_999, request: 'r99999' });
});

test('rows that are none are counted; files that are none are refused', async () => {
  const some = await parquet('some.parquet', "SELECT i AS at, CASE WHEN i = 3 THEN 'nonsense' ELSE 'redis:0/k' END AS key, 'read' AS access FROM range(9) t(i)");
  const { items, problems } = await read(some);
  expect(items).toHaveLength(8);
  expect(problems.join('\n')).toMatch(/1 of 9 records left out: 1 key is no state key\n.*record 4: .*nonsense/);
  await expect(read(await parquet('no-time.parquet', 'SELECT 1 AS x'))).rejects.toMatchObject({ code: 'input_unreadable', message: expect.stringMatching(/"at"/) as string });
  const broken = join(folder, 'broken.parquet');
  writeFileSync(broken, 'PAR1 and then something else');
  await expect(read(broken)).rejects.toMatchObject({ code: 'input_unreadable' });
});
