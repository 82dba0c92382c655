import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sample } from '../../test/fixtures/importers/imports.ts';
import { detectFormat, formatNames } from './format.ts';

test.each([
  ['access-combined.txt', 'combined'], ['shop.har', 'har'], ['shop.gor', 'gor'], ['otlp-traces.jsonl', 'otlp-json'], ['otlp-traces-old.jsonl', 'otlp-json'], ['otlp-metrics.jsonl', 'otlp-json'], ['otlp-traces.pb', 'otlp-proto'], ['jaeger.json', 'jaeger'],
] as const)('%s is %s, whatever it is called', (name, format) => {
  expect(detectFormat(sample(name), 'x')).toBe(format);
  expect(detectFormat(sample(name), 'x.har')).toBe(format);
});

test('the content goes before the name, and the name helps where the content does not tell', () => {
  expect(detectFormat(Buffer.from('{"kind":"access","at":1}\n'), 'a.har')).toBe('ndjson');
  expect(detectFormat(Buffer.from('{"at":1,"kind":"metric"}\n'), '-')).toBe('ndjson');
  expect(detectFormat(Buffer.from('{"batches":[{"resource":{}}]}'), '-')).toBe('otlp-json');
  expect(detectFormat(Buffer.from('# a comment\n\n10.0.0.1 - - [29/Nov/2026:20:00:01 +0000] "GET / HTTP/1.1" 200 5\n'), '-')).toBe('combined');
  expect(detectFormat(Buffer.from('whatever'), 'a.GOR.gz')).toBe('gor');
  expect(detectFormat(Buffer.from('whatever'), 'a.txt')).toBeUndefined();
  expect(detectFormat(Buffer.from('{"what": "ever"}'), 'a.jsonl')).toBe('ndjson');
  expect(detectFormat(Buffer.alloc(0), '')).toBeUndefined();
});

test('any bytes have a format or none', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const format = detectFormat(Buffer.from(bytes), 'x');
    expect(format === undefined || formatNames.includes(format)).toBe(true);
  }), { numRuns: 500 });
});
