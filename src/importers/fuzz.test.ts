import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunksOf, sample } from '../../test/fixtures/importers/imports.ts';
import { ForeshardError } from '../model/errors.ts';
import { importGor } from './gor.ts';
import { importHar } from './har.ts';
import type { Importer } from './importer.ts';
import { importJaeger } from './jaeger.ts';
import { isTime } from './json-fields.ts';
import { importCombined } from './logs/combined.ts';
import { importNginx } from './logs/nginx.ts';
import { importNdjson } from './ndjson.ts';
import { importOtlpJson } from './otlp/otlp-json.ts';
import { importOtlpProto } from './otlp/otlp-proto.ts';
import { ImportProblems } from './problems.ts';

const logFormat = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$cookie_sid" $request_time';
const items = '{"kind":"access","key":"redis:0/a","access":"read","at":1,"request":null,"route":null}\n{"kind":"call","at":1,"from":{"service":"a","route":null},"to":{"service":"b","route":"GET /"}}\n';
const importers: readonly (readonly [name: string, importer: Importer, sample: Buffer])[] = [
  ['combined', importCombined, sample('access-combined.txt').subarray(0, 3000)], ['nginx', (chunks, context) => importNginx(chunks, { ...context, logFormat }), sample('nginx.txt')], ['har', importHar, sample('shop.har')],
  ['gor', importGor, sample('shop.gor')], ['otlp-json', importOtlpJson, sample('otlp-traces.jsonl')], ['otlp-json metrics', importOtlpJson, sample('otlp-metrics.jsonl')], ['otlp-proto', importOtlpProto, sample('otlp-traces.pb').subarray(0, 6000)], ['jaeger', importJaeger, sample('jaeger.json')], ['ndjson', importNdjson, Buffer.from(items)],
];

/** Whatever comes in: items of sound values or a coded error come out. */
async function survives(importer: Importer, bytes: Buffer, chunkBytes: number): Promise<void> {
  const problems = new ImportProblems().open({ input: 'fuzz', format: 'combined', expected: '', unit: 'line' });
  try {
    for await (const batch of importer(chunksOf(bytes, chunkBytes), { input: 'fuzz', service: '', problems })) {
      for (const item of batch) expect(isTime(item.at)).toBe(true);
    }
    problems.finish();
  } catch (error) {
    if (!(error instanceof ForeshardError)) throw error;
    expect(error.code).toBe('input_unreadable');
  }
  for (const line of problems.describe()) expect(line).toMatch(/^[^\u0000-\u001f]*$/);
}

/** A sample with parts of it written over, left out, said twice. */
function mutated(original: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(original.length), length: fc.nat(40), put: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('"', '\\', '\n', '{', ']', '-1', '1e999', 'null', '\u0000', '9'.repeat(30)).map((text) => Buffer.from(text))) });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => changes.reduce((bytes, { at, length, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]), original));
}

describe.each(importers)('%s', (_, importer, original) => {
  test('random bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 500 }), (bytes, chunkBytes) => survives(importer, Buffer.from(bytes), chunkBytes)), { numRuns: 150 });
  });

  test('mutated samples', async () => {
    await fc.assert(fc.asyncProperty(mutated(original), fc.constantFrom(13, 1000, 1 << 20), (bytes, chunkBytes) => survives(importer, bytes, chunkBytes)), { numRuns: 120 });
  });

  test('the sample cut anywhere', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(original.length), (end) => survives(importer, original.subarray(0, end), 1000)), { numRuns: 60 });
  });

  test('CRLF instead of LF', async () => {
    await survives(importer, Buffer.from(original.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'), 1000);
  });
});

test('long lines of what could be mistaken for the start of something take time in proportion', async () => {
  const parts = ['[29/Nov/2026:20:00:01 +0000] "', ' [', '"\\', '\\"', '{"a":[', '1 a 1\n', '"a":', '\n', '{', '🐵', '{"resourceSpans":[{', '\n\u0001', 'GET GET '];
  for (const [name, importer] of importers) {
    for (const part of parts) {
      const start = performance.now();
      await survives(importer, Buffer.from(part.repeat(Math.ceil(400_000 / part.length))), 64 * 1024);
      expect(performance.now() - start, `${name}: ${JSON.stringify(part)}`).toBeLessThan(4_000);
    }
  }
});
