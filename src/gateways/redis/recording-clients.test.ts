import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hasRedisServer, MemorySink, RawClient, sleep, startTcpRedis, until, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import { ErrorReply, SimpleReply } from '../../keyspace/reply.ts';
import { EmbeddedRedis } from './embedded-redis.ts';
import { RedisRecordingGateway } from './recording-gateway.ts';

interface Recorded {
  readonly sink: MemorySink;
  readonly gateway: RedisRecordingGateway;
  readonly port: number;
  readonly idle: () => Promise<void>;
}

async function recorded(upstreamPort: number, action: (recorded: Recorded) => Promise<void>, extra: { readonly password?: string } = {}): Promise<void> {
  const sink = new MemorySink();
  sink.current.set('a', 'r1');
  const gateway = new RedisRecordingGateway({ server: 'redis', upstream: { host: '127.0.0.1', port: upstreamPort, ...extra }, sink, snapshot: 'auto' });
  await gateway.start();
  try {
    const { port } = await gateway.listen('a', { host: '127.0.0.1', port: 0 });
    await action({ sink, gateway, port, idle: () => until(() => gateway.pending('a') === 0, 'idle') });
  } finally {
    await gateway.close();
  }
}

const valueOf = (sink: MemorySink, key: string): unknown => sink.newest(`redis:0/${key}`)?.value;

async function useIoredis({ sink, port, idle }: Recorded, hasScripts: boolean): Promise<void> {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 1 });
  const auto = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true });
  try {
    await redis.flushall();
    await redis.set('s', 'v', 'EX', 100);
    expect(await redis.pipeline().incr('n').incr('n').hset('h', { a: '1', b: '2' }).exec()).toEqual([[null, 1], [null, 2], [null, 2]]);
    expect(await redis.multi().incr('n').lpush('l', 'x').exec()).toEqual([[null, 3], [null, 1]]);
    await Promise.all(Array.from({ length: 50 }, () => auto.incr('auto')));
    expect(await auto.get('auto')).toBe('50');
    await redis.watch('n');
    await auto.incr('n');
    expect(await redis.multi().incr('n').exec()).toBe(null);
    if (hasScripts) {
      redis.defineCommand('bump', { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
      const bump = redis as Redis & { bump(key: string, by: number): Promise<number> };
      expect([await bump.bump('n', 10), await bump.bump('n', 10)]).toEqual([14, 24]);
    }
    const waiting = redis.blpop('q', 5);
    await auto.rpush('q', 'job');
    expect(await waiting).toEqual(['q', 'job']);
    expect((await redis.hgetall('h'))['b']).toBe('2');
    expect(await redis.getBuffer('s')).toEqual(Buffer.from('v'));
    await idle();
    expect(valueOf(sink, 'n')).toEqual({ type: 'string', value: hasScripts ? '24' : '4' });
    expect(valueOf(sink, 'auto')).toEqual({ type: 'string', value: '50' });
    expect(sink.chains.get('redis:0/auto')?.length).toBe(51);
    expect(valueOf(sink, 'q')).toBe(undefined);
    expect(sink.problems).toEqual([]);
    expect(sink.losses).toEqual([]);
  } finally {
    redis.disconnect();
    auto.disconnect();
  }
}

async function useNodeRedis({ sink, port, idle }: Recorded): Promise<void> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.flushAll();
    await client.set('k', 'v');
    expect(await client.multi().incr('n').get('k').sAdd('s', ['1', '2']).exec()).toEqual([1, 'v', 2]);
    expect(await Promise.all([client.get('k'), client.zAdd('z', { score: 1.5, value: 'm' }), client.zRangeWithScores('z', 0, -1)])).toEqual(['v', 1, [{ value: 'm', score: 1.5 }]]);
    const subscriber = await client.duplicate().connect();
    const heard: string[] = [];
    await subscriber.subscribe('news', (message) => heard.push(message));
    await client.publish('news', 'hello');
    await until(() => heard.length === 1, 'the message came');
    await subscriber.unsubscribe('news');
    expect(await subscriber.ping()).toBe('PONG');
    subscriber.destroy();
    await idle();
    expect(valueOf(sink, 's')).toEqual({ type: 'set', members: ['1', '2'] });
    expect(valueOf(sink, 'z')).toEqual({ type: 'zset', members: [['m', 1.5]] });
    expect(sink.commands.map(({ name }) => name)).toContain('PUBLISH');
    expect(sink.problems).toEqual([]);
    expect(sink.losses).toEqual([]);
  } finally {
    client.destroy();
  }
}

describe('in front of the embedded server', () => {
  let embedded: EmbeddedRedis;
  beforeAll(async () => {
    embedded = new EmbeddedRedis();
    await embedded.start();
  });
  afterAll(() => embedded.close());

  test('ioredis', () => recorded(embedded.address?.port ?? 0, (context) => useIoredis(context, false)));
  test('node-redis', () => recorded(embedded.address?.port ?? 0, useNodeRedis));
});

