import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer, MemorySink, RawClient, startTcpRedis, until, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import { ErrorReply } from '../../keyspace/reply.ts';
import type { Element } from '../../model/element.ts';
import { RedisRecordingGateway } from './recording-gateway.ts';

const text = (value: string): Element => ({ value: { type: 'string', value }, expiresAtMs: null });
/** Writes two keys whose names it makes itself, reads a third, and writes none of those it declares. */
const hidden = "local name = ARGV[1] redis.call('SET', 'made:' .. name, ARGV[2]) redis.call('HSET', 'made:' .. name .. ':h', 'f', ARGV[2]) return redis.call('GET', 'made:read')";

describe.skipIf(!hasRedisServer())('scripts that touch keys they do not declare', () => {
  let redis: TcpRedis;
  let direct: RawClient;

  beforeAll(async () => {
    redis = await startTcpRedis();
    direct = await RawClient.open(redis.port);
  });
  afterAll(async () => {
    direct.close();
    await redis.stop();
  });

  async function record(options: { readonly seed?: readonly (readonly string[])[]; readonly snapshot?: 'auto' | 'touch'; readonly username?: string; readonly password?: string; readonly lanes?: number } = {}): Promise<{ sink: MemorySink; gateway: RedisRecordingGateway; clients: RawClient[]; client: RawClient; idle: () => Promise<void>; stop: () => Promise<void> }> {
    await direct.call('FLUSHALL');
    for (const command of options.seed ?? []) await direct.call(...command);
    const sink = new MemorySink();
    const { username, password } = options;
    const gateway = new RedisRecordingGateway({
      server: 'redis', sink, snapshot: options.snapshot ?? 'auto',
      upstream: { host: '127.0.0.1', port: redis.port, ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) },
    });
    await gateway.start();
    const lanes = Array.from({ length: options.lanes ?? 1 }, (_, index) => `lane${index + 1}`);
    const clients = await Promise.all(lanes.map(async (lane, index) => {
      sink.current.set(lane, `r${index + 1}`);
      return RawClient.open((await gateway.listen(lane, { host: '127.0.0.1', port: 0 })).port);
    }));
    return {
      sink, gateway, clients, client: clients[0] as RawClient,
      idle: () => until(() => lanes.every((lane) => gateway.pending(lane) === 0), 'the gateway is idle'),
      stop: async () => {
        for (const client of clients) client.close();
        await gateway.close();
      },
    };
  }

  test('each key a script changed is a write of its request, absent or known before', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'made:a', 'old'], ['SET', 'made:read', 'r'], ['SET', 'declared', 'd']] });
    expect(await client.call('EVAL', hidden, '1', 'declared', 'a', 'new')).toBe('r');
    await idle();
    expect(sink.chains.get('redis:0/made:a')).toEqual([
      { revision: 1, element: text('old'), cause: 'initial', by: null },
      { revision: 2, element: text('new'), cause: 'write', by: 'r1' },
    ]);
    expect(sink.chains.get('redis:0/made:a:h')).toEqual([
      { revision: 1, element: null, cause: 'initial', by: null },
      { revision: 2, element: { value: { type: 'hash', fields: [['f', 'new']] }, expiresAtMs: null }, cause: 'write', by: 'r1' },
    ]);
    expect(sink.touchesOf('r1').sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { by: 'r1', key: 'redis:0/declared', revision: 1, read: true, written: false },
      { by: 'r1', key: 'redis:0/made:a', revision: 1, read: true, written: true },
      { by: 'r1', key: 'redis:0/made:a:h', revision: 1, read: true, written: true },
    ]);
    expect(sink.chains.has('redis:0/made:read')).toBe(true); // of the snapshot
    expect([sink.losses, sink.problems]).toEqual([[], []]);
    expect(sink.listings).toEqual(['r1']);
    await stop();
  });

  test('a write of the value that was there already is a write all the same, and an undeclared stream is followed', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', 'same'], ['SET', 'left', 'alone']] });
    await client.call('EVAL', "redis.call('SET', KEYS[1], 'same') redis.call('XADD', 'events', '5-1', 'f', 'v')", '2', 'k', 'left');
    await idle();
    expect(sink.touchesOf('r1').map(({ key, written }) => [key, written]).sort()).toEqual([['redis:0/events', true], ['redis:0/k', true], ['redis:0/left', false]]);
    expect(sink.newest('redis:0/events')?.value).toMatchObject({ type: 'stream', lastId: '5-1' });
    await stop();
  });

  test('what nobody knew before is a named problem of its request, once per key', async () => {
    const { sink, client, idle, stop } = await record({ snapshot: 'touch', seed: [['SET', 'made:a', 'old']] });
    await client.call('EVAL', hidden, '0', 'a', '1');
    await client.call('EVAL', hidden, '0', 'a', '2');
    await idle();
    expect(sink.problems.map(({ by, problem }) => [by, problem.code, problem.key]).sort()).toEqual([['r1', 'state_uncertain', 'redis:0/made:a'], ['r1', 'state_uncertain', 'redis:0/made:a:h']]);
    expect(sink.losses.map(({ code }) => code)).toEqual(['script_reads_unseen']);
    expect(sink.chains.get('redis:0/made:a')).toEqual([
      { revision: 1, element: text('1'), cause: 'write', by: 'r1' },
      { revision: 2, element: text('2'), cause: 'write', by: 'r1' },
    ]);
    expect(sink.touchesOf('r1').filter(({ key }) => key === 'redis:0/made:a')).toEqual([{ by: 'r1', key: 'redis:0/made:a', revision: 1, read: true, written: true }]);
    await stop();
  });

  test('a script by hash, in a transaction, and one the server does not know', async () => {
    const { sink, client, idle, stop } = await record();
    const hash = await client.call('SCRIPT', 'LOAD', "redis.call('INCR', 'hidden:' .. ARGV[1]) return 1") as string;
    const replies = await client.pipeline([['EVALSHA', hash, '0', 'x'], ['EVALSHA', 'f'.repeat(40), '0'], ['MULTI'], ['SET', 'a', '1'], ['EVALSHA', hash, '0', 'x'], ['INCR', 'hidden:x'], ['EXEC'], ['GET', 'hidden:x']]);
    expect(replies[1]).toBeInstanceOf(ErrorReply);
    expect(replies.at(-1)).toBe('3');
    await idle();
    expect(sink.chains.get('redis:0/hidden:x')?.map(({ element, by }) => [element, by])).toEqual([[null, null], [text('1'), 'r1'], [text('3'), 'r1']]);
    expect(sink.newest('redis:0/a')).toEqual(text('1'));
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('many scripts and commands on many connections are told apart', async () => {
    const { sink, clients, idle, stop } = await record({ lanes: 4 });
    const bump = "return redis.call('INCR', 'total:' .. ARGV[1])";
    await Promise.all(clients.map(async (client, lane) => {
      for (let round = 0; round < 15; round++) {
        await Promise.all([client.call('INCR', 'plain'), client.call('EVAL', bump, '0', `${round % 3}`), client.call('INCR', `total:${lane % 3}`), client.call('HINCRBY', `own:${lane}`, 'n', '1')]);
      }
    }));
    await idle();
    expect(sink.problems).toEqual([]);
    for (const key of ['plain', 'total:0', 'total:1', 'total:2']) {
      const chain = sink.chains.get(`redis:0/${key}`) ?? [];
      expect(chain.map(({ element }) => (element?.value as { value: string } | undefined)?.value)).toEqual([undefined, ...chain.slice(1).map((_, index) => String(index + 1))]);
      expect(chain.slice(1).every(({ cause, by }) => cause === 'write' && by !== null)).toBe(true);
      expect(chain.length - 1).toBe(Number(await direct.call('GET', key)));
    }
    await stop();
  });

  test('a script that goes to another database', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', 'zero'], ['SELECT', '3'], ['SET', 'k', 'three'], ['SELECT', '0']] });
    await client.call('EVAL', "redis.call('SELECT', 3) redis.call('SET', 'k', 'new') redis.call('SELECT', 0) redis.call('SET', 'here', '1')", '0');
    await idle();
    expect(sink.newest('redis:3/k')).toEqual(text('new'));
    expect(sink.chains.get('redis:0/k')?.length).toBe(1);
    expect(sink.touchesOf('r1').filter(({ written }) => written).map(({ key }) => key).sort()).toEqual(['redis:0/here', 'redis:0/k', 'redis:3/k']);
    expect(sink.chains.get('redis:3/here')?.map(({ element }) => element)).toEqual([null]);
    await stop();
  });

  test('what expires while a script runs is no write of it, and a flush inside one is', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', '1']] });
    await client.call('SET', 'soon', '1', 'PX', '40');
    await client.call('EVAL', "local t = redis.call('TIME') local till = t[1] * 1000 + t[2] / 1000 + 80 repeat t = redis.call('TIME') until t[1] * 1000 + t[2] / 1000 > till redis.call('SET', 'k', '2')", '1', 'soon');
    await client.call('GET', 'soon');
    await idle();
    expect(sink.chains.get('redis:0/soon')?.map(({ element, cause }) => [element === null, cause])).toEqual([[true, 'initial'], [false, 'write'], [true, 'expired']]);
    await client.call('EVAL', "redis.call('FLUSHDB')", '0');
    await idle();
    expect(sink.chains.get('redis:0/k')?.at(-1)).toEqual({ revision: 3, element: null, cause: 'write', by: 'r1' });
    await stop();
  });

  test('once names are told, a write past the gateway is read again at the next touch', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', '1'], ['SET', 'blind', '1']] });
    await client.call('EVAL', 'return 1', '0');
    await client.call('INCR', 'k');
    await client.call('INCR', 'k');
    await idle();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await direct.pipeline([['SET', 'k', '10'], ['SET', 'blind', 'theirs'], ['SET', 'new', 'n']]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await client.pipeline([['INCR', 'k'], ['SET', 'blind', 'ours'], ['GET', 'new']])).toEqual([11, expect.anything(), 'n']);
    await idle();
    expect(sink.chains.get('redis:0/k')?.map(({ element, cause }) => [element, cause])).toEqual([
      [text('1'), 'initial'], [text('2'), 'write'], [text('3'), 'write'], [text('10'), 'external'], [text('11'), 'write'],
    ]);
    expect(sink.chains.get('redis:0/blind')?.map(({ cause }) => cause)).toEqual(['initial', 'external', 'write']);
    expect(sink.chains.get('redis:0/new')?.map(({ element, cause }) => [element, cause])).toEqual([[null, 'initial'], [text('n'), 'external']]);
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('a waiter that a script serves is followed', async () => {
    const { sink, clients: [waiter, pusher], idle, stop } = await record({ lanes: 2 });
    for (let round = 1; round <= 5; round++) {
      const popped = (waiter as RawClient).call('BLPOP', 'queue', '5');
      await new Promise((resolve) => setTimeout(resolve, 20));
      await (pusher as RawClient).call('EVAL', "redis.call('RPUSH', 'que' .. 'ue', ARGV[1]) redis.call('INCR', 'pushed')", '0', `job${round}`);
      expect(await popped).toEqual(['queue', `job${round}`]);
    }
    await idle();
    expect(sink.newest('redis:0/pushed')).toEqual(text('5'));
    const [, ...chain] = sink.chains.get('redis:0/queue') ?? [];
    expect(chain.map(({ element, cause, by }) => [element?.value, cause, by])).toEqual([1, 2, 3, 4, 5].flatMap((round) => [
      [{ type: 'list', items: [`job${round}`] }, 'write', 'r2'], [undefined, 'write', 'r1'],
    ]));
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('a server that does not tell: declared keys only, said once', async () => {
    await direct.call('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking');
    const { sink, client, idle, stop } = await record({ username: 'plain', password: 'secret', seed: [['SET', 'declared', '1']] });
    for (let round = 0; round < 3; round++) await client.call('EVAL', "redis.call('INCR', KEYS[1]) redis.call('INCR', 'hidden')", '1', 'declared');
    await client.call('GET', 'hidden');
    await idle();
    expect(sink.losses.map(({ code }) => code)).toEqual(['script_keys_unseen']);
    expect(sink.newest('redis:0/declared')).toEqual(text('4'));
    expect(sink.newest('redis:0/hidden')).toEqual(text('3')); // noticed by the read
    await stop();
    await direct.call('ACL', 'DELUSER', 'plain');
  });

  test('no second connection as long as no script has come', async () => {
    const { client, stop } = await record();
    await client.call('SET', 'k', '1');
    expect(String(await direct.call('CLIENT', 'LIST'))).not.toContain('flags=tB');
    await client.call('EVAL', 'return 1', '0');
    expect(String(await direct.call('CLIENT', 'LIST'))).toMatch(/flags=\S*B/);
    await stop();
  });
});
