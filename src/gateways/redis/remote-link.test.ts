import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Reply } from '../../keyspace/reply.ts';
import { EmbeddedRedis } from './embedded-redis.ts';
import { RemoteLinks, type RemoteLink } from './remote-link.ts';

const server = new EmbeddedRedis();
let links: RemoteLinks;

beforeAll(async () => {
  links = new RemoteLinks(await server.start());
});

afterAll(async () => {
  links.close();
  await server.close();
});

const run = (link: RemoteLink, ...args: string[]): Promise<Reply> => new Promise((resolve) => link.send(0, args, resolve));

/** Whether a link that did this is handed on to the next session. */
async function isHandedOn(...commands: readonly (readonly string[])[]): Promise<boolean> {
  const link = links.take(2);
  for (const command of commands) await run(link, ...command);
  links.give(link);
  const next = links.take(2);
  links.give(next);
  return next === link;
}

test('a link is handed on when nothing of its session is left in it', async () => {
  expect(await isHandedOn(['SET', 'a', '1'], ['GET', 'a'])).toBe(true);
  expect(await isHandedOn(['WATCH', 'a'], ['MULTI'], ['INCR', 'a'], ['EXEC'])).toBe(true);
  expect(await isHandedOn(['MULTI'], ['INCR', 'a'])).toBe(false);
  expect(await isHandedOn(['watch', 'a'])).toBe(false);
  expect(await isHandedOn(['CLIENT', 'SETNAME', 'me'])).toBe(false);
});

test('one that is owed an answer is closed, and its command no longer waits', async () => {
  const link = links.take(2);
  const popped = run(link, 'BLPOP', 'queue', '0');
  links.give(link);
  expect(links.take(2)).not.toBe(link);
  await popped; // an error: the connection is gone
  const other = links.take(2);
  await run(other, 'RPUSH', 'queue', 'kept');
  expect(await run(other, 'LLEN', 'queue')).toBe(1);
});

test('a protocol is part of what a link is, and a database is chosen anew', async () => {
  const two = links.take(2);
  await new Promise((resolve) => two.send(3, ['SET', 'where', 'three'], resolve));
  links.give(two);
  expect(links.take(3)).not.toBe(two);
  const again = links.take(2);
  expect(again).toBe(two);
  expect(await run(again, 'GET', 'where')).toBeNull();
});
