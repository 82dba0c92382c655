import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmbeddedRedis } from './embedded-redis.ts';

const run = promisify(execFile);
const hasCli = await run('redis-cli', ['--version']).then(() => true, () => false);
if (!hasCli && process.env['CI'] !== undefined) throw new Error('redis-cli is needed in CI (Debian: redis-tools)');
if (!hasCli) console.warn('redis-cli is not installed: its part of the test is skipped');

let server: EmbeddedRedis;
let port: number;

beforeEach(async () => {
  server = new EmbeddedRedis({
    seed: [{ database: 0, key: 'seeded', element: { value: { type: 'hash', fields: [['a', '1']] }, expiresAtMs: null } }],
  });
  ({ port } = await server.start());
});

afterEach(() => server.close());

describe.each([2, 3] as const)('ioredis, RESP%i', (protocol) => {
  test.each([false, true])('auto-pipelining %s', async (enableAutoPipelining) => {
    const redis = new Redis({ port, host: '127.0.0.1', enableAutoPipelining, protocol });
    const subscriber = redis.duplicate();
    try {
      const key = (name: string): string => `${protocol}${enableAutoPipelining}${name}`;
      expect(await Promise.all([redis.set(key('s'), 'v'), redis.get(key('s')), redis.incr(key('n')), redis.hgetall('seeded')])).toEqual(['OK', 'v', 1, { a: '1' }]);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await redis.set(key('bytes'), bytes);
      expect(await redis.getBuffer(key('bytes'))).toEqual(bytes);
      expect(await redis.multi().set(key('m'), '1').incr(key('m')).exec()).toEqual([[null, 'OK'], [null, 2]]);
      expect(await redis.pipeline().get('none').lpush(key('l'), 'a', 'b').hset('seeded', 'b', '2').exec()).toEqual([[null, null], [null, 2], [null, 1]]);
      await expect(redis.lpush(key('s'), 'x')).rejects.toThrow('WRONGTYPE');
      const message = new Promise((resolve) => { subscriber.on('message', (channel, text) => resolve([channel, text])); });
      await subscriber.subscribe('news');
      await redis.publish('news', 'hello');
      expect(await message).toEqual(['news', 'hello']);
      const blocked = redis.duplicate();
      const popped = blocked.blpop(key('q'), 5);
      await redis.rpush(key('q'), 'job');
      expect(await popped).toEqual([key('q'), 'job']);
      blocked.disconnect();
    } finally {
      redis.disconnect();
      subscriber.disconnect();
    }
  });
});

test.each([2, 3] as const)('node-redis, RESP%i', async (RESP) => {
  const client = createClient({ url: `redis://127.0.0.1:${port}/1`, RESP });
  const subscriber = client.duplicate();
  await Promise.all([client.connect(), subscriber.connect()]);
  try {
    expect(await Promise.all([client.set('s', 'v', { EX: 10 }), client.get('s'), client.ttl('s'), client.hSet('h', { a: '1', b: '2' }), client.hGetAll('h')]))
      .toEqual(['OK', 'v', 10, 2, { a: '1', b: '2' }]);
    expect(await client.multi().set('m', '1').incr('m').exec()).toEqual(['OK', 2]);
    expect(await client.zAdd('z', [{ score: 1.5, value: 'a' }, { score: Infinity, value: 'b' }])).toBe(2);
    expect(await client.zRangeWithScores('z', 0, -1)).toEqual([{ value: 'a', score: 1.5 }, { value: 'b', score: Infinity }]);
    expect(await client.sendCommand(['DBSIZE'])).toBe(4);
    const message = new Promise((resolve) => { void subscriber.subscribe('news', (text) => resolve(text)); });
    while (await client.publish('news', 'hello') === 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
    expect(await message).toBe('hello');
    expect(server.keyspace.database(1).peek('s')).toBeDefined();
    expect(server.keyspace.database(0).peek('s')).toBeUndefined();
  } finally {
    client.destroy();
    subscriber.destroy();
  }
});

test.skipIf(!hasCli)('redis-cli', async () => {
  const cli = async (...args: readonly string[]): Promise<string> => (await run('redis-cli', ['-p', String(port), ...args])).stdout.trim();
  expect(await cli('SET', 'k', 'a "b"')).toBe('OK');
  expect(JSON.parse(await cli('-3', '--json', 'HGETALL', 'seeded'))).toEqual({ a: '1' });
  expect(await cli('INFO', 'server')).toContain('redis_version:7.0.15');
  expect(await cli('INFO')).toContain('db0:keys=2');
  expect((await cli('--scan')).split('\n').sort()).toEqual(['k', 'seeded']);
  expect(await cli('COMMAND', 'COUNT')).toMatch(/^\d+$/);
});

test('close ends its connections and frees the port', async () => {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => null });
  await redis.ping();
  const ended = new Promise((resolve) => { redis.on('end', resolve); });
  await server.close();
  await ended;
  expect(server.address).toBeUndefined();
  const again = new EmbeddedRedis();
  expect(await again.start(port)).toEqual({ host: '127.0.0.1', port });
  await again.close();
});
