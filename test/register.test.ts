/** The preload inside a real service: which request each operation is attributed to, what the service sees of it, when it is idle. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from './fixtures/register/bundle.ts';
import { askedPort, attribution, built, calls, contextFor, fixtures, node, redis, send, sendMany, startMs, startService, useRegister } from './fixtures/register/harness.ts';
import type { Service } from './fixtures/register/harness.ts';

useRegister();

test('a client that calls back from its socket: what a request does in its callbacks is the request’s', async () => {
  const service = await startService('old-service.cjs');
  try {
    await sendMany(service, 'old', 100, number => `z${number}`);
    await Promise.all(Array.from({ length: 100 }, (_, number) => service.waitFor(message => message.type === 'idle' && message.tag === `z${number}`)));
    expect(attribution('z')).toEqual({ right: 500, wrong: 0, missing: 0, transactions: 0 });
  } finally {
    await service.stop();
  }
});

describe.each([['CommonJS', 'bundle.cjs', 'cjs', 'x'], ['ESM', 'bundle.mjs', 'esm', 'y']] as const)('a service bundled as %s', (_kind, name, format, letter) => {
  test('is attributed as well, though none of its clients is a module', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'foreshard-bundle-'));
    writeFileSync(path.join(folder, name), bundle(path.join(fixtures, 'service.cjs'), format, ['undici']));
    const service = await startService(path.join(folder, name));
    try {
      const count = 100;
      await sendMany(service, 'mix', count, number => `${letter}${number}`);
      expect(attribution(letter)).toEqual({ right: count * 23, wrong: 0, missing: 0, transactions: count * 4 });
    } finally {
      await service.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

describe.each([['CommonJS', 'service.cjs', 'c'], ['ESM', 'service.mjs', 'm']])('a %s service', (_kind, file, letter) => {
  let service: Service;
  const tag = (number: number): string => `${letter}${number}`;

  beforeAll(async () => {
    service = await startService(file);
  });
  afterAll(() => service?.stop());

  test('attributes every operation to its request, 50 in flight', async () => {
    const count = 250;
    await sendMany(service, 'mix', count, tag);
    expect(attribution(letter)).toEqual({ right: count * 23, wrong: 0, missing: 0, transactions: count * 4 });
    expect(redis.commands.filter(({ name, tag }) => tag !== null && ['HELLO', 'CLIENT', 'INFO', 'SELECT'].includes(name))).toEqual([]);
    for (let number = 0; number < count; number++) await service.waitFor(message => message.type === 'idle' && message.tag === tag(number));
  });

  test('gives the same bodies for the same clocks and seeds, in another order of execution', async () => {
    const first = await sendMany(service, 'seeded', 600, number => `${letter}${10_000 + number}`);
    const second = await sendMany(service, 'seeded', 600, number => `${letter}${10_000 + number}`);
    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(600);
    const [date, now, text, , , , afterWait] = JSON.parse(first[5] ?? '') as [string, number, string, number, string, string, number];
    expect([date, now]).toEqual([new Date(startMs + 5000).toISOString(), startMs + 5000]);
    expect(Date.parse(text)).toBe(startMs + 5000);
    expect(afterWait).toBe(now + (10_005 % 7));
  });

  test('keeps Date what it is', async () => {
    const answer = JSON.parse(await send(service, '/dates/d1', contextFor('d1', 5))) as Record<string, unknown>;
    expect(answer).toEqual({
      instance: true, cloned: true, stat: true, subclass: true, text: true, constructor: true, parse: true, now: startMs + 5000,
    });
    const outside = JSON.parse(await send(service, '/dates/d2', {})) as { now: number };
    expect(Math.abs(outside.now - Date.now())).toBeLessThan(5000);
  });

  test('lets a loop that waits for time to pass end', async () => {
    expect(JSON.parse(await send(service, '/spin/s1', contextFor('s1', 1)))).toEqual({ turns: 5 * 256 - 2 });
  });

  test('hides the header from the service', async () => {
    const text = await send(service, '/headers/h1', { 'X-First': '1', ...contextFor('h1', 1), 'X-Last': '2' });
    expect(text).not.toMatch(/foreshard/i);
    const seen = JSON.parse(text) as { headers: Record<string, string>; raw: string[]; distinct: Record<string, string[]> };
    expect(seen.headers).toMatchObject({ 'x-first': '1', 'x-last': '2' });
    expect(seen.raw).toEqual(expect.arrayContaining(['X-First', 'X-Last']));
    expect(seen.distinct).toMatchObject({ 'x-first': ['1'], 'x-last': ['2'] });
  });

  test.each([
    ['a command from a timer', 'command', ['late']],
    ['a chain of commands, a file and a call', 'chain', ['chain1', 'chain2']],
    ['a child process', 'child', ['child']],
    ['timers that are cleared, unref’d or far away', 'cleared', []],
  ])('is idle only after what follows the response: %s', async (_name, route, keys) => {
    const id = `${letter}late${route}`.replaceAll(/\d/g, '') + '1';
    let seenAtIdle: (string | undefined)[] = [];
    const idle = service.waitFor(message => {
      if (message.type !== 'idle' || message.tag !== id) return false;
      seenAtIdle = redis.commands.filter(command => command.tag === id && command.name !== 'HELLO').map(command => command.args[0]);
      return true;
    });
    await send(service, `/late/${id}`, { ...contextFor(id, 1), 'x-kind': route });
    await idle;
    expect(seenAtIdle).toEqual(keys.map(key => `k:${id}:${key}`));
    if (route === 'chain') expect(calls.at(-1)).toEqual({ url: `/late/${id}`, tag: id });
    if (route === 'child') {
      const written = Number(redis.commands.find(command => command.args[0] === `k:${id}:child`)?.args[1]);
      expect(written - startMs - 1000).toBe(30);
    }
  });

  test('moves the listener, and the service does not notice', async () => {
    const asked = service.messages.find(message => message.type === 'listening');
    expect(asked).toMatchObject({ instance: 'baseline-0', asked: askedPort, host: '127.0.0.1' });
    const answer = JSON.parse(await send(service, `/self/${letter}self1`, contextFor(`${letter}self1`, 1))) as Record<string, unknown>;
    expect(answer).toEqual({ asked: askedPort, inner: '{"reply":"OK"}' });
    expect(redis.commands.filter(({ args }) => args[0] === `k:${letter}self1:set`).map(command => command.tag)).toEqual([`${letter}self1`]);
  });

  test('TLS to a redirected address ends before the gateway, with the tag inside', async () => {
    const id = `${letter}tls1`;
    const answer = JSON.parse(await send(service, `/tls/${id}`, contextFor(id, 1))) as unknown;
    expect(answer).toEqual({ replies: ['OK', 'OK'], bodies: ['ok', 'ok', 'ok'] });
    expect(redis.commands.filter(({ tag }) => tag === id).map(({ args }) => args[0])).toEqual([`k:${id}:tls1`, `k:${id}:tls2`]);
    expect(calls.filter(({ url }) => url === `/tls/${id}`).map(({ tag }) => tag)).toEqual([id, id, id]);
  });

  test('reports connections that no gateway stands for, once, and leaves them alone', async () => {
    const elsewhere = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = elsewhere.address() as net.AddressInfo;
    const before = redis.commands.length;
    await send(service, '/direct/n1', { ...contextFor('n1', 1), 'x-port': String(port) });
    await send(service, '/direct/n2', { ...contextFor('n2', 1), 'x-port': String(port) });
    await service.waitFor(message => message.type === 'idle' && message.tag === 'n2');
    const direct = service.messages.filter(message => message.type === 'direct');
    expect(direct.map(({ host, port, tag }) => ({ host, port, tag }))).toEqual([{ host: '127.0.0.1', port, tag: 'n1' }]);
    expect(redis.commands.length).toBe(before);
    elsewhere.close();
  });

  test('leaves background work and requests without a context untagged', async () => {
    await send(service, `/background/${letter}back1`, contextFor(`${letter}back1`, 1));
    await send(service, `/set/${letter}plain1`, {});
    const tags = redis.commands.filter(({ args }) => args[0]?.endsWith('plain1:set') === true || args[0]?.endsWith('back1:background') === true);
    expect(tags.filter(({ args }) => args[0]?.startsWith(`k:${letter}`)).map(command => command.tag)).toEqual([null, null]);
  });

  test('says hello first, with no problems', () => {
    expect(service.messages[0]).toMatchObject({ type: 'hello', instance: 'baseline-0' });
    expect(service.messages[0]).not.toHaveProperty('problems');
    expect(service.messages.filter(message => message.type === 'hello' && message.problems !== undefined)).toEqual([]);
  });
});

describe('settings', () => {
  test('real time and randomness while recording; attribution all the same', async () => {
    const service = await startService('service.cjs', { determinism: 'real' });
    try {
      const [first, second] = [await send(service, '/seeded/r1', contextFor('r1', 1)), await send(service, '/seeded/r1', contextFor('r1', 1))];
      expect(first).not.toBe(second);
      expect(redis.commands.filter(({ args }) => args[0] === 'k:r1:seeded').map(command => command.tag)).toEqual(['r1', 'r1']);
    } finally {
      await service.stop();
    }
  });

  test('the clock outside contexts is set back', async () => {
    const service = await startService('service.mjs', { backgroundClockOffsetMs: -86_400_000 });
    try {
      const { now } = JSON.parse(await send(service, '/dates/o1', {})) as { now: number };
      expect(Math.abs(now - Date.now() + 86_400_000)).toBeLessThan(5000);
    } finally {
      await service.stop();
    }
  });

  test('goes on when the control connection is lost', async () => {
    const service = await startService('service.cjs');
    try {
      service.loseControl();
      for (const tag of ['l1', 'l2', 'l3']) expect(JSON.parse(await send(service, `/set/${tag}`, contextFor(tag, 1)))).toEqual({ reply: 'OK' });
    } finally {
      await service.stop();
    }
  });

  test('does nothing without settings, and keeps no process alive', () => {
    const run = (env: Record<string, string>): string => execFileSync(
      node, ['--import', pathToFileURL(built).href, '-e', 'console.log(Date.toString().includes("native"))'],
      { env: { PATH: process.env['PATH'] ?? '', ...env }, encoding: 'utf8', timeout: 10_000 },
    );
    expect(run({})).toBe('true\n');
    const settings = { control: { host: '127.0.0.1', port: 9 }, instance: 'x', redirects: [], determinism: 'request', backgroundClockOffsetMs: 0, moveListeners: false };
    expect(run({ FORESHARD_PRELOAD: JSON.stringify(settings) })).toBe('false\n');
  });
});
