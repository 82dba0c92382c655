import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { NullArrayReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { EmbeddedRedis } from './embedded-redis.ts';
import { RemoteLinks } from './remote-link.ts';
import { SessionLink } from './session-link.ts';

const server = new EmbeddedRedis();
let links: RemoteLinks;

beforeAll(async () => {
  links = new RemoteLinks(await server.start());
});

beforeEach(() => run(new SessionLink(links, 2), 'FLUSHALL'));

afterAll(async () => {
  links.close();
  await server.close();
});

function run(link: SessionLink, ...args: string[]): Promise<Reply> {
  return new Promise((resolve) => link.send((args[0] as string).toUpperCase(), 0, args, (reply) => resolve(reply instanceof SimpleReply ? reply.text : reply)));
}

test('what is asked at once is done in order, also where it goes on by a connection of its own', async () => {
  const link = new SessionLink(links, 2);
  const asked = [['SET', 'a', '1'], ['INCR', 'a'], ['MULTI'], ['INCR', 'a'], ['EXEC'], ['GET', 'a']].map((args) => run(link, ...args));
  expect(await Promise.all(asked)).toEqual(['OK', 2, 'OK', 'QUEUED', [3], '3']);
  await link.end();
});

test('sessions do not see each other where they share a connection', async () => {
  const [one, other] = [new SessionLink(links, 2), new SessionLink(links, 2)];
  await run(one, 'WATCH', 'a');
  const answers = [run(one, 'MULTI'), run(other, 'SET', 'a', 'changed'), run(one, 'SET', 'a', 'mine')];
  expect(await Promise.all(answers)).toEqual(['OK', 'OK', 'QUEUED']);
  expect(await run(one, 'EXEC')).toBeInstanceOf(NullArrayReply);
  expect(await run(other, 'GET', 'a')).toBe('changed');
  await Promise.all([one.end(), other.end()]);
});

test('one that waits keeps nobody from being answered', async () => {
  const [waiting, other] = [new SessionLink(links, 2), new SessionLink(links, 2)];
  const popped = run(waiting, 'BLPOP', 'queue', '0');
  expect(await run(other, 'SET', 'b', '1')).toBe('OK');
  await run(other, 'RPUSH', 'queue', 'item');
  expect(await popped).toEqual(['queue', 'item']);
  await Promise.all([waiting.end(), other.end()]);
});

test('a session has ended when nothing of it is under way', async () => {
  const link = new SessionLink(links, 2);
  let answered = false;
  void run(link, 'SET', 'late', '1').then(() => (answered = true));
  await link.end();
  await Promise.resolve();
  expect(answered).toBe(true);
});
