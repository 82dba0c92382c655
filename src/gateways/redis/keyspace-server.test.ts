import { connect, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Keyspace } from '../../keyspace/keyspace.ts';
import { deferred } from '../../lib/deferred.ts';
import { ErrorReply, MapReply, OK, PushReply, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { KeyspaceServer, type KeyspaceTarget } from './keyspace-server.ts';
import { ReplyParser } from './resp-parser.ts';
import { encodeCommand } from './resp-encoder.ts';

const newKeyspace = (): Keyspace => new Keyspace({
  now: Date.now, random: Math.random,
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
});

/** A client that sends raw bytes and collects replies in order. */
class Client {
  readonly replies: Reply[] = [];
  readonly socket: Socket;
  closed = false;
  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    const parser = new ReplyParser((reply) => this.replies.push(reply));
    this.socket.on('data', (chunk) => parser.push(chunk));
    this.socket.on('close', () => { this.closed = true; });
    this.socket.on('error', () => {});
  }

  send(...commands: readonly (readonly string[])[]): void {
    this.socket.write(commands.map(encodeCommand).join(''), 'latin1');
  }

  /** Waits until there are this many replies in all, and gives them. */
  async got(count: number): Promise<Reply[]> {
    await until(() => this.replies.length >= count, () => `${count} replies, got ${JSON.stringify(this.replies)}`);
    return this.replies;
  }

  async ask(...args: readonly string[]): Promise<Reply> {
    const before = this.replies.length;
    this.send(args);
    return (await this.got(before + 1))[before] as Reply;
  }
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2000) throw new Error(`waited in vain for ${what()}`);
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
}

const settle = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 20); });
const lane = (tag: string, ...args: readonly string[]): readonly string[] => ['FS.L', tag, ...args];

let targets: Map<string | null, KeyspaceTarget>;
let server: KeyspaceServer;
let port: number;
let clients: Client[];

function client(): Client {
  const one = new Client(port);
  clients.push(one);
  return one;
}

beforeEach(async () => {
  targets = new Map([[null, { keyspace: newKeyspace() }], ['a', { keyspace: newKeyspace() }], ['b', { keyspace: newKeyspace() }]]);
  clients = [];
  server = new KeyspaceServer({ route: (tag) => targets.get(tag) });
  ({ port } = await server.listen());
});

afterEach(async () => {
  for (const one of clients) one.socket.destroy();
  await server.close();
});

