/** Work that goes on in the thread pool after the response belongs to the request until it has ended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextFor, redis, send, startService, useRegister } from './fixtures/register/harness.ts';
import type { Service } from './fixtures/register/harness.ts';

useRegister();

const kinds = [
  'gzip', 'gunzipStream', 'pbkdf2', 'scrypt', 'keyPair', 'randomBytes', 'sign', 'digest', 'lookup', 'lookupPromise', 'readFile', 'fileHandle', 'fileStream',
];
let service: Service;
beforeAll(async () => {
  service = await startService('late-service.cjs');
});
afterAll(() => service?.stop());

test.each(kinds)('%s', async kind => {
  const tag = `late${kind}`;
  let atIdle: string[] | undefined;
  const idle = service.waitFor(message => {
    if (message.type !== 'idle' || message.tag !== tag) return false;
    atIdle ??= redis.commands.filter(command => command.tag === tag).map(({ args }) => args[0] ?? '');
    return true;
  });
  await send(service, `/${kind}/${tag}`, contextFor(tag, 1));
  await idle;
  expect(atIdle).toEqual([`k:${tag}:${kind}`]);
  expect(service.messages.filter(message => message.type === 'idle' && message.tag === tag)).toHaveLength(1);
});

test('says so where one of them could not be patched', () => {
  expect(service.messages.filter(message => message.type === 'hello' && message.problems !== undefined)).toEqual([]);
});
