import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer, MemorySink, RawClient, startTcpRedis, until, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import { ErrorReply, SimpleReply } from '../../keyspace/reply.ts';
import type { Element } from '../../model/element.ts';
import { RedisRecordingGateway } from './recording-gateway.ts';

const text = (value: string, expiresAtMs: number | null = null): Element => ({ value: { type: 'string', value }, expiresAtMs });

describe.skipIf(!hasRedisServer())('the recording gateway in front of a real Redis', () => {
  let redis: TcpRedis;
  let direct: RawClient;
  const toClose: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await startTcpRedis();
    direct = await RawClient.open(redis.port);
  });
  afterAll(async () => {
    direct.close();
    await redis.stop();
  });

  /** A gateway in front of a flushed server (`seed` is run first), with a client in lane `a`. */
  async function record(options: { readonly seed?: readonly (readonly string[])[]; readonly snapshot?: 'auto' | 'touch' | 'full'; readonly maxSnapshotKeys?: number } = {}): Promise<{ sink: MemorySink; gateway: RedisRecordingGateway; client: RawClient; port: number; idle: () => Promise<void>; stop: () => Promise<void> }> {
    await direct.call('FLUSHALL');
    for (const command of options.seed ?? []) await direct.call(...command);
    const sink = new MemorySink();
    const gateway = new RedisRecordingGateway({ server: 'redis', upstream: { host: '127.0.0.1', port: redis.port }, sink, snapshot: options.snapshot ?? 'touch', ...(options.maxSnapshotKeys === undefined ? {} : { maxSnapshotKeys: options.maxSnapshotKeys }) });
    await gateway.start();
    const { port } = await gateway.listen('a', { host: '127.0.0.1', port: 0 });
    const client = await RawClient.open(port);
    sink.current.set('a', 'r1');
    const stop = async (): Promise<void> => {
      client.close();
      await gateway.close();
    };
    toClose.push(stop);
    return { sink, gateway, client, port, stop, idle: () => until(() => gateway.pending('a') === 0, 'the gateway is idle') };
  }

  test('first touch reports what the element was, and a write what it became', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', '1']] });
    expect(await client.call('GET', 'k')).toBe('1');
    expect(await client.call('INCR', 'k')).toBe(2);
    expect(await client.call('GET', 'none')).toBe(null);
    await idle();
    expect(sink.chains.get('redis:0/k')).toEqual([
      { revision: 1, element: text('1'), cause: 'initial', by: null },
      { revision: 2, element: text('2'), cause: 'write', by: 'r1' },
    ]);
    expect(sink.chains.get('redis:0/none')).toEqual([{ revision: 1, element: null, cause: 'initial', by: null }]);
    expect(sink.touchesOf('r1')).toEqual([
      { by: 'r1', key: 'redis:0/k', revision: 1, read: true, written: false },
      { by: 'r1', key: 'redis:0/k', revision: 1, read: true, written: true },
      { by: 'r1', key: 'redis:0/none', revision: 1, read: true, written: false },
    ]);
    expect(sink.commands.map(({ name }) => name)).toEqual(['GET', 'INCR', 'GET']);
    await stop();
  });

  test('a tag may say what time it is in the request, which the server does not see', async () => {
    const { sink, client, idle, stop } = await record();
    expect(await client.call('FS.L', 'r7;1700000000150', 'SET', 'k', 'v')).toEqual(new SimpleReply('OK'));
    await idle();
    expect(sink.touchesOf('r7').map(({ key }) => key)).toEqual(['redis:0/k']);
    await stop();
  });

  test('what expires at once was written all the same', async () => {
    const { sink, client, idle, stop } = await record();
    const names = Array.from({ length: 300 }, (_, index) => `k${index}`);
    await client.pipeline(names.map((name) => ['SET', name, 'v', 'PX', '1']));
    await idle();
    const written = names.map((name) => sink.chains.get(`redis:0/${name}`)?.find(({ by }) => by === 'r1')?.element?.value);
    expect(written.filter((value) => value?.type !== 'string')).toEqual([]);
    await stop();
  });

  test('a blind write is no read', async () => {
    const { sink, client, idle, stop } = await record();
    await client.call('SET', 'k', 'v', 'EX', '100');
    await idle();
    expect(sink.touchesOf('r1')).toEqual([{ by: 'r1', key: 'redis:0/k', revision: 1, read: false, written: true }]);
    const written = sink.newest('redis:0/k');
    expect(written?.value).toEqual({ type: 'string', value: 'v' });
    expect(Math.abs((written?.expiresAtMs ?? 0) - Date.now() - 100_000)).toBeLessThan(1000);
    await stop();
  });

  test('elements of every type are read and followed', async () => {
    const seed = [['HSET', 'h', 'a', '1', 'b', '2'], ['RPUSH', 'l', 'x', 'y'], ['SADD', 's', '1', '2'], ['ZADD', 'z', '1.5', 'm', 'inf', 'n'], ['XADD', 'x', '1-1', 'f', 'v'], ['XGROUP', 'CREATE', 'x', 'g', '0']];
    const { sink, client, idle, stop } = await record({ seed });
    await client.pipeline([['HSET', 'h', 'c', '3'], ['LPUSH', 'l', 'w'], ['SADD', 's', '3'], ['ZINCRBY', 'z', '1', 'm'], ['XADD', 'x', '*', 'g', 'w'], ['XREADGROUP', 'GROUP', 'g', 'me', 'COUNT', '1', 'STREAMS', 'x', '>']]);
    await idle();
    expect(sink.newest('redis:0/h')?.value).toEqual({ type: 'hash', fields: [['a', '1'], ['b', '2'], ['c', '3']] });
    expect(sink.newest('redis:0/l')?.value).toEqual({ type: 'list', items: ['w', 'x', 'y'] });
    expect(sink.newest('redis:0/s')?.value).toEqual({ type: 'set', members: ['1', '2', '3'] });
    expect(sink.newest('redis:0/z')?.value).toEqual({ type: 'zset', members: [['m', 2.5], ['n', Infinity]] });
    const stream = sink.newest('redis:0/x')?.value;
    expect(stream?.type === 'stream' && [stream.items.length, stream.groups[0]?.pending[0]?.id, stream.groups[0]?.consumers[0]?.name]).toEqual([2, '1-1', 'me']);
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('of those who got a message, the ones that are not the service’s own are kept', async () => {
    const { sink, client, port, idle, stop } = await record();
    const own = await RawClient.open(port);
    await own.pipeline([['SUBSCRIBE', 'news'], ['PSUBSCRIBE', 'n*']]);
    await until(() => sink.commands.length === 2, 'the subscriptions');
    expect(await client.call('FS.L', 'r7', 'PUBLISH', 'news', 'm')).toBe(2);
    await direct.call('SET', 'x', '1');
    const stranger = await RawClient.open(redis.port);
    await stranger.call('SUBSCRIBE', 'news');
    expect(await client.call('FS.L', 'r8', 'PUBLISH', 'news', 'm')).toBe(3);
    expect((await client.pipeline([['FS.L', 'r9', 'MULTI'], ['FS.L', 'r9', 'PUBLISH', 'news', 'm'], ['FS.L', 'r9', 'EXEC']])).at(-1)).toEqual([3]);
    await idle();
    expect(sink.hints).toEqual(['r8', 'r9'].map((by) => ({ by, hint: { command: 'PUBLISH', args: ['news'], database: 0, outcome: ['1'] } })));
    own.close();
    stranger.close();
    await stop();
  });

  test('tags name the request and are taken off; connection commands belong to nobody', async () => {
    const { sink, client, idle, stop } = await record();
    expect(await client.call('FS.L', 'r7', 'SET', 'k', '1')).toEqual(new SimpleReply('OK'));
    await client.call('FS.L', 'r8', 'SELECT', '0');
    await client.call('fs.l', 'r9', 'GET', 'k');
    await idle();
    expect(sink.commands).toEqual([{ by: 'r7', name: 'SET' }, { by: 'r9', name: 'GET' }]);
    expect(sink.touchesOf('r9')).toEqual([{ by: 'r9', key: 'redis:0/k', revision: 2, read: true, written: false }]);
    await stop();
  });

  test('SELECT changes the database of what follows, in a pipeline too', async () => {
    const { sink, client, idle, stop } = await record();
    await client.pipeline([['SET', 'k', '0'], ['SELECT', '3'], ['SET', 'k', '3'], ['SELECT', '99999'], ['GET', 'k'], ['MOVE', 'k', '4'], ['COPY', 'k', 'k2']]);
    await idle();
    expect(sink.newest('redis:0/k')).toEqual(text('0'));
    expect(sink.newest('redis:3/k')).toEqual(null);
    expect(sink.newest('redis:4/k')).toEqual(text('3'));
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('an external writer is noticed at the next read', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', 'old']] });
    await client.call('GET', 'k');
    await direct.call('SET', 'k', 'new');
    expect(await client.call('GET', 'k')).toBe('new');
    await idle();
    expect(sink.chains.get('redis:0/k')?.map(({ cause, element }) => [cause, element])).toEqual([['initial', text('old')], ['external', text('new')]]);
    expect(sink.touches.map(({ revision }) => revision)).toEqual([1, 2]);
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('a write that met what somebody else had written is said to be uncertain', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'k', '1']] });
    await client.call('GET', 'k');
    await direct.call('SET', 'k', '10');
    expect(await client.call('INCR', 'k')).toBe(11);
    await idle();
    expect(sink.newest('redis:0/k')).toEqual(text('11'));
    expect(sink.problems).toEqual([{ by: 'r1', problem: expect.objectContaining({ code: 'state_uncertain', key: 'redis:0/k' }) }]);
    expect(await client.call('INCR', 'k')).toBe(12);
    await idle();
    expect(sink.problems.length).toBe(1);
    await stop();
  });

  test('undetermined outcomes become hints and the mirror follows them', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SADD', 's', 'a', 'b', 'c', 'd']] });
    const popped = await client.call('SPOP', 's');
    const some = await client.call('SPOP', 's', '2');
    const left = await client.call('SRANDMEMBER', 's');
    await idle();
    expect(sink.hints.map(({ hint }) => [hint.command, hint.outcome])).toEqual([['SPOP', [popped]], ['SPOP', some], ['SRANDMEMBER', [left]]]);
    expect(sink.newest('redis:0/s')?.value).toEqual({ type: 'set', members: [left] });
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('the order of a large set is a hint, and earlier uses that needed none are made up for', async () => {
    const members = Array.from({ length: 600 }, (_, index) => `member-${index}`);
    const { sink, client, idle, stop } = await record();
    await client.call('SADD', 's', 'only');
    await client.call('SMEMBERS', 's');
    await client.call('SADD', 's', ...members);
    const listed = await client.call('SMEMBERS', 's');
    await idle();
    expect(sink.hints.map(({ hint }) => [hint.command, hint.args, hint.outcome])).toEqual([['SMEMBERS', ['s'], []], ['SMEMBERS', ['s'], listed]]);
    await stop();
  });

  test('a transaction is applied when it is executed, discarded ones and failed ones are not', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'a', '1']] });
    const replies = await client.pipeline([['MULTI'], ['INCR', 'a'], ['HSET', 'h', 'f', 'v'], ['LPOP', 'a'], ['EXEC']]);
    expect(replies[4]).toEqual([2, 1, expect.any(ErrorReply)]);
    await client.pipeline([['MULTI'], ['INCR', 'a'], ['DISCARD'], ['MULTI'], ['INCR', 'a'], ['NOSUCH'], ['EXEC']]);
    await client.call('WATCH', 'a');
    await direct.call('SET', 'a', '50');
    await client.pipeline([['MULTI'], ['INCR', 'a'], ['EXEC']]);
    expect(await client.call('GET', 'a')).toBe('50');
    await idle();
    expect(sink.chains.get('redis:0/a')?.map(({ element, cause }) => [element?.value.type === 'string' && element.value.value, cause])).toEqual([['1', 'initial'], ['2', 'write'], ['50', 'external']]);
    expect(sink.newest('redis:0/h')?.value).toEqual({ type: 'hash', fields: [['f', 'v']] });
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('a request is settled only when what its script did is known, though it has its answer before', async () => {
    const { sink, gateway, client } = await record({ seed: [['SET', 'taken', 'yes']] });
    const answers = Array.from({ length: 20 }, (_, index) => client.call('FS.L', `r${index}`, 'EVAL', "return redis.call('EXISTS', KEYS[1])", '1', 'taken'));
    for (const [index, answer] of answers.entries()) {
      await answer;
      await gateway.settled(`r${index}`);
      expect(sink.touchesOf(`r${index}`)).toEqual([{ by: `r${index}`, key: 'redis:0/taken', revision: 1, read: true, written: false }]);
    }
    await gateway.settled('r-unknown');
  });

  test('scripts pass through and what they changed is read again', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'a', '1'], ['SET', 'b', '1']] });
    const script = "redis.call('INCR', KEYS[1]); return redis.call('GET', KEYS[2])";
    const replies = await client.pipeline([['EVAL', script, '2', 'a', 'b'], ['INCR', 'a'], ['EVAL', script, '2', 'a', 'b'], ['GET', 'a']]);
    expect(replies).toEqual(['1', 3, '1', '4']);
    await idle();
    expect(sink.chains.get('redis:0/a')?.map(({ element, cause }) => [element?.value.type === 'string' && element.value.value, cause])).toEqual([['1', 'initial'], ['2', 'write'], ['3', 'write'], ['4', 'write']]);
    expect(sink.chains.get('redis:0/b')?.length).toBe(1);
    expect(sink.touches.filter(({ key }) => key === 'redis:0/b').map(({ read, written }) => [read, written])).toEqual([[true, false], [true, false]]);
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('blocking pops hold nothing while they wait and are applied when answered', async () => {
    const { sink, gateway, client, port, idle, stop } = await record();
    const waiter = await RawClient.open(port);
    const answer = waiter.call('FS.L', 'r2', 'BLPOP', 'q', 'other', '0');
    await until(() => sink.commands.length === 1, 'BLPOP came');
    await idle();
    expect(gateway.pending('a')).toBe(0);
    expect(await client.call('RPUSH', 'q', 'job')).toBe(1);
    expect(await answer).toEqual(['q', 'job']);
    const timeout = await waiter.call('BLPOP', 'q', '0.01');
    expect(timeout).toMatchObject({ isNullArray: true });
    await idle();
    expect(sink.newest('redis:0/q')).toBe(null);
    expect(sink.touchesOf('r2').filter(({ written }) => written).map(({ key }) => key)).toEqual(['redis:0/q']);
    expect(sink.problems).toEqual([]);
    waiter.close();
    await stop();
  });

  test('a worker that waited when a request came takes what it is given for that request, not for the one it began to wait in', async () => {
    const { sink, client, port, idle, stop } = await record();
    sink.current.set('a', 'r1');
    const worker = await RawClient.open(port);
    const first = worker.call('BLPOP', 'q', '0');
    await until(() => sink.commands.length === 1, 'BLPOP came');
    await idle();
    sink.current.set('a', 'r2');
    await client.call('RPUSH', 'q', 'job');
    expect(await first).toEqual(['q', 'job']);
    await idle();
    expect(sink.chains.get('redis:0/q')?.at(-1)).toMatchObject({ element: null, by: 'r2' });
    expect(sink.touchesOf('r1')).toEqual([]);
    expect(sink.problems).toEqual([]);
    worker.close();
    await stop();
  });

  test('commands on the whole keyspace take a snapshot first', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'a', '1'], ['SET', 'b', '2'], ['SET', 'c', '3']] });
    await client.call('SET', 'd', '4');
    expect(await client.call('DBSIZE')).toBe(4);
    expect(sink.completed).toEqual(['redis:0']);
    expect([...await client.call('KEYS', '*') as string[]].sort()).toEqual(['a', 'b', 'c', 'd']);
    await direct.call('SET', 'e', '5');
    await client.call('KEYS', '*');
    await idle();
    expect(sink.listings).toEqual(['r1', 'r1', 'r1']);
    expect(sink.chains.get('redis:0/e')?.map(({ cause }) => cause)).toEqual(['external']);
    await client.call('FLUSHDB');
    await idle();
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(sink.chains.get(`redis:0/${key}`)?.at(-1)).toMatchObject({ element: null, cause: 'write', by: 'r1' });
    expect(await client.call('GET', 'a')).toBe(null);
    await stop();
  });

  test('a keyspace too large to be listed is a loss, and a problem of the requests that ask for it', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'a', '1'], ['SET', 'b', '2'], ['SET', 'c', '3']], maxSnapshotKeys: 2 });
    expect((await client.call('KEYS', '*') as string[]).length).toBe(3);
    await idle();
    expect(sink.completed).toEqual([]);
    expect(sink.losses.map(({ code }) => code)).toEqual(['snapshot_too_large']);
    expect(sink.problems.map(({ by, problem }) => [by, problem.code])).toEqual([['r1', 'keyspace_incomplete']]);
    await stop();
  });

  test('what a full snapshot found is known, and what it did not find is known to be absent', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['SET', 'a', '1']], snapshot: 'full' });
    expect(sink.completed).toEqual(['redis:0', 'redis']);
    expect(sink.newest('redis:0/a')).toEqual(text('1'));
    await client.pipeline([['SELECT', '5'], ['GET', 'nothing']]);
    await idle();
    expect(sink.chains.get('redis:5/nothing')).toEqual([{ revision: 1, element: null, cause: 'initial', by: null }]);
    await stop();
  });

  test('the keys behind the patterns of SORT are touched too', async () => {
    const { sink, client, idle, stop } = await record({ seed: [['RPUSH', 'l', '1', '2'], ['SET', 'w1', '9'], ['SET', 'w2', '3'], ['HSET', 'o1', 'f', 'x']] });
    expect(await client.call('SORT', 'l', 'BY', 'w*', 'GET', 'o*->f')).toEqual([null, 'x']);
    await client.call('SORT', 'l', 'BY', 'w*', 'STORE', 'd');
    await idle();
    expect(sink.touchesOf('r1').filter(({ key }) => key.startsWith('redis:0/w') || key.startsWith('redis:0/o')).map(({ key, revision }) => `${key} ${revision}`)).toEqual(expect.arrayContaining(['redis:0/w1 1', 'redis:0/w2 1', 'redis:0/o1 1', 'redis:0/o2 1']));
    expect(sink.chains.get('redis:0/w1')?.map(({ cause }) => cause)).toEqual(['initial']);
    expect(sink.newest('redis:0/d')?.value).toEqual({ type: 'list', items: ['2', '1'] });
    expect(sink.problems).toEqual([]);
    await stop();
  });

  test('an expiry is a revision of its own', async () => {
    const { sink, client, idle, stop } = await record();
    await client.call('SET', 'k', 'v', 'PX', '30');
    expect(await client.call('GET', 'k')).toBe('v');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await client.call('GET', 'k')).toBe(null);
    expect(await client.call('PTTL', 'k')).toBe(-2);
    await idle();
    expect(sink.chains.get('redis:0/k')?.map(({ cause }) => cause)).toEqual(['initial', 'write', 'expired']);
    expect(sink.touches.at(-1)).toMatchObject({ revision: 3 });
    await stop();
  });

  test('any bytes pass and are recorded', async () => {
    const { sink, client, idle, stop } = await record();
    const all = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('');
    await client.call('SET', all, all);
    expect(await client.call('GET', all)).toBe(all);
    await idle();
    expect(sink.newest(`redis:0/${all}`)).toEqual(text(all));
    await stop();
  });

  test('suppressed replies are followed all the same', async () => {
    const { sink, client, idle, stop } = await record();
    const replies = await client.pipeline([['SET', 'a', '1']]);
    client.socket.write('*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n');
    expect(await client.call('CLIENT', 'REPLY', 'ON')).toEqual(new SimpleReply('OK'));
    client.socket.write('*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n');
    expect(await client.call('GET', 'a')).toBe('4');
    await idle();
    expect(replies.length).toBe(1);
    expect(sink.chains.get('redis:0/a')?.length).toBe(5);
    expect(client.extra).toEqual([]);
    await stop();
  });

  test('bytes that are no RESP get Redis\' answer, after what was asked before', async () => {
    const { client, stop } = await record();
    client.socket.write('PING\r\n*1\r\n$4\r\nPING\r\n*1\r\nxyz\r\n');
    await until(() => client.isClosed, 'the connection is closed');
    expect(client.extra.map((reply) => (reply instanceof ErrorReply ? reply.message : (reply as SimpleReply).text))).toEqual(['PONG', 'PONG', "ERR Protocol error: expected '$', got 'x'"]);
    await stop();
  });

  test('a client that leaves in the middle of a command has still made it', async () => {
    const { sink, client, idle, stop } = await record();
    client.socket.write('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n');
    client.socket.end();
    await until(() => client.isClosed, 'closed');
    await idle();
    expect(sink.newest('redis:0/k')).toEqual(text('v'));
    await stop();
  });
});
