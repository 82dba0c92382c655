import { expect, test } from 'vitest';
import { RedirectTable, canonicalHost, isLoopback } from './redirects.ts';

const to = { host: '127.0.0.1', port: 40_001 };

test.each(['localhost', 'LOCALHOST', '127.0.0.1', '::1', '[::1]', '0.0.0.0', ''])('%j is this machine, in a redirect and in a connection', host => {
  const table = new RedirectTable([{ kind: 'redis', from: `${host}:6379`, to }]);
  for (const asked of ['localhost', '127.0.0.1', '::1', '0.0.0.0']) expect(table.find(asked, 6379)).toEqual({ kind: 'redis', ...to });
  expect(table.find('127.0.0.2', 6379)).toBeUndefined();
  expect(table.find('localhost', 6380)).toBeUndefined();
});

test('host names are compared without case, and nothing else is taken for them', () => {
  const table = new RedirectTable([{ kind: 'http', from: 'Catalogue.internal:80', to }]);
  expect(table.find('catalogue.INTERNAL', 80)).toEqual({ kind: 'http', ...to });
  expect(table.find('catalogue', 80)).toBeUndefined();
  expect(table.hasRedis).toBe(false);
});

test('a connection straight to a gateway is one to a gateway', () => {
  const table = new RedirectTable([{ kind: 'redis', from: 'redis:6379', to }]);
  expect(table.find('localhost', to.port)).toEqual({ kind: 'redis', ...to });
});

test('an address that is both a gateway and the source of another redirect follows the redirect', () => {
  const other = { host: '127.0.0.1', port: 40_002 };
  const table = new RedirectTable([{ kind: 'redis', from: `localhost:${to.port}`, to: other }, { kind: 'redis', from: 'cache:6379', to }]);
  expect(table.find('localhost', to.port)).toEqual({ kind: 'redis', ...other });
});

test('a moved listener is reached by the port it asked for, on every loopback address it covers, until it closes', () => {
  const table = new RedirectTable([]);
  table.addListener('::', 8080, 50_000);
  for (const host of ['localhost', '127.0.0.1', '::1', '127.0.0.7']) {
    expect(table.find(host, 8080)).toEqual({ kind: 'own', host: '127.0.0.1', port: 50_000 });
    expect(table.find(host, 50_000)?.port).toBe(50_000);
  }
  expect(table.find('elsewhere', 8080)).toBeUndefined();
  table.removeListener('::', 8080, 50_000);
  expect(table.find('localhost', 8080)).toBeUndefined();
});

test('the tool’s redirect wins over a listener of this process', () => {
  const table = new RedirectTable([{ kind: 'http', from: 'localhost:8080', to }]);
  table.addListener('127.0.0.1', 8080, 50_000);
  expect(table.find('localhost', 8080)?.kind).toBe('http');
});

test('canonical names', () => {
  expect(canonicalHost('[FE80::1]')).toBe('fe80::1');
  expect([isLoopback('127.8.8.8'), isLoopback('::1'), isLoopback('10.0.0.1'), isLoopback('127.example.com')]).toEqual([true, true, false, false]);
});