describe('lanes on one connection', () => {
  test('each tag has its own keyspace, and replies come in order', async () => {
    const c = client();
    c.send(['SET', 'k', 'none'], lane('a', 'SET', 'k', 'A'), lane('b', 'GET', 'k'), lane('a', 'GET', 'k'), ['GET', 'k'], lane('nobody', 'GET', 'k'));
    expect(await c.got(6)).toEqual([OK, OK, null, 'A', 'none', new ErrorReply('ERR foreshard: no case for this command')]);
    expect(server.pending).toBe(0);
    expect(server.activity).toBe(7); // the connection and six commands
  });

  test('a tag may say what time it is in the request', async () => {
    const told: number[] = [];
    targets.set('a', { keyspace: newKeyspace(), onClock: (unixMs) => told.push(unixMs) });
    const c = client();
    c.send(lane('a', 'SET', 'k', 'A'), lane('a;1700000000123', 'GET', 'k'), lane('b;5', 'GET', 'k'));
    expect(await c.got(3)).toEqual([OK, 'A', null]);
    expect(told).toEqual([1_700_000_000_123]);
  });

  test('MULTI and WATCH belong to the tag', async () => {
    const c = client();
    c.send(lane('a', 'WATCH', 'k'), lane('a', 'MULTI'), lane('b', 'MULTI'), lane('a', 'SET', 'k', '1'), lane('b', 'SET', 'k', '2'), ['GET', 'k'], lane('b', 'DISCARD'), lane('a', 'EXEC'), lane('b', 'GET', 'k'));
    const queued = new SimpleReply('QUEUED');
    expect(await c.got(9)).toEqual([OK, OK, OK, queued, queued, null, OK, [OK], null]);
  });

  test('a lane that blocks holds neither the other lanes nor the order of replies', async () => {
    const c = client();
    const other = client();
    c.send(lane('a', 'BLPOP', 'q', '0'), lane('a', 'SET', 'after', '1'), lane('b', 'SET', 'k', '2'), ['PING']);
    await until(() => server.blocked === 1, () => 'a blocked command');
    await settle();
    expect(c.replies).toEqual([]);
    // The other lane ran, the one behind the blocked command did not.
    expect(await other.ask('FS.L', 'b', 'GET', 'k')).toBe('2');
    expect(await other.ask('FS.L', 'a', 'EXISTS', 'after')).toBe(0);
    expect([server.pending, server.blocked]).toEqual([4, 1]);
    expect(await other.ask('FS.L', 'a', 'RPUSH', 'q', 'x')).toBe(1);
    expect(await c.got(4)).toEqual([['q', 'x'], OK, OK, new SimpleReply('PONG')]);
    expect(server.blocked).toBe(0);
    expect(server.pending).toBe(0);
  });

  test('forget answers what waits and frees the sessions', async () => {
    const c = client();
    c.send(lane('a', 'BLPOP', 'q', '0'), lane('a', 'GET', 'k'), ['PING']);
    await until(() => server.blocked === 1, () => 'a blocked command');
    targets.delete('a');
    server.forget('a');
    const ended = new ErrorReply('UNBLOCKED foreshard: the case of this command has ended');
    expect(await c.got(3)).toEqual([ended, ended, new SimpleReply('PONG')]);
    expect([server.pending, server.blocked]).toEqual([0, 0]);
  });

  test('forget leaves nothing of the lane in its keyspace', async () => {
    const keyspace = newKeyspace();
    targets.set('a', { keyspace });
    for (const c of [client(), client()]) await c.ask('FS.L', 'a', 'SUBSCRIBE', 'x');
    expect([...keyspace.sessions()].length).toBe(2);
    server.forget('a');
    expect([...keyspace.sessions()].length).toBe(0);
    expect(await client().ask('FS.L', 'a', 'PUBLISH', 'x', 'm')).toBe(0);
  });

  test('rebind takes subscriptions and blocked commands to the next case', async () => {
    const worker = client();
    const subscriber = client();
    await subscriber.ask('SUBSCRIBE', 'news');
    worker.send(['BLPOP', 'jobs', '0']);
    await until(() => server.blocked === 1, () => 'a blocked command');
    const first = targets.get(null)?.keyspace;
    const second = newKeyspace();
    targets.set(null, { keyspace: second });
    server.rebind(null);
    expect(server.blocked).toBe(1);
    const c = client();
    expect(await c.ask('PUBLISH', 'news', 'hello')).toBe(1);
    expect(await c.ask('RPUSH', 'jobs', '1')).toBe(1);
    expect(await worker.got(1)).toEqual([['jobs', '1']]);
    expect(await subscriber.got(2)).toEqual([['subscribe', 'news', 1], ['message', 'news', 'hello']]);
    expect(first?.database(0).peek('jobs')).toBeUndefined();
  });

  test('a transaction stays where it began', async () => {
    const c = client();
    await c.ask('MULTI');
    await c.ask('SET', 'k', '1');
    const first = targets.get(null)?.keyspace;
    targets.set(null, { keyspace: newKeyspace() });
    server.rebind(null);
    expect(await c.ask('EXEC')).toEqual([OK]);
    expect(first?.database(0).peek('k')).toBeDefined();
    expect(await c.ask('GET', 'k')).toBeNull();
  });

  test('a route that gives another target moves the session with its next command', async () => {
    const c = client();
    await c.ask('SET', 'k', '1');
    targets.set(null, { keyspace: newKeyspace() });
    expect(await c.ask('GET', 'k')).toBeNull();
  });
});

