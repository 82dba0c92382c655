import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { imported } from '../../test/fixtures/importers/imports.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { importNdjson } from './ndjson.ts';

const at = fc.double({ noNaN: true, min: -8.64e15, max: 8.64e15 }).filter((value) => !Object.is(value, -0));
const text = fc.string({ unit: 'binary' });
const orNull = fc.option(text);
const name = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'));
const item: fc.Arbitrary<TrafficItem> = fc.oneof(
  fc.record({ kind: fc.constant('access' as const), key: name.map((key) => `redis:0/${key}`), access: fc.constantFrom('read' as const, 'write' as const), at, request: orNull, route: orNull }),
  fc.record({ kind: fc.constant('request' as const), at, service: text, route: text.filter((route) => route !== ''), target: orNull, actor: orNull, request: orNull }),
  fc.record({ kind: fc.constant('call' as const), at, from: fc.record({ service: text, route: orNull }), to: fc.record({ service: text, route: text }) }),
  fc.record({ kind: fc.constant('metric' as const), at, member: text, metric: fc.constantFrom('cpu', 'memory'), value: at }),
);

test('items come back as they were', async () => {
  await fc.assert(fc.asyncProperty(fc.array(item), fc.integer({ min: 1, max: 500 }), async (items, chunkBytes) => {
    const { items: found, problems } = await imported(importNdjson, items.map((one) => `${JSON.stringify(one)}\n`).join(''), { chunkBytes });
    expect(found).toEqual(items);
    expect(problems.bad).toBe(0);
  }), { numRuns: 100 });
});

test('what may be null may be left out, and the service is that of the context', async () => {
  const { items } = await imported(importNdjson, '{"kind":"request","at":1,"route":"GET /"}\r\n\r\n{"kind":"access","key":"mem:a/b","access":"read","at":2,"service":"shop"}', { context: { service: 'web' } });
  expect(items).toEqual([
    { kind: 'request', at: 1, service: 'web', route: 'GET /', target: null, actor: null, request: null },
    { kind: 'access', key: 'mem:a/b', access: 'read', at: 2, request: null, route: null, service: 'shop' },
  ]);
});

test.each([
  ['{', 'no JSON'], ['[]', 'at is no time'], ['{"kind":"request","at":"1"}', 'at is no time'], ['{"kind":"request","at":1e300}', 'at is no time'], ['{"kind":"x","at":1}', 'kind is none of access, request, call, metric'],
  ['{"kind":"access","at":1,"key":"cart","access":"read"}', 'key is no state key'], ['{"kind":"access","at":1,"key":"redis:0/日","access":"read"}', 'key is no state key'],
  ['{"kind":"access","at":1,"key":"redis:0/a","access":"del"}', 'access is neither read nor write'], ['{"kind":"request","at":1,"route":7}', 'route is no text'],
  ['{"kind":"call","at":1,"from":{"service":"a"},"to":{"service":"b"}}', 'to is no service and route'], ['{"kind":"metric","at":1,"member":"a","metric":"cpu","value":"1"}', 'value is no number'],
])('%s is bad: %s', async (line, reason) => {
  const { items, problems } = await imported(importNdjson, line);
  expect(items).toEqual([]);
  expect([...problems.reasons.keys()]).toEqual([reason]);
});
