import { expect, test } from 'vitest';
import { imported, sample } from '../../../test/fixtures/importers/imports.ts';
import { ForeshardError } from '../../model/errors.ts';
import type { RequestEvent } from '../../model/traffic.ts';
import { importNginx, nginxParser } from './nginx.ts';

const main = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$cookie_sid" $request_time';
const parse = (format: string, text: string): RequestEvent | string => nginxParser(format, 'shop')({ text, isTooLong: false });

test('a log in its own format', async () => {
  const { items, problems } = await imported(importNginx, sample('nginx.txt'), { chunkBytes: 50, context: { logFormat: main } });
  expect(items).toEqual([
    { kind: 'request', at: Date.UTC(2026, 10, 29, 20, 0, 0), service: '', route: 'GET /cart/:id', target: '/cart/7?q="a"', actor: 's3cret', request: null },
    { kind: 'request', at: Date.UTC(2026, 10, 29, 20, 0, 1), service: '', route: 'POST /cart/:id/items', target: '/cart/8/items', actor: '203.0.113.10', request: null },
  ]);
  expect([...problems.reasons]).toEqual([['no request', 1]]);
});

test.each<[string, string, string, Partial<RequestEvent>]>([
  ['the directive as it stands in nginx.conf', `log_format  main  '$remote_addr - $remote_user [$time_local] '\n    '"$request" $status';`, '10.0.0.1 - ann [29/Nov/2026:20:00:01 +0000] "GET /a HTTP/1.1" 200', { actor: 'ann', target: '/a' }],
  ['escape=json', `log_format j escape=json '{"t":"$time_iso8601","m":"$request_method","u":"$request_uri","id":"$request_id","user":"$http_x_user_id","s":$status}';`,
    String.raw`{"t":"2026-11-29T21:00:01+01:00","m":"GET","u":"/s?q=\"x\"&r=\u00e9","id":"abc","user":"u7","s":200}`, { at: Date.UTC(2026, 10, 29, 20, 0, 1), target: '/s?q="x"&r=é', request: 'abc', actor: 'u7' }],
  ['an empty value in JSON', '{"t":"$msec","r":"$request","c":"$cookie_sid","a":"$remote_addr"}', '{"t":"1795982401.5","r":"GET / HTTP/1.1","c":"","a":"10.0.0.1"}', { at: 1795982401500, actor: '10.0.0.1' }],
  ['path and query apart', '$msec $request_method ${uri} $args $remote_addr', '1795982401.250 GET /a/b x=1 10.0.0.1', { at: 1795982401250, target: '/a/b?x=1', actor: '10.0.0.1' }],
  ['path and query together', '$msec $request_method $scheme://$host$uri$is_args$args $status', '1795982401.250 GET https://shop.test/a?x=1 200', { target: '/a?x=1' }],
  ['no query', '$msec $request_method $uri $args', '1795982401.250 GET /a -', { target: '/a' }],
  ['what stands after the last variable that counts may be anything', '[$time_local] "$request" $upstream_response_time $pipe', '[29/Nov/2026:20:00:01 +0000] "GET /a HTTP/1.1" 0.1, 0.2 .', { target: '/a', actor: null }],
])('%s', (_, format, line, wanted) => {
  expect(parse(format, line)).toMatchObject({ service: 'shop', ...wanted });
});

test('lines that do not have the format are bad', () => {
  expect(parse(main, 'hello')).toBe('not in the log format');
  expect(parse(main, '10.0.0.1 - - [yesterday] "GET / HTTP/1.1" 200 5 "-" "-" "-" 0.1')).toBe('no such time');
  expect(parse('$msec $request_method $request_uri', '1795982401.250 - -')).toBe('no request');
});

test.each([
  ['$remote_addr $status', 'a time ($time_local, $time_iso8601 or $msec) and a request'],
  ['$time_local $request_uri', 'a method ($request_method beside $request_uri)'],
  ['"$request"', 'a time'],
  ['hello', 'a request'],
  ['$remote_addr$time_local "$request"', 'nothing separates $remote_addr from $time_local'],
])('the format %s is refused with what is missing', (format, why) => {
  try {
    nginxParser(format, '');
    expect.fail('it was taken');
  } catch (error) {
    expect(error).toBeInstanceOf(ForeshardError);
    expect((error as ForeshardError).code).toBe('usage');
    expect((error as ForeshardError).message).toContain(why);
  }
});
