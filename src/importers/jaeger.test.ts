import { expect, test } from 'vitest';
import { imported, sample } from '../../test/fixtures/importers/imports.ts';
import { importJaeger } from './jaeger.ts';

const trace = '00000000000000003c191d03fa8be065';
const startMs = 1795990463100;

test("Jaeger's export is requests, calls and accesses, in order of time", async () => {
  const { items, problems } = await imported(importJaeger, sample('jaeger.json'), { chunkBytes: 100 });
  expect(items).toEqual([
    { kind: 'request', at: 1795990460000, service: 'shop', route: 'GET /health', target: '/health', actor: null, request: '00000000000000002b191d03fa8be064' },
    { kind: 'request', at: startMs, service: 'shop', route: 'GET /cart/:id', target: '/cart/7', actor: 'ann', request: trace },
    { kind: 'call', at: startMs, from: { service: 'shop', route: 'GET /cart/:id' }, to: { service: 'catalogue', route: 'GET /product/{id}' } },
    { kind: 'request', at: startMs + 1, service: 'catalogue', route: 'GET /product/{id}', target: '/product/7?full=1', actor: null, request: trace },
    { kind: 'access', key: 'redis:3/product:7', access: 'read', at: startMs + 2, request: trace, route: 'GET /product/{id}', service: 'catalogue' },
  ]);
  expect(problems.describe()).toEqual([]);
});

test('spans without ids are bad, and so is anything that is no trace', async () => {
  const { items, problems } = await imported(importJaeger, '{"data": [{"spans": [{"traceID": "x"}, {"traceID": "1", "spanID": "0", "startTime": 5}]}, {"id": 1}], "other": [{}]}');
  expect(items).toEqual([]);
  expect([...problems.reasons]).toEqual([['a span without ids or time', 2], ['no trace of Jaeger', 2]]);
});
