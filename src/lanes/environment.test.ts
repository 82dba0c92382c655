import { expect, test } from 'vitest';
import { addressVariables, fillPlaceholders, leadCommand, leadEnvironment, pastProxies, splitAddress } from './environment.ts';
import { placedRedirects, placeholderValues } from './placeholders.ts';

const redis = { kind: 'redis' as const, name: 'redis', from: 'localhost:6379', to: { host: '127.0.0.1', port: 21001 } };
const cache = { kind: 'redis' as const, name: 'cache', from: 'cache.internal:6379', to: { host: '127.0.0.1', port: 21002 } };
const catalogue = { kind: 'http' as const, name: 'catalogue', from: 'catalogue:8000', to: { host: '127.0.0.1', port: 21003 } };
const all = [redis, cache, catalogue];

test('placeholders: ours are filled in, other braces stay, unknown ones of ours are an error', () => {
  const values = placeholderValues(all, 20500);
  expect(fillPlaceholders('{redis.url} {redis.cache.port} {http.catalogue.url}/x {port}', values)).toBe('redis://127.0.0.1:21001 21002 http://127.0.0.1:21003/x 20500');
  for (const text of ['{"a":{"b":1}}', '${HOME}', '{}', '{other.thing}', 'awk {print}']) expect(fillPlaceholders(text, values)).toBe(text);
  expect(() => fillPlaceholders('x {http.orders.url}', values)).toThrow(/\{http\.orders\.url\} in "x \{http\.orders\.url\}" stands for nothing/);
  expect(placedRedirects(all, ['a {http.catalogue.host}', '{redis.port}'])).toEqual(new Set([redis, catalogue]));
});

test('addresses are replaced at their borders, in every spelling of the loopback', () => {
  const { value, led } = leadEnvironment({
    A: 'redis://:secret@LOCALHOST:6379/3', B: '[::1]:6379', C: 'localhost:63790', D: 'my-localhost:6379', E: 'x.localhost:6379', F: '127.0.0.1:6379,cache.internal:6379', G: 'http://catalogue:8000/v1',
  }, all);
  expect(value).toEqual({
    A: 'redis://:secret@127.0.0.1:21001/3', B: '127.0.0.1:21001', C: 'localhost:63790', D: 'my-localhost:6379', E: 'x.localhost:6379',
    F: '127.0.0.1:21001,127.0.0.1:21002', G: 'http://127.0.0.1:21003/v1',
  });
  expect(led).toEqual(new Set(all));
  expect(leadCommand(['serve', '--redis=localhost:6379'], [redis]).value).toEqual(['serve', '--redis=127.0.0.1:21001']);
});

test('host and port in two variables', () => {
  expect(leadEnvironment({ CACHE_HOST: 'cache.internal', CACHE_PORT: '6379' }, all).value).toEqual({ CACHE_HOST: '127.0.0.1', CACHE_PORT: '21002' });
  expect(leadEnvironment({ REDIS_PORT: '6379' }, [redis])).toMatchObject({ value: { REDIS_PORT: '21001' } });
  // the service's own port, another host's, and a port whose name says nothing of Redis stay
  for (const env of [{ PORT: '6379' }, { REDIS_HOST: 'elsewhere', REDIS_PORT: '6379' }, { METRICS_PORT: '6379' }]) {
    expect(leadEnvironment(env, [redis])).toEqual({ value: env, led: new Set() });
  }
});

test('proxies are passed by', () => {
  expect(pastProxies({ NO_PROXY: '10.0.0.1' }, ['127.0.0.1'])).toEqual({});
  expect(pastProxies({ HTTP_PROXY: 'http://proxy:3128', NO_PROXY: '10.0.0.1, a' }, ['127.0.0.1', 'catalogue'])).toEqual({
    no_proxy: '10.0.0.1,a,localhost,127.0.0.1,catalogue', NO_PROXY: '10.0.0.1,a,localhost,127.0.0.1,catalogue',
  });
});

test('host:port', () => {
  expect(splitAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
  expect(splitAddress('a.b:8000')).toEqual({ host: 'a.b', port: 8000 });
});

test.each([
  ['a URL, without its password', { REDIS_URL: 'redis://user:secret@127.0.0.1:6390/2', HOME: '/root' }, { REDIS_URL: 'redis://127.0.0.1:6390/2' }],
  ['another name of this machine', { CACHE: 'localhost:6390' }, { CACHE: 'localhost:6390' }],
  ['host and port apart', { REDIS_HOST: '127.0.0.1', REDIS_PORT: '6390', PORT: '8090', DB_HOST: '127.0.0.1', DB_PORT: '5432' }, { REDIS_HOST: '127.0.0.1', REDIS_PORT: '6390' }],
  ['a port alone', { REDIS_PORT: '6390', OTHER_PORT: '6390' }, { REDIS_PORT: '6390' }],
  ['a longer port', { A: '127.0.0.1:63901', B: '10.127.0.0.1:6390' }, {}],
])('variables that lead to a server: %s', (_name, environment, found) => {
  expect(addressVariables(['127.0.0.1:6390'], environment)).toEqual(found);
});
