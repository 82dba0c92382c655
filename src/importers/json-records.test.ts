import { expect, test } from 'vitest';
import { chunksOf } from '../../test/fixtures/importers/imports.ts';
import { jsonRecords } from './json-records.ts';
import { ImportProblems } from './problems.ts';

async function records(text: string, chunkBytes = 5): Promise<{ found: string[]; reasons: string[] }> {
  const problems = new ImportProblems().open({ input: '', format: '', expected: '', unit: 'record' });
  const found: string[] = [];
  for await (const batch of jsonRecords(chunksOf(text, chunkBytes), { input: '', service: '', problems })) found.push(...batch.map(({ list, number, value }) => `${number} ${list} ${JSON.stringify(value)}`));
  return { found, reasons: [...problems.reasons].map(([reason, count]) => `${count} ${reason}`) };
}

test.each([
  ['a document a line', '{"a":[{"x":1},{"x":2}]}\n{"b":{"c":[{}]}}\n', ['1 a {"x":1}', '1 a {"x":2}', '2 c {}'], []],
  ['a line alone', '{"a":[{"x":1}]}', ['1 a {"x":1}'], []],
  ['a line alone with its end', '{"a":[{"x":1}]}\n', ['1 a {"x":1}'], []],
  ['empty lines before', '\n\n{"a":[{"x":1}]}\n{"a":[{"x":2}]}', ['1 a {"x":1}', '2 a {"x":2}'], []],
  ['a document over many lines', '{\n "a": [\n  {"x": 1},\n  {"x": 2}\n ]\n}\n', ['1 a {"x":1}', '2 a {"x":2}'], []],
  ['an element a line', '{"a": [\n{"x": 1},\n{"x": 2}\n]}', ['1 a {"x":1}', '2 a {"x":2}'], []],
  ['a damaged first line', '{"a":[{"x"\n{"a":[{"x":2}]}\n', ['2 a {"x":2}'], ['1 no JSON']],
  ['a damaged line', '{"a":[{"x":1}]}\n{"a":[{"x"\n{"a":[{"x":3}]}\n', ['1 a {"x":1}', '3 a {"x":3}'], ['1 no JSON']],
  ['damaged elements', '{"a": [\n{"x" 1},\n{"x": 2}\n]}', ['2 a {"x":2}'], ['1 no JSON']],
  ['nothing', '', [], []],
])('%s', async (_, text, found, reasons) => {
  for (const chunkBytes of [1, 5, 1000]) expect(await records(text, chunkBytes)).toEqual({ found, reasons });
});
