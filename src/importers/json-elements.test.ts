import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { JsonElements, type JsonFinding } from './json-elements.ts';

function found(bytes: Buffer, chunkBytes: number, limitBytes?: number): JsonFinding[] {
  const elements = new JsonElements({ input: 'sample', ...(limitBytes === undefined ? {} : { limitBytes }) });
  const findings: JsonFinding[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) findings.push(...elements.push(bytes.subarray(at, at + chunkBytes)));
  return [...findings, ...elements.end()];
}

const scalar = fc.oneof(fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ']', ',', ':', 'é', '🐵') }), fc.integer(), fc.boolean(), fc.constant(null));
const element = fc.oneof(fc.dictionary(fc.string(), fc.oneof(scalar, fc.array(scalar), fc.dictionary(fc.string(), scalar))), fc.array(scalar));

test('the elements of lists are given, however the document is written and the chunks are cut', () => {
  const member = fc.oneof(scalar, fc.array(fc.oneof(element, scalar)));
  fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', 'c') }), fc.oneof(member, fc.dictionary(fc.constantFrom('x', 'y'), member))), fc.constantFrom(undefined, 1, 2), fc.integer({ min: 1, max: 40 }), (document, indent, chunkBytes) => {
    const wanted: { list: string; value: unknown }[] = [];
    const collect = (value: unknown, list: string): void => {
      if (Array.isArray(value)) wanted.push(...(value as unknown[]).filter((one) => typeof one === 'object' && one !== null).map((one) => ({ list, value: one })));
      else if (typeof value === 'object' && value !== null) for (const [name, inner] of Object.entries(value)) collect(inner, name);
    };
    collect(document, '');
    const text = JSON.stringify(document, null, indent);
    const findings = found(Buffer.from(text), chunkBytes);
    expect(findings.map((finding) => ('list' in finding ? { list: finding.list, value: JSON.parse(finding.text) as unknown } : finding))).toEqual(JSON.parse(JSON.stringify(wanted)));
  }), { numRuns: 300 });
});

test('a document that ends early or is no JSON is said once', () => {
  const reasons = (text: string): string[] => found(Buffer.from(text), 3).flatMap((finding) => ('reason' in finding ? [finding.reason] : []));
  expect(reasons('{"a": [{"b": 1}, {"c"')).toEqual(['the document ends early']);
  expect(reasons('{"a": ')).toEqual(['the document ends early']);
  expect(reasons('{"a": ]}')).toEqual(['is not JSON']);
  expect(reasons('hello')).toEqual(['is not JSON']);
  expect(reasons('{"a":'.repeat(100))).toEqual(['is nested too deeply']);
  expect(reasons('{"a": [1, "x", null]} {"b": 2}')).toEqual([]);
});

test('an element over the limit is refused by code', () => {
  expect(() => found(Buffer.from(`{"a": [{"b": "${'x'.repeat(5000)}"}]}`), 100, 1000)).toThrow(ForeshardError);
});

test('any bytes end', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 50 }), (bytes, chunkBytes) => {
    found(Buffer.from(bytes), chunkBytes);
  }), { numRuns: 300 });
});
