import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteString, utf8ByteString } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';
import type { TrafficItem } from '../model/traffic.ts';
import type { ImportContext } from './importer.ts';
import { fieldsOf, type Fields } from './json-fields.ts';
import { itemOf } from './ndjson.ts';

/** What DuckDB may use before it goes to disk. */
const memoryLimit = '1GB';

/**
 * Rows of a Parquet file, in order of time: columns as the fields of our NDJSON. `at` may be a TIMESTAMP or ms; keys are text or bytes as Redis has them; `kind` may be left out
 * where `key`, `metric` or `route` tell it. DuckDB reads and sorts; it is an optional peer (`@duckdb/node-api`).
 * @throws ForeshardError `usage` without it; `input_unreadable`
 */
export async function* importParquet(path: string, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const { DuckDBInstance } = await duckdb();
  // Nothing is fetched from elsewhere: what reads Parquet is built in.
  const settings = { memory_limit: memoryLimit, threads: '2', temp_directory: join(tmpdir(), `foreshard-duckdb-${process.pid}`), autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' };
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  try {
    const result = await connection.stream('SELECT * FROM read_parquet($1) ORDER BY "at"', [path]);
    let number = 0;
    for await (const rows of result.yieldRowObjectJs()) {
      const items: TrafficItem[] = [];
      for (const row of rows) {
        number++;
        const item = itemOf(fieldsFrom(row), context.service);
        if (typeof item === 'object') items.push(item);
        else context.problems.addBad({ number, reason: item, text: textOf(row) });
      }
      context.problems.addGood(items.length);
      yield items;
    }
  } catch (error) {
    if (error instanceof ForeshardError) throw error;
    throw new ForeshardError('input_unreadable', `${context.input}: it cannot be read as Parquet: ${(error as Error).message.split('\n', 1)[0]}.`, {
      hint: 'It needs a column `at`, and the fields of our NDJSON as columns.', cause: error,
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function duckdb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    throw new ForeshardError('usage', 'Parquet files are read by DuckDB, which is not installed.', { hint: 'npm install @duckdb/node-api', cause });
  }
}

/** A row as an object of our NDJSON. */
function fieldsFrom(row: Fields): Fields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) if (value !== null) fields[name] = plain(value);
  fields['kind'] ??= 'key' in fields ? 'access' : 'metric' in fields ? 'metric' : 'route' in fields ? 'request' : undefined;
  const { key } = row;
  if (typeof key === 'string') fields['key'] = utf8ByteString(key);
  if (key instanceof Uint8Array) fields['key'] = byteString(key);
  return fields;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, inner]) => [name, plain(inner)]));
}

function textOf(row: Fields): string {
  return JSON.stringify(row, (_name, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
}
