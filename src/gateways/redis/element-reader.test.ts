import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer, startTcpRedis, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import type { Element } from '../../model/element.ts';
import { ElementReader } from './element-reader.ts';
import { ControlConnection } from './upstream-control.ts';

describe.skipIf(!hasRedisServer())('reading elements from a real server', () => {
  let redis: TcpRedis;
  let control: ControlConnection;
  beforeAll(async () => {
    redis = await startTcpRedis();
    control = await ControlConnection.open({ host: '127.0.0.1', port: redis.port });
    await control.send(0, [
      ['SET', 's', '\u0000\u00ff', 'PXAT', '4102444800000'], ['HSET', 'h', 'f', 'v'], ['RPUSH', 'l', 'a', 'b'], ['SADD', 'i', '3', '1'], ['ZADD', 'z', '-inf', 'a', '0.1', 'b'],
      ['XADD', 'x', '5-1', 'f', 'v', 'f', 'w'], ['XADD', 'x', '6-0', 'g', ''], ['XDEL', 'x', '6-0'], ['XGROUP', 'CREATE', 'x', 'g', '0'], ['XREADGROUP', 'GROUP', 'g', 'me', 'STREAMS', 'x', '>'],
    ]);
    await control.send(2, [['SET', 's', 'two']]);
  });
  afterAll(async () => {
    control.close();
    await redis.stop();
  });

  const names = ['s', 'h', 'l', 'i', 'z', 'x', 'none'];

  test.each([['of today', true], ['of old, without PEXPIRETIME and XINFO … FULL', false]])('a server %s', async (_, isNew) => {
    const reader = new ElementReader(control, { expireTime: isNew, fullStreamInfo: isNew, now: Date.now });
    const reads = await reader.read(0, names.map((key) => ({ key }))) as (Element | null)[];
    expect(reads.slice(1, 5)).toEqual([
      { value: { type: 'hash', fields: [['f', 'v']] }, expiresAtMs: null }, { value: { type: 'list', items: ['a', 'b'] }, expiresAtMs: null },
      { value: { type: 'set', members: ['1', '3'] }, expiresAtMs: null }, { value: { type: 'zset', members: [['a', -Infinity], ['b', 0.1]] }, expiresAtMs: null },
    ]);
    expect(reads[0]?.value).toEqual({ type: 'string', value: '\u0000\u00ff' });
    expect(Math.abs((reads[0]?.expiresAtMs ?? 0) - 4102444800000)).toBeLessThan(isNew ? 1 : 1000);
    const stream = reads[5]?.value;
    expect(stream).toMatchObject({ type: 'stream', items: [{ id: '5-1', fields: [['f', 'v'], ['f', 'w']] }], lastId: '6-0', groups: [{ name: 'g', lastDeliveredId: '5-1' }] });
    expect(stream?.type === 'stream' && stream.groups[0]?.pending).toMatchObject([{ id: '5-1', consumer: 'me', deliveries: 1 }]);
    expect(stream?.type === 'stream' && Math.abs((stream.groups[0]?.pending[0]?.deliveredAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(reads[6]).toBe(null);
  });

  test('another database, and a type that was believed wrongly', async () => {
    const reader = new ElementReader(control, { expireTime: true, fullStreamInfo: true, now: Date.now });
    expect(await reader.read(2, [{ key: 's', type: 'hash' }, { key: 'h', type: 'hash' }])).toEqual([{ value: { type: 'string', value: 'two' }, expiresAtMs: null }, null]);
    expect(await reader.read(0, [{ key: 'h', type: 'hash' }])).toEqual([{ value: { type: 'hash', fields: [['f', 'v']] }, expiresAtMs: null }]);
  });
});