describe.skipIf(!hasRedisServer())('in front of a real server', () => {
  let redis: TcpRedis;
  beforeAll(async () => {
    redis = await startTcpRedis();
  });
  afterAll(() => redis.stop());

  test('ioredis', () => recorded(redis.port, (context) => useIoredis(context, true)));
  test('node-redis', () => recorded(redis.port, useNodeRedis));

  test('an old client: RESP2, INFO as a ready check, pub/sub that looks like arrays, inline commands', () => recorded(redis.port, async ({ sink, port, idle }) => {
    const client = await RawClient.open(port);
    const other = await RawClient.open(port);
    expect(await client.call('INFO')).toContain('redis_version');
    client.socket.write('SET inline "a b"\r\n');
    await until(() => client.extra.length === 1, 'the inline command is answered');
    expect(client.extra.splice(0)).toEqual([new SimpleReply('OK')]);
    expect(await client.pipeline([['GET', 'inline'], ['RPUSH', 'list', 'message', 'b'], ['LRANGE', 'list', '0', '-1']])).toEqual(['a b', 2, ['message', 'b']]);
    client.socket.write('*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$4\r\nPING\r\n');
    await until(() => client.extra.length === 3, 'two confirmations and an answer');
    await other.call('PUBLISH', 'a', 'x');
    await until(() => client.extra.length === 4, 'the message came');
    client.socket.write('*1\r\n$11\r\nUNSUBSCRIBE\r\n');
    await until(() => client.extra.length === 6, 'two more confirmations');
    expect(await client.call('GET', 'inline')).toBe('a b');
    await idle();
    expect(valueOf(sink, 'inline')).toEqual({ type: 'string', value: 'a b' });
    expect(valueOf(sink, 'list')).toEqual({ type: 'list', items: ['message', 'b'] });
    client.close();
    other.close();
  }));

  test('a client that keeps what it reads is told of changes, and is a loss by name', () => recorded(redis.port, async ({ sink, port, idle }) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } });
    client.on('error', () => {});
    await client.connect();
    const other = await RawClient.open(port);
    await other.call('SET', 'kept', '1');
    expect([await client.get('kept'), await client.get('kept')]).toEqual(['1', '1']);
    await idle();
    expect(sink.commands.filter(({ name }) => name === 'GET')).toHaveLength(1);
    await other.call('SET', 'kept', '2');
    await expect.poll(() => client.get('kept')).toBe('2');
    expect(sink.losses.map(({ code }) => code)).toEqual(['client_side_cache']);
    client.destroy();
    other.close();
  }));

  test('MONITOR is passed on and nothing of it is taken for an answer', () => recorded(redis.port, async ({ port, idle }) => {
    const monitor = await RawClient.open(port);
    const client = await RawClient.open(port);
    expect(await monitor.call('MONITOR')).toEqual(new SimpleReply('OK'));
    await client.call('SET', 'seen', '1');
    await until(() => monitor.extra.some((line) => line instanceof SimpleReply && line.text.includes('"seen"')), 'the command is seen');
    await idle();
    monitor.close();
    client.close();
  }));

  test('64 MB pass and are recorded', () => recorded(redis.port, async ({ sink, port, idle }) => {
    const client = await RawClient.open(port);
    const big = '\u00fe'.repeat(64 * 1024 * 1024);
    expect(await client.call('FS.L', 'big', 'SET', 'huge', big)).toEqual(new SimpleReply('OK'));
    expect(await client.call('GET', 'huge') === big).toBe(true);
    await idle();
    const value = sink.newest('redis:0/huge')?.value;
    expect(value?.type === 'string' && value.value === big).toBe(true);
    await client.call('DEL', 'huge');
    client.close();
  }), 60_000);
});

describe.skipIf(!hasRedisServer())('when things go wrong', () => {
  test('a server that is not there, or does not let us in, is a coded error', async () => {
    const redis = await startTcpRedis({ args: ['--requirepass', 'secret'] });
    onTestFinished(() => redis.stop());
    const open = (port: number, password?: string): Promise<void> => recorded(port, async () => {}, password === undefined ? {} : { password });
    await expect(open(redis.port)).rejects.toMatchObject({ code: 'upstream_refused' });
    await expect(open(redis.port, 'wrong')).rejects.toMatchObject({ code: 'upstream_refused' });
    await recorded(redis.port, async ({ port, sink, idle }) => {
      const client = await RawClient.open(port);
      expect(await client.call('GET', 'k')).toBeInstanceOf(ErrorReply);
      await client.call('AUTH', 'secret');
      expect(await client.call('SET', 'k', 'v')).toEqual(new SimpleReply('OK'));
      await idle();
      expect(valueOf(sink, 'k')).toEqual({ type: 'string', value: 'v' });
      client.close();
    }, { password: 'secret' });
    await redis.stop();
    await expect(open(redis.port)).rejects.toMatchObject({ code: 'upstream_unreachable' });
  });

  test('a server that dies is said, its clients are cut off, and a new one is taken up again', async () => {
    const redis = await startTcpRedis();
    onTestFinished(() => redis.stop());
    await recorded(redis.port, async ({ port, sink, gateway }) => {
      const client = await RawClient.open(port);
      await client.call('SET', 'k', 'v');
      client.socket.write('*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n');
      await sleep(20);
      await redis.stop();
      await until(() => client.isClosed, 'the client is cut off');
      expect(gateway.pending('a')).toBe(0);
      const orphan = await RawClient.open(port);
      await until(() => orphan.isClosed, 'no server, no connection');
      const again = await startTcpRedis({ port: redis.port });
      onTestFinished(() => again.stop());
      await until(() => gateway.pending('a') === 0, 'idle');
      let answer: unknown;
      for (let attempt = 0; attempt < 5 && answer !== null; attempt++) {
        const next = await RawClient.open(port);
        answer = await Promise.race([next.call('GET', 'k'), sleep(300).then(() => 'cut off')]);
        next.close();
      }
      expect(answer).toBe(null);
      expect(sink.losses.some(({ code }) => code === 'upstream_lost')).toBe(true);
      expect(sink.chains.get('redis:0/k')?.at(-1)).toMatchObject({ element: null, cause: 'external' });
    });
  });

  test('a port in use is a coded error', async () => {
    const redis = await startTcpRedis();
    onTestFinished(() => redis.stop());
    await recorded(redis.port, async ({ gateway, port }) => {
      await expect(gateway.listen('b', { host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'port_in_use' });
    });
  });
});