describe('state that must be fetched first', () => {
  test('later commands of the lane wait, those of others do not; needs are asked for at once', async () => {
    const gates = new Map<string, ReturnType<typeof deferred<void>>>();
    const asked: string[] = [];
    const told: string[] = [];
    targets.set('a', {
      keyspace: newKeyspace(),
      ensure: (database, keys, name) => {
        const id = `${database}:${keys === 'all' ? 'all' : keys.join(',')}`;
        asked.push(`${name} ${id}`);
        if (id === '0:ready') return undefined;
        const gate = deferred<void>();
        gates.set(id, gate);
        return gate.promise;
      },
      onCommand: (name, args) => told.push([name, ...args].join(' ')),
    });
    const c = client();
    c.send(lane('a', 'get', 'slow'), lane('a', 'MGET', 'x', 'y'), lane('a', 'SET', 'ready', '1'), lane('b', 'SET', 'k', 'v'), lane('a', 'DBSIZE'));
    await until(() => gates.size === 3, () => 'three needs');
    expect(asked).toEqual(['GET 0:slow', 'MGET 0:x,y', 'SET 0:ready', 'DBSIZE 0:all']);
    expect(told).toEqual(['GET slow', 'MGET x y', 'SET ready 1', 'DBSIZE']);
    expect(targets.get('b')?.keyspace.database(0).peek('k')).toBeDefined();
    gates.get('0:all')?.resolve();
    gates.get('0:x,y')?.reject(new Error('node n1 is away'));
    await settle();
    expect(c.replies).toEqual([]);
    gates.get('0:slow')?.resolve();
    expect(await c.got(5)).toEqual([null, new ErrorReply('ERR foreshard: the state for MGET could not be had: node n1 is away'), OK, OK, 1]);
    expect(server.pending).toBe(0);
  });

  test('a connection lost meanwhile leaves nothing behind', async () => {
    const gate = deferred<void>();
    targets.set('a', { keyspace: newKeyspace(), ensure: () => gate.promise });
    const c = client();
    c.send(lane('a', 'SET', 'k', '1'), lane('a', 'GET', 'k'));
    await until(() => server.pending === 2, () => 'two commands');
    c.socket.destroy();
    await until(() => server.pending === 0, () => 'none pending');
    gate.resolve();
    await settle();
    expect(targets.get('a')?.keyspace.database(0).peek('k')).toBeUndefined();
    expect(server.pending).toBe(0);
  });
});

