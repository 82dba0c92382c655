import { expect, test } from 'vitest';
import { imported, sample } from '../../../test/fixtures/importers/imports.ts';
import type { RequestEvent } from '../../model/traffic.ts';
import { combinedParser, importCombined } from './combined.ts';

const parse = (text: string): RequestEvent | string => combinedParser('')({ text, isTooLong: false });
const at = (seconds: number): number => Date.UTC(2026, 10, 29, 20, 0, seconds);

test('a real log is read to the last line', async () => {
  const { items, problems } = await imported(importCombined, sample('access-combined.txt'), { chunkBytes: 1000 });
  expect(items).toHaveLength(200);
  expect(problems.bad).toBe(0);
  expect(items[0]).toEqual({
    kind: 'request', at: Date.UTC(2015, 4, 17, 10, 5, 3), service: '', route: 'GET /presentations/logstash-monitorama-:id/images/kibana-search.png',
    target: '/presentations/logstash-monitorama-2013/images/kibana-search.png', actor: '83.149.9.216', request: null,
  });
});

test.each<[string, string, Partial<RequestEvent>]>([
  ['common', '10.0.0.1 - - [29/Nov/2026:20:00:01 +0000] "GET /cart/7?a=b HTTP/1.1" 200 5', { at: at(1), route: 'GET /cart/:id', target: '/cart/7?a=b', actor: '10.0.0.1' }],
  ['a zone', '10.0.0.1 - - [29/Nov/2026:21:30:02 +0130] "GET / HTTP/1.0" 304 -', { at: at(2) }],
  ['a zone before Greenwich', '10.0.0.1 - - [29/Nov/2026:15:00:02 -0500] "GET / HTTP/1.0" 304 -', { at: at(2) }],
  ['a fraction of a second', '10.0.0.1 - - [29/Nov/2026:20:00:02.250 +0000] "GET / HTTP/1.0" 304 -', { at: at(2) + 250 }],
  ['a user', 'fe80::1 - ann lee [29/Nov/2026:20:00:01 +0000] "POST /a HTTP/2.0" 200 5 "-" "x"', { actor: 'ann lee', route: 'POST /a' }],
  ['escaped quotes', String.raw`h - - [29/Nov/2026:20:00:01 +0000] "GET /s?q=\"a\\\"&r=\x22b\x22 HTTP/1.1" 200 5 "\"" "x" more fields`, { target: String.raw`/s?q="a\"&r="b"` }],
  ['a virtual host', 'shop.test:443 10.0.0.1 - - [29/Nov/2026:20:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "-"', { actor: '10.0.0.1', service: 'shop.test:443' }],
  ['HTTP/0.9', 'h - - [29/Nov/2026:20:00:01 +0000] "GET /old" 200 5', { target: '/old' }],
  ['a space in the target', 'h - - [29/Nov/2026:20:00:01 +0000] "GET /a b HTTP/1.1" 404 5', { target: '/a b' }],
  ['a proxy request', 'h - - [29/Nov/2026:20:00:01 +0000] "GET http://x.test/a/7 HTTP/1.1" 404 5', { route: 'GET /a/:id' }],
])('%s', (_, line, wanted) => {
  expect(parse(line)).toMatchObject(wanted);
});

test.each([
  ['-', 'no time in brackets, followed by a request in quotes'],
  ['h - - [29/Nov/2026:20:00:01 +0000] "-" 408 -', 'no request'],
  [String.raw`h - - [29/Nov/2026:20:00:01 +0000] "\x16\x03\x01\x02" 400 226`, 'no request'],
  ['h - - [29/Nov/2026:20:00:01 +0000] "PRI * HTTP/2.0" 400 226', 'no request'],
  ['h - - [29/Xyz/2026:20:00:01 +0000] "GET / HTTP/1.1" 200 5', 'no such time'],
  ['h - - [29/Nov/2026:20:00:01 +0000] "GET / HTTP/1.1', 'no status after the request'],
  ['h [29/Nov/2026:20:00:01 +0000] "GET / HTTP/1.1" 200 5', 'no address'],
])('%s is bad', (line, reason) => {
  expect(parse(line)).toBe(reason);
});

test('a service that is named is that of all requests', async () => {
  const { items } = await imported(importCombined, 'h - - [29/Nov/2026:20:00:01 +0000] "GET / HTTP/1.1" 200 5\r\n', { context: { service: 'shop' } });
  expect(items).toMatchObject([{ service: 'shop' }]);
});
