import { afterAll, beforeAll, expect, test } from 'vitest';
import { Keyspace } from '../../keyspace/keyspace.ts';
import type { Reply } from '../../keyspace/reply.ts';
import { newSession, type Session } from '../../keyspace/session.ts';
import { EmbeddedRedis } from './embedded-redis.ts';
import { LaneSession } from './lane-session.ts';
import { PendingCommand } from './pending-command.ts';
import { RemoteKeyspace } from './remote-keyspace.ts';
import { RemoteLinks } from './remote-link.ts';
import { ControlConnection } from './upstream-control.ts';

const server = new EmbeddedRedis();
const caseTime = 1_000_000_000_000;
let links: RemoteLinks;
let control: ControlConnection;

beforeAll(async () => {
  const address = await server.start();
  links = new RemoteLinks(address);
  control = await ControlConnection.open(address);
});
afterAll(async () => {
  links.close();
  control.close();
  await server.close();
});

function remote(onUnsupported: (name: string) => void = () => {}): { keyspace: RemoteKeyspace; mirror: Keyspace } {
  const mirror = new Keyspace({ now: () => caseTime, random: () => 0, after: () => () => {}, onUnsupported });
  return { keyspace: new RemoteKeyspace({ links, control, firstDatabase: 0, mirror }), mirror };
}

const ask = (keyspace: RemoteKeyspace, session: Session, ...args: readonly string[]): Promise<Reply> => new Promise((resolve) => keyspace.execute(session, args, resolve));

test('what the overlay serves itself keeps its place in a transaction, and is done when that is', async () => {
  const { keyspace } = remote();
  const heard: unknown[] = [];
  await ask(keyspace, newSession((message) => heard.push(message.items)), 'SUBSCRIBE', 'news');
  const session = newSession(() => {});
  await ask(keyspace, session, 'MULTI');
  expect(session.transaction).not.toBeNull();
  for (const command of [['SET', 'k', '1'], ['PUBLISH', 'news', 'hello'], ['TIME'], ['GET', 'k']]) expect(await ask(keyspace, session, ...command)).toMatchObject({ text: 'QUEUED' });
  expect(heard).toEqual([]);
  expect(await ask(keyspace, session, 'EXEC')).toEqual([expect.objectContaining({ text: 'OK' }), 1, [String(caseTime / 1000), '0'], '1']);
  expect(session.transaction).toBeNull();
  expect(heard).toEqual([['message', 'news', 'hello']]);
  await ask(keyspace, session, 'MULTI');
  await ask(keyspace, session, 'PUBLISH', 'news', 'never');
  await ask(keyspace, session, 'DISCARD');
  expect(heard).toHaveLength(1);
  expect(await ask(keyspace, session, 'PUBLISH', 'news', 'at once')).toBe(1);
  await keyspace.close();
});

test('a cache in the service is refused by the overlay, by name: the server would tell a connection of ours what has changed', async () => {
  const refused: string[] = [];
  const { keyspace } = remote((name) => refused.push(name));
  const session = newSession(() => {});
  expect(await ask(keyspace, session, 'CLIENT', 'TRACKING', 'ON')).toMatchObject({ message: expect.stringContaining('client-side caching') as string });
  expect(refused).toEqual(['CLIENT TRACKING']);
  await keyspace.close();
});

test('a command that the server has not answered yet is under way; one that waits for a key is at rest', async () => {
  const { keyspace } = remote();
  let blocked = 0;
  const lane = new LaneSession(null, { keyspace }, {
    protocol: 2, database: 0, running: undefined, keepPlace: () => {}, push: () => {}, flushSoon: () => {},
    answer: (command) => (command.answered = true), blockedChanged: (by) => (blocked += by),
  });
  const command = (...args: readonly string[]): PendingCommand => new PendingCommand({ args, name: args[0] ?? '', database: 0, silent: false });
  const write = command('HINCRBY', 'h', 'f', '1');
  lane.receive(write);
  expect([write.answered, blocked]).toEqual([false, 0]);
  await expect.poll(() => write.answered).toBe(true);
  lane.receive(command('BLPOP', 'queue', '0'));
  expect(blocked).toBe(1);
  lane.end();
  expect(blocked).toBe(0);
  await keyspace.close();
});