describe('the connection', () => {
  test('HELLO, SELECT and the like are its own whatever their tag; SELECT counts for every lane', async () => {
    const c = client();
    expect(await c.ask('FS.L', 'gone', 'HELLO', '3', 'SETNAME', 'me')).toBeInstanceOf(MapReply);
    expect(await c.ask('FS.L', 'gone', 'CLIENT', 'GETNAME')).toBe('me');
    expect(await c.ask('FS.L', 'gone', 'SELECT', '3')).toEqual(OK);
    expect(await c.ask('FS.L', 'a', 'SET', 'k', '1')).toEqual(OK);
    expect(targets.get('a')?.keyspace.database(3).peek('k')).toBeDefined();
    expect(await c.ask('SELECT', '16')).toEqual(new ErrorReply('ERR DB index is out of range'));
    expect(await c.ask('SELECT', 'x')).toEqual(new ErrorReply('ERR value is not an integer or out of range'));
    expect(await c.ask('FS.L', 'gone', 'PING')).toEqual(new SimpleReply('PONG'));
    expect(await c.ask('HELLO', '9')).toEqual(new ErrorReply('NOPROTO unsupported protocol version'));
  });

  test('commands that wait keep the database they were sent under', async () => {
    const c = client();
    c.send(lane('a', 'BLPOP', 'q', '0'), lane('a', 'SET', 'k', '1'), ['SELECT', '2'], lane('a', 'SET', 'k', '2'));
    await until(() => server.blocked === 1, () => 'a blocked command');
    await client().ask('FS.L', 'a', 'RPUSH', 'q', 'x');
    await c.got(4);
    const keyspace = targets.get('a')?.keyspace;
    expect(keyspace?.database(0).peek('k')).toMatchObject({ value: '1' });
    expect(keyspace?.database(2).peek('k')).toMatchObject({ value: '2' });
  });

  test('SELECT inside MULTI takes effect with EXEC', async () => {
    const c = client();
    c.send(['MULTI'], ['SELECT', '4'], ['SET', 'k', '1'], ['EXEC'], ['GET', 'k'], lane('a', 'SET', 'k', '2'));
    const replies = await c.got(6);
    expect(replies.slice(3)).toEqual([[OK, OK], '1', OK]);
    expect(targets.get('a')?.keyspace.database(4).peek('k')).toBeDefined();
  });

  test('INFO while connecting does not count as looking at all keys', async () => {
    const listed: number[] = [];
    const keyspace = new Keyspace({
      now: Date.now, random: Math.random, after: () => () => {},
      observer: { read: () => {}, write: () => {}, expiry: () => {}, publish: () => {}, listing: (database) => listed.push(database) },
    });
    targets.set('a', { keyspace });
    const c = client();
    const info = await c.ask('FS.L', 'a', 'INFO');
    expect(info).toContain('loading:0');
    expect(info).toContain('redis_version:7.0.15');
    expect(listed).toEqual([]);
    await c.ask('FS.L', 'a', 'SET', 'k', 'v');
    expect(await client().ask('FS.L', 'a', 'INFO')).toContain('db0:keys=1,expires=0');
    expect(listed).toEqual([]);
    expect(await c.ask('FS.L', 'a', 'INFO', 'keyspace')).toContain('db0:keys=1,expires=0');
    expect(listed).toContain(0);
  });

  test('COMMAND and INFO need no case', async () => {
    targets.clear();
    const c = client();
    expect(await c.ask('COMMAND', 'COUNT')).toBeGreaterThan(100);
    expect(await c.ask('INFO', 'server')).toContain('redis_mode:standalone');
    await c.ask('HELLO', '3');
    expect(await c.ask('INFO')).toBeInstanceOf(VerbatimReply);
  });

  test('CLIENT REPLY OFF, SKIP and ON', async () => {
    const c = client();
    c.send(['CLIENT', 'REPLY', 'SKIP'], ['SET', 'k', '1'], ['GET', 'k'], ['CLIENT', 'REPLY', 'OFF'], ['SET', 'k', '2'], ['PING'], ['CLIENT', 'REPLY', 'ON'], ['GET', 'k']);
    expect(await c.got(3)).toEqual(['1', OK, '2']);
    await settle();
    expect(c.replies.length).toBe(3);
  });

  test('CLIENT UNBLOCK wakes another connection', async () => {
    const blocked = client();
    const id = await blocked.ask('CLIENT', 'ID') as number;
    blocked.send(lane('a', 'BLPOP', 'q', '0'));
    await until(() => server.blocked === 1, () => 'a blocked command');
    const c = client();
    expect(await c.ask('CLIENT', 'UNBLOCK', String(id), 'ERROR')).toBe(1);
    expect(await blocked.got(2)).toEqual([id, new ErrorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK')]);
    expect(await c.ask('CLIENT', 'UNBLOCK', '999')).toBe(0);
    expect(await c.ask('CLIENT', 'LIST')).toMatch(/^id=\d+ addr=127\.0\.0\.1:\d+ .*\nid=\d+ addr=/);
  });

  test('QUIT answers what came before and closes', async () => {
    const c = client();
    c.send(['SET', 'k', '1'], ['QUIT'], ['SET', 'k', '2']);
    await until(() => c.closed, () => 'the end');
    expect(c.replies).toEqual([OK, OK]);
    expect(targets.get(null)?.keyspace.database(0).peek('k')).toMatchObject({ value: '1' });
  });

  test('RESET', async () => {
    const c = client();
    await c.ask('HELLO', '3');
    c.send(['SELECT', '1'], ['MULTI'], ['RESET'], ['SET', 'k', '1']);
    expect((await c.got(5)).slice(1)).toEqual([OK, OK, new SimpleReply('RESET'), OK]);
    expect(targets.get(null)?.keyspace.database(0).peek('k')).toBeDefined();
  });

  test('a password is asked for', async () => {
    const guarded = new KeyspaceServer({ route: (tag) => targets.get(tag), password: 'secret' });
    ({ port } = await guarded.listen());
    const c = client();
    expect(await c.ask('GET', 'k')).toEqual(new ErrorReply('NOAUTH Authentication required.'));
    expect(await c.ask('PING')).toEqual(new ErrorReply('NOAUTH Authentication required.'));
    expect(await c.ask('AUTH', 'wrong')).toEqual(new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.'));
    expect(await c.ask('HELLO', '3')).toBeInstanceOf(ErrorReply);
    expect(await c.ask('HELLO', '3', 'AUTH', 'default', 'secret')).toBeInstanceOf(MapReply);
    expect(await c.ask('GET', 'k')).toBeNull();
    await guarded.close();
    expect(await (async () => { await settle(); return c.closed; })()).toBe(true);
  });

  test('a Unix socket and a port in use', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'foreshard-server-'));
    const other = new KeyspaceServer({ route: (tag) => targets.get(tag) });
    try {
      await expect(other.listen({ port })).rejects.toMatchObject({ code: 'port_in_use' });
      const { path } = await other.listen({ path: join(folder, 'redis.sock') });
      const socket = connect(path);
      const chunk = deferred<string>();
      socket.on('data', (data) => chunk.resolve(data.toString()));
      socket.write('PING\r\n');
      expect(await chunk.promise).toBe('+PONG\r\n');
      socket.destroy();
    } finally {
      await other.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('pub/sub', () => {
  test('messages reach RESP2 and RESP3 connections, between replies', async () => {
    const [two, three, publisher] = [client(), client(), client()];
    await three.ask('HELLO', '3');
    two.send(['SUBSCRIBE', 'x', 'y']);
    expect(await two.got(2)).toEqual([['subscribe', 'x', 1], ['subscribe', 'y', 2]]);
    three.send(['PSUBSCRIBE', '*']);
    expect((await three.got(2))[1]).toEqual(new PushReply(['psubscribe', '*', 1]));
    expect(await publisher.ask('PUBLISH', 'x', 'm\r\n\0')).toBe(2);
    expect((await two.got(3))[2]).toEqual(['message', 'x', 'm\r\n\0']);
    expect((await three.got(3))[2]).toEqual(new PushReply(['pmessage', '*', 'x', 'm\r\n\0']));
    expect(await two.ask('PING')).toEqual(['pong', '']);
    expect(await two.ask('GET', 'k')).toBeInstanceOf(ErrorReply);
    expect(await three.ask('GET', 'k')).toBeNull();
    expect(await publisher.ask('FS.L', 'a', 'PUBLISH', 'x', 'other lane')).toBe(0);
    two.socket.destroy();
    await until(() => two.closed, () => 'the end');
    await settle();
    expect(await publisher.ask('PUBLISH', 'y', 'm')).toBe(1);
  });

  test('a message to oneself comes before the reply of the command behind a blocked one', async () => {
    const c = client();
    await c.ask('HELLO', '3');
    await c.ask('FS.L', 'b', 'SUBSCRIBE', 'x');
    c.send(lane('a', 'BLPOP', 'q', '0'), lane('b', 'PUBLISH', 'x', 'm'));
    await until(() => server.blocked === 1, () => 'a blocked command');
    await client().ask('FS.L', 'a', 'RPUSH', 'q', '1');
    expect((await c.got(5)).slice(2)).toEqual([['q', '1'], new PushReply(['message', 'x', 'm']), 1]);
  });
});

describe('bad input', () => {
  test.each([
    ['*x\r\n', 'ERR Protocol error: invalid multibulk length'],
    ['*1\r\n$-5\r\n', 'ERR Protocol error: invalid bulk length'],
    ['*2\r\n!', "ERR Protocol error: expected '$', got '!'"],
    ['GET "k\r\n', 'ERR Protocol error: unbalanced quotes in request'],
  ])('%j is answered after what came before, and the connection closes', async (text, message) => {
    const c = client();
    c.socket.write(`SET k 1\r\n${text}\r\n`);
    await until(() => c.closed, () => 'the end');
    expect(c.replies).toEqual([OK, new ErrorReply(message)]);
    expect(server.pending).toBe(0);
  });

  test('a tag without a command', async () => {
    const c = client();
    const malformed = new ErrorReply('ERR foreshard: FS.L needs a tag and a command');
    c.send(['FS.L'], ['FS.L', 'a'], ['PING']);
    expect(await c.got(3)).toEqual([malformed, malformed, new SimpleReply('PONG')]);
  });

  test('abrupt disconnects leave no session, no blocked command and no pending one', async () => {
    for (let round = 0; round < 20; round++) {
      const c = client();
      c.send(lane('a', 'MULTI'), lane('b', 'SUBSCRIBE', 'x'), ['BLPOP', 'q', '0'], ['GET', 'k']);
      if (round % 2 === 0) await until(() => server.blocked > 0, () => 'a blocked command');
      c.socket.resetAndDestroy();
    }
    await settle();
    await until(() => server.pending === 0 && server.blocked === 0, () => 'nothing pending');
    expect(await client().ask('FS.L', 'b', 'PUBLISH', 'x', 'm')).toBe(0);
  });

  test('a command whose rest has not come yet is pending', async () => {
    const c = client();
    const whole = encodeCommand(['SET', 'k', 'v']);
    c.socket.write(whole.slice(0, 15), 'latin1');
    await until(() => server.pending === 1, () => 'a command that has begun');
    c.socket.write(whole.slice(15) + whole.slice(0, 4), 'latin1');
    expect(await c.got(1)).toEqual([OK]);
    await until(() => server.pending === 1, () => 'another one');
    c.socket.destroy();
    await until(() => server.pending === 0, () => 'nothing pending');
  });

  test('values of 16 MB and any bytes', async () => {
    const c = client();
    const value = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte)).repeat(64 * 1024);
    expect(await c.ask('SET', '\0\xff\r\n', value)).toEqual(OK);
    expect(await c.ask('GET', '\0\xff\r\n') === value).toBe(true);
  });

  test('ten thousand commands in one write', async () => {
    const c = client();
    c.send(...Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? ['INCR', 'n'] : lane('a', 'INCR', 'n'))));
    expect((await c.got(10_000)).at(-1)).toBe(5000);
  });
});
