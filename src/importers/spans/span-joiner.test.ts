import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TrafficItem } from '../../model/traffic.ts';
import { ImportProblems, type InputProblems } from '../problems.ts';
import { SpanJoiner, type SpanJoinerOptions } from './span-joiner.ts';
import type { AttributeValue, TraceSpan } from './span.ts';

type Given = Partial<Omit<TraceSpan, 'attributes'>> & { readonly attributes?: Readonly<Record<string, AttributeValue>> };

const span = ({ attributes = {}, ...given }: Given): TraceSpan => ({ traceId: 't1', spanId: 's', parentId: null, kind: 'internal', name: '', startMs: 1000, service: 'shop', ...given, attributes: new Map(Object.entries(attributes)) });
const server = (given: Given, path: string): TraceSpan => span({ kind: 'server', ...given, attributes: { 'http.request.method': 'GET', 'url.path': path, ...given.attributes } });
const client = (given: Given, url: string): TraceSpan => span({ kind: 'client', ...given, attributes: { 'http.request.method': 'GET', 'url.full': url, 'server.address': new URL(url).hostname } });
const redis = (given: Given, statement: string): TraceSpan => span({ kind: 'client', ...given, attributes: { 'db.system.name': 'redis', 'db.query.text': statement } });

/** A shop that calls a catalogue which is traced, and rates which are not; one access below a middleware, one in the catalogue. */
const trace: readonly TraceSpan[] = [
  server({ spanId: 'a' }, '/cart/7'),
  span({ spanId: 'm', parentId: 'a', startMs: 1001 }),
  redis({ spanId: 'r1', parentId: 'm', startMs: 1002 }, 'INCR hits'),
  client({ spanId: 'c1', parentId: 'm', startMs: 1003 }, 'http://catalogue:80/product/7?x=1'),
  server({ spanId: 'b', parentId: 'c1', startMs: 1004, service: 'catalogue' }, '/product/7'),
  redis({ spanId: 'r2', parentId: 'b', startMs: 1005, service: 'catalogue' }, 'GET product:7'),
  client({ spanId: 'c2', parentId: 'a', startMs: 1006 }, 'http://rates.test/eur'),
];

const wanted: readonly TrafficItem[] = [
  { kind: 'request', at: 1000, service: 'shop', route: 'GET /cart/:id', target: '/cart/7', actor: null, request: 't1' },
  { kind: 'access', key: 'redis:0/hits', access: 'write', at: 1002, request: 't1', route: 'GET /cart/:id', service: 'shop' },
  { kind: 'call', at: 1003, from: { service: 'shop', route: 'GET /cart/:id' }, to: { service: 'catalogue', route: 'GET /product/:id' } },
  { kind: 'request', at: 1004, service: 'catalogue', route: 'GET /product/:id', target: '/product/7', actor: null, request: 't1' },
  { kind: 'access', key: 'redis:0/product:7', access: 'read', at: 1005, request: 't1', route: 'GET /product/:id', service: 'catalogue' },
  { kind: 'call', at: 1006, from: { service: 'shop', route: 'GET /cart/:id' }, to: { service: 'rates.test', route: 'GET /eur' } },
];

function joined(spans: readonly TraceSpan[], options: Partial<SpanJoinerOptions> = {}): { items: TrafficItem[]; problems: InputProblems; joiner: SpanJoiner } {
  const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });
  const joiner = new SpanJoiner({ problems, ...options });
  for (const one of spans) joiner.add(one);
  joiner.finish();
  return { items: joiner.take().sort((a, b) => a.at - b.at), problems, joiner };
}

test('spans make the same traffic in whatever order they come, and however often', () => {
  fc.assert(fc.property(fc.shuffledSubarray([...trace], { minLength: trace.length }), fc.subarray([...trace]), (spans, again) => {
    const { items, problems, joiner } = joined([...spans, ...again]);
    expect(items).toEqual(wanted);
    expect(problems.notes).toEqual([]);
    expect(joiner.weight).toBe(0);
  }), { numRuns: 300 });
});

