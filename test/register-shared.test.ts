/** What requests share of their clients: connections that the first of them opens, pools. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attribution, contextFor, redis, send, sendMany, startService, useRegister } from './fixtures/register/harness.ts';
import type { Service } from './fixtures/register/harness.ts';

useRegister();

let service: Service;
beforeAll(async () => {
  service = await startService('shared-service.cjs');
});
afterAll(() => service?.stop());

async function isIdle(tag: string): Promise<unknown> {
  return await service.waitFor(message => message.type === 'idle' && message.tag === tag);
}

test('what comes on a connection is not of the request that opened it', async () => {
  await send(service, '/subscribe/sub1', contextFor('sub1', 1));
  await isIdle('sub1');
  redis.publish('news', 'extra');
  const heard = (): unknown[] => redis.commands.filter(({ args }) => args[0]?.startsWith('k:sub1:heard') === true).map(({ tag, args }) => [args[0], tag]);
  await expect.poll(heard).toHaveLength(2);
  expect(heard().sort()).toEqual([['k:sub1:heard:io', null], ['k:sub1:heard:node', null]]);
});

test('a request that connects a client has none of its keep-alive, and ends', async () => {
  await send(service, '/ping/ping1', contextFor('ping1', 1));
  await isIdle('ping1');
  const pings = (): (string | null)[] => redis.commands.filter(({ name }) => name === 'PING').map(({ tag }) => tag);
  await expect.poll(() => pings().length).toBeGreaterThan(2);
  expect(new Set(pings())).toEqual(new Set([null]));
  expect(redis.commands.filter(({ args }) => args[0] === 'k:ping1:get').map(({ tag }) => tag)).toEqual(['ping1']);
});

test('a task that waits for a connection of a pool is its caller’s, whoever’s end starts it', async () => {
  const count = 60;
  const startedAt = performance.now();
  await sendMany(service, 'pool', count, number => `pool${number}`);
  expect(attribution('pool')).toEqual({ right: count * 6, wrong: 0, missing: 0, transactions: count * 2 });
  for (let number = 0; number < count; number++) await isIdle(`pool${number}`);
  // The pool's clean-up of connections, 3 s later, is no request's.
  expect(performance.now() - startedAt).toBeLessThan(2500);
});
