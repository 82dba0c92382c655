import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { descriptorFile } from '../../../scripts/build-otlp-descriptor.mjs';
import { imported, sample } from '../../../test/fixtures/importers/imports.ts';
import { readFileSync } from 'node:fs';
import type { TrafficItem } from '../../model/traffic.ts';
import { importOtlpJson } from './otlp-json.ts';
import { encodeRequest, signalOf, type OtlpSignal } from './otlp-messages.ts';
import { importOtlpProto } from './otlp-proto.ts';
import { framingOf } from './protobuf-elements.ts';

type Json = Readonly<Record<string, unknown>>;

const tracesNow = sample('otlp-traces.jsonl').toString();
const metricsNow = sample('otlp-metrics.jsonl').toString();
const documents = (text: string): Json[] => text.trim().split('\n').map((line) => JSON.parse(line) as Json);

/** The same with ids as bytes, as protobufjs takes them. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, /^(traceId|spanId|parentSpanId)$/.test(name) ? Buffer.from(String(inner), 'hex') : withBytes(inner)]));
}

const encoded = (document: Json, signal: OtlpSignal): Buffer => Buffer.from(encodeRequest(withBytes(document) as Json, signal));
const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
};
const varintFramed = (message: Buffer): Buffer => {
  const length: number[] = [];
  for (let rest = message.length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.from([...length, rest]), message]);
    length.push((rest & 0x7f) | 0x80);
  }
};

test('the descriptor is that of the .proto files', async () => {
  expect(readFileSync(new URL('./descriptor.ts', import.meta.url), 'utf8')).toBe(await descriptorFile());
});

test('what an SDK of today sends', async () => {
  const { items, problems } = await imported(importOtlpJson, tracesNow);
  const request = '7c405ec02eb29aee216218e704849416';
  const route = 'GET /cart/:id';
  const inShop = { request, route, service: 'shop' };
  expect(items).toMatchObject([
    { kind: 'request', service: 'shop', route, target: '/cart/7?view=full', actor: '203.0.113.9', request },
    { kind: 'access', key: 'redis:0/cart:7', access: 'write', ...inShop },
    { kind: 'access', key: 'redis:0/hits', access: 'write', ...inShop },
    { kind: 'access', key: 'redis:0/sess:7', access: 'write', ...inShop },
    { kind: 'access', key: 'redis:0/x', access: 'write', ...inShop },
    { kind: 'access', key: 'redis:0/cart:7:total', access: 'read', ...inShop },
    { kind: 'access', key: 'redis:0/sess:7', access: 'read', ...inShop },
    { kind: 'access', key: 'redis:0/p', access: 'read', ...inShop },
    { kind: 'access', key: 'redis:0/q', access: 'write', ...inShop },
    { kind: 'call', from: { service: 'shop', route }, to: { service: 'catalogue', route: 'GET /product/:id' } },
    { kind: 'request', service: 'catalogue', route: 'GET /product/:id', target: '/product/7?full=1' },
    { kind: 'access', key: 'redis:0/product:7', access: 'read', request, route: 'GET /product/:id', service: 'catalogue' },
    { kind: 'call', from: { service: 'shop', route }, to: { service: '127.0.0.1', route: 'GET /rates/eur' } },
  ]);
  expect(problems.notes.map(({ what, subject, count }) => [what, subject, count])).toEqual([['keys hidden', 'MGET', 2], ['keys hidden', 'HGETALL', 1], ['keys hidden', 'EVAL', 1]]);
  expect(problems.bad).toBe(0);
});

test('what an SDK of 2023 sends', async () => {
  const { items, problems } = await imported(importOtlpJson, sample('otlp-traces-old.jsonl'));
  expect(items.map((item) => (item.kind === 'access' ? `${item.access} ${item.key}` : item.kind))).toEqual(['request', 'write redis:0/cart:7', 'write redis:0/hits', 'write redis:0/x', 'read redis:0/cart:7:total']);
  expect(items[0]).toMatchObject({ route: 'GET /cart/:id', target: '/cart/7?view=full', actor: '203.0.113.9', service: 'shop' });
  expect(problems.bad).toBe(0);
});

test('one document, one a line, pretty or not, with ids as Tempo writes them: the same items', async () => {
  const { items } = await imported(importOtlpJson, tracesNow);
  const all = { resourceSpans: documents(tracesNow).flatMap((document) => document['resourceSpans'] as unknown[]) };
  const tempo = JSON.parse(JSON.stringify(withBytes(all), (_, value: unknown) => ((value as { type?: string } | null)?.type === 'Buffer' ? Buffer.from((value as { data: number[] }).data).toString('base64') : value))) as typeof all;
  const forms = [
    JSON.stringify(all), JSON.stringify(all, null, 2), JSON.stringify(all, null, '\t').replaceAll('\n', '\r\n'), `\ufeff${tracesNow}`, JSON.stringify({ batches: tempo.resourceSpans }), JSON.stringify({ trace: tempo }, null, 1),
    JSON.stringify(all).replaceAll('"kind":3', '"kind":"SPAN_KIND_CLIENT"').replaceAll('"kind":2', '"kind":"SPAN_KIND_SERVER"').replaceAll('"scopeSpans"', '"instrumentationLibrarySpans"'),
  ];
  for (const form of forms) expect((await imported(importOtlpJson, form, { chunkBytes: 777 })).items).toEqual(items);
});

test('protobuf gives what JSON gives, in every framing', async () => {
  const cases: readonly (readonly [string, OtlpSignal])[] = [[tracesNow, 'traces'], [metricsNow, 'metrics'], [sample('otlp-traces-old.jsonl').toString(), 'traces']];
  for (const [text, signal] of cases) {
    const { items } = await imported(importOtlpJson, text);
    const messages = documents(text).map((document) => encoded(document, signal));
    expect(items.length).toBeGreaterThan(0);
    for (const bytes of [Buffer.concat(messages), Buffer.concat(messages.map(framed)), Buffer.concat(messages.map(varintFramed))]) {
      for (const chunkBytes of [1, 1000, 1 << 20]) {
        const { items: found, problems } = await imported(importOtlpProto, bytes, { chunkBytes });
        expect(found).toEqual(items);
        expect(problems.bad).toBe(0);
      }
    }
  }
});

test('bytes that a real SDK sent', async () => {
  const { items, problems } = await imported(importOtlpProto, sample('otlp-traces.pb'));
  const counts = new Map<TrafficItem['kind'], number>();
  for (const { kind } of items) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  expect([...counts]).toEqual([['request', 5], ['access', 24], ['call', 6]]);
  expect(problems.bad).toBe(0);
});

test('framings and signals are told apart', () => {
  const [traces, metrics] = [encoded(documents(tracesNow)[0] as Json, 'traces'), encoded(documents(metricsNow)[0] as Json, 'metrics')];
  expect([traces, framed(traces), varintFramed(traces), metrics, framed(metrics), Buffer.from('hello'), Buffer.from('\n\n\n\n\n'), Buffer.alloc(0)].map(framingOf)).toEqual(['raw', 'length32', 'varint', 'raw', 'length32', undefined, undefined, undefined]);
  const elementOf = (message: Buffer): Buffer => message.subarray(message.indexOf(0x0a, 1)); // after tag and length, whose bytes are not 0x0a here
  expect([signalOf(elementOf(traces)), signalOf(elementOf(metrics)), signalOf(Buffer.alloc(0))]).toEqual(['traces', 'metrics', undefined]);
});

test('truncated and damaged messages are bad, what came before them is not lost', async () => {
  const messages = documents(tracesNow).map((document) => framed(encoded(document, 'traces')));
  const all = Buffer.concat([...messages, ...messages]);
  const { items, problems } = await imported(importOtlpProto, all.subarray(0, all.length - 100));
  expect(items.length).toBeGreaterThan(10);
  expect([...problems.reasons]).toEqual([['the message ends early', 1]]);
  await fc.assert(fc.asyncProperty(fc.nat(all.length - 1), fc.uint8Array({ minLength: 1, maxLength: 20 }), async (at, bytes) => {
    const damaged = Buffer.from(all);
    damaged.set(bytes.subarray(0, all.length - at), at);
    try {
      await imported(importOtlpProto, damaged);
    } catch (error) {
      expect((error as { code?: string }).code).toBe('input_unreadable');
    }
  }), { numRuns: 100 });
});

test('records that are none are bad', async () => {
  const { problems } = await imported(importOtlpJson, '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}\n{"other":[1]}\n{"resourceLogs":[{}]}\nnonsense\n');
  expect([...problems.reasons]).toEqual([['a span without ids or time', 1], ['no export request of OTLP', 1], ['no JSON', 1]]);
  expect(problems.notes).toEqual([{ what: 'records left out', subject: 'logs', count: 1 }]);
});