test('what the request of an access was stays open when its span never comes', () => {
  const { items, problems } = joined(trace.filter(({ spanId }) => spanId !== 'm'));
  expect(items.filter(({ kind }) => kind === 'access')).toMatchObject([{ key: 'redis:0/hits', route: null, service: 'shop' }, { key: 'redis:0/product:7', route: 'GET /product/:id' }]);
  expect(items.filter(({ kind }) => kind === 'call')[0]).toMatchObject({ from: { service: 'shop', route: null }, to: { service: 'catalogue' } });
  expect(problems.notes.map(({ what, subject, count }) => `${what}: ${subject} ${count}`).sort()).toEqual(['parent spans not found: accesses without their request 1', 'parent spans not found: calls without their caller 1']);
});

test('the memory has a bound: the trace that waits longest goes first', () => {
  const many = Array.from({ length: 1000 }, (_, index) => redis({ traceId: `t${index}`, spanId: 'r', parentId: 'x' }, 'GET a'));
  const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });
  const joiner = new SpanJoiner({ problems, mostSpans: 100 });
  for (const one of many) {
    joiner.add(one);
    expect(joiner.weight).toBeLessThanOrEqual(100);
  }
  expect(joiner.take()).toHaveLength(950); // a span and an access that waits count one each
  expect(problems.notes.find(({ what }) => what === 'traces cut by the memory of spans')?.count).toBe(950);
});

test('a trace is complete when others have begun long after it', () => {
  const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });
  const joiner = new SpanJoiner({ problems, idleMs: 1000 });
  joiner.add(client({ spanId: 'c' }, 'http://rates.test/eur'));
  joiner.add(server({ traceId: 't2', spanId: 'x', startMs: 1500 }, '/'));
  expect(joiner.take().map(({ kind }) => kind)).toEqual(['request']);
  joiner.add(server({ traceId: 't3', spanId: 'x', startMs: 2001 }, '/'));
  expect(joiner.take().map(({ kind }) => kind)).toEqual(['request', 'call']);
});

test('a clock on the wall can end the waiting', () => {
  const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });
  const joiner = new SpanJoiner({ problems });
  joiner.add(redis({ spanId: 'r', parentId: 'x' }, 'GET a'), 5000);
  joiner.settleUntouchedSince(5000);
  expect(joiner.take()).toEqual([]);
  joiner.settleUntouchedSince(5001);
  expect(joiner.take()).toHaveLength(1);
});

test('loops and endless chains of parents end', () => {
  const loop = [span({ spanId: 'a', parentId: 'b' }), span({ spanId: 'b', parentId: 'a' }), redis({ spanId: 'r', parentId: 'a' }, 'GET a'), redis({ spanId: 'self', parentId: 'self' }, 'GET b')];
  expect(joined(loop).items).toMatchObject([{ route: null }, { route: null }]);
  const chain = Array.from({ length: 5000 }, (_, index) => redis({ spanId: `${index}`, parentId: `${index + 1}` }, 'GET a'));
  const start = performance.now();
  expect(joined(chain).items).toHaveLength(5000);
  expect(performance.now() - start).toBeLessThan(2000);
});

test('messages are no calls, and what their consumers do is of no request', () => {
  const { items } = joined([
    server({ spanId: 'a' }, '/order'), span({ spanId: 'p', parentId: 'a', kind: 'producer' }), span({ spanId: 'k', parentId: 'p', kind: 'consumer', service: 'mailer' }),
    redis({ spanId: 'r', parentId: 'k', service: 'mailer' }, 'GET a'), span({ spanId: 'q', parentId: 'a', kind: 'client', attributes: { 'messaging.system': 'kafka', 'server.address': 'kafka' } }),
  ]);
  expect(items).toMatchObject([{ kind: 'request' }, { kind: 'access', route: null, service: 'mailer' }]);
});

test('gRPC methods are routes', () => {
  const { items } = joined([server({ spanId: 'a' }, '/'), span({ spanId: 'c', parentId: 'a', kind: 'client', attributes: { 'rpc.system': 'grpc', 'rpc.service': 'shop.Rates', 'rpc.method': 'Get', 'server.address': 'rates' } })]);
  expect(items[1]).toMatchObject({ kind: 'call', to: { service: 'rates', route: 'POST /shop.Rates/Get' } });
});
