/** What requests share of their clients: connections that the first of them opens, pools, caches. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from './fixtures/register/bundle.ts';
import { attribution, contextFor, fixtures, redis, send, sendMany, startService, useRegister } from './fixtures/register/harness.ts';
import type { Service } from './fixtures/register/harness.ts';

useRegister();

describe.each([['modules', 'm'], ['a bundle', 'b']])('clients in %s', (kind, letter) => {
  let folder: string;
  let service: Service;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'foreshard-shared-'));
    const bundled = path.join(folder, 'service.cjs');
    writeFileSync(bundled, bundle(path.join(fixtures, 'shared-service.cjs'), 'cjs'));
    service = await startService(kind === 'a bundle' ? bundled : 'shared-service.cjs');
  });
  afterAll(async () => {
    await service?.stop();
    rmSync(folder, { recursive: true });
  });

  const isIdle = async (tag: string): Promise<unknown> => await service.waitFor(message => message.type === 'idle' && message.tag === tag);

  test('what comes on a connection is not of the request that opened it', async () => {
    const tag = `${letter}sub1`;
    await send(service, `/subscribe/${tag}`, contextFor(tag, 1));
    await isIdle(tag);
    redis.publish('news', 'extra');
    const heard = (): unknown[] => redis.commands.filter(({ args }) => args[0]?.startsWith(`k:${tag}:heard`) === true).map(command => [command.args[0], command.tag]);
    await expect.poll(heard).toHaveLength(2);
    expect(heard().sort()).toEqual([[`k:${tag}:heard:io`, null], [`k:${tag}:heard:node`, null]]);
  });

  test('a cache in a client answers nobody: each request reads for itself', async () => {
    const count = 20;
    const before = redis.commands.length;
    const bodies = await sendMany(service, 'cache', count, number => `${letter}cache${number}`);
    expect(new Set(bodies)).toEqual(new Set([JSON.stringify([null, null, [], null])]));
    for (let number = 0; number < count; number++) {
      const own = redis.commands.filter(({ tag, args }) => tag === `${letter}cache${number}` && args[0] === 'same').map(({ name }) => name);
      expect(own).toEqual(['GET', 'GET', 'HGETALL']);
    }
    expect(new Set(redis.commands.slice(before).filter(({ args }) => args[0] === 'TRACKING').map(({ args }) => args[1]))).toEqual(new Set(['OFF']));
  });

  test('a task that waits for a connection of a pool is its caller’s, whoever’s end starts it', async () => {
    const count = 60;
    const prefix = `${letter}pool`;
    const startedAt = performance.now();
    await sendMany(service, 'pool', count, number => `${prefix}${number}`);
    expect(attribution(prefix)).toEqual({ right: count * 6, wrong: 0, missing: 0, transactions: count * 2 });
    for (let number = 0; number < count; number++) await isIdle(`${prefix}${number}`);
    // The pool's clean-up of connections, 3 s later, is no request's.
    expect(performance.now() - startedAt).toBeLessThan(2500);
  });

  test.runIf(kind === 'modules')('a request that connects a client has none of its keep-alive, and ends', async () => {
    await send(service, '/ping/ping1', contextFor('ping1', 1));
    await isIdle('ping1');
    const pings = (): (string | null)[] => redis.commands.filter(({ name }) => name === 'PING').map(({ tag }) => tag);
    await expect.poll(() => pings().length).toBeGreaterThan(2);
    expect(new Set(pings())).toEqual(new Set([null]));
    expect(redis.commands.filter(({ args }) => args[0] === 'k:ping1:get').map(({ tag }) => tag)).toEqual(['ping1']);
  });
});
