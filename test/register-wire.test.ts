/** Redis clients the preload does not know: tagged on the wire where that is certain, reported where it is not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attribution, contextFor, redis, send, sendMany, startService, useRegister } from './fixtures/register/harness.ts';
import type { Service } from './fixtures/register/harness.ts';

useRegister();

let service: Service;
beforeAll(async () => {
  service = await startService('wire-service.cjs');
});
afterAll(() => service?.stop());

function unattributed(): string[] {
  return service.messages.flatMap(message => message.type === 'unattributed' ? [message.client] : []);
}

test('a client that writes each command as it is asked for', async () => {
  const count = 200;
  await sendMany(service, 'direct', count, number => `direct${number}`);
  expect(attribution('direct')).toEqual({ right: count * 8, wrong: 0, missing: 0, transactions: 0 });
  expect(new Set(redis.commands.filter(({ args }) => args[0]?.startsWith('k:nobody') === true).map(({ tag }) => tag))).toEqual(new Set([null]));
  expect(unattributed()).toEqual([]);
});

test('it is under way until it is answered', async () => {
  let atIdle: (string | undefined)[] | undefined;
  const idle = service.waitFor(message => {
    if (message.type !== 'idle' || message.tag !== 'late1') return false;
    atIdle ??= redis.commands.filter(({ tag }) => tag === 'late1').map(({ args }) => args[0]);
    return true;
  });
  await send(service, '/late/late1', contextFor('late1', 1));
  await idle;
  expect(atIdle).toEqual(['k:late1:a', 'k:late1:b', 'k:late1:c']);
  expect(service.messages.filter(message => message.type === 'idle' && message.tag === 'late1')).toHaveLength(1);
});

test.each(['gathering', 'onebyone'])('a client that writes them later: none is given to the wrong request, and the client is named (%s)', async route => {
  const count = 100;
  await sendMany(service, route, count, number => `${route}${number}`);
  const { right, wrong, missing } = attribution(route);
  expect([wrong, right + missing]).toEqual([0, count]);
  expect(missing).toBeGreaterThan(0);
  await send(service, `/direct/${route}direct`, contextFor(`${route}direct`, 1));
  await expect.poll(unattributed).toEqual([expect.stringContaining('raw-clients.cjs')]);
});
