import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer, RawClient, startTcpRedis, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import { ErrorReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { commandSupport, isWrite, keysOf } from '../../keyspace/registry.ts';
import { isRedisCommand, isRedisWrite, redisKeyPlaces } from './redis-keys.ts';

const invocations = [
  'GET k', 'SET k v EX 10', 'MSET a 1 b 2', 'MGET a b c', 'DEL a b', 'RENAME a b', 'BITOP AND d a b', 'BLPOP a b 0', 'BRPOPLPUSH a b 0', 'BLMOVE a b LEFT LEFT 0', 'LMPOP 2 a b LEFT', 'BLMPOP 0 2 a b LEFT',
  'ZMPOP 1 a MIN', 'BZMPOP 0 2 a b MAX COUNT 2', 'SINTERCARD 2 a b LIMIT 1', 'ZUNIONSTORE d 2 a b WEIGHTS 1 2', 'ZINTER 2 a b', 'ZDIFFSTORE d 1 a', 'EVAL x 2 a b c', 'EVALSHA x 0', 'EVAL_RO x 1 a', 'FCALL f 1 a b',
  'FCALL_RO f 2 a b', 'SORT k', 'SORT k BY w* LIMIT 0 1 GET o* STORE d', 'SORT_RO k BY w*', 'GEORADIUS k 1 2 3 m STORE d', 'GEORADIUS k 1 2 3 m WITHCOORD', 'GEORADIUSBYMEMBER k m 3 m STOREDIST d',
  'GEOSEARCHSTORE d k FROMMEMBER m BYRADIUS 1 m', 'GEOADD k 1 2 m', 'XREAD COUNT 1 BLOCK 0 STREAMS a b 0 0', 'XREADGROUP GROUP g c COUNT 2 NOACK STREAMS a b > >', 'XGROUP CREATE k g 0', 'XINFO STREAM k', 'XADD k * f v',
  'OBJECT ENCODING k', 'MEMORY USAGE k', 'COPY a b', 'SMOVE a b m', 'PFMERGE d a b', 'PFCOUNT a b', 'LCS a b', 'SUNIONSTORE d a b', 'ZRANGESTORE d k 0 1', 'SPOP k', 'GETEX k', 'WATCH a b', 'TOUCH a', 'MSETNX a 1',
  'LINSERT k BEFORE a b', 'HSET k f v', 'HGETALL k', 'HSCAN k 0', 'EXPIRE k 5', 'PERSIST k', 'TTL k', 'SUBSTR k 0 1', 'SPOP k', 'BITFIELD k GET u8 0', 'BITFIELD k SET u8 0 1', 'PING', 'INFO', 'KEYS *', 'SCAN 0', 'PUBLISH c m', 'MULTI',
];

function shown(words: readonly string[]): string[] {
  const places = redisKeyPlaces(words);
  return typeof places === 'string' ? [places] : places.map(({ index, access }) => `${access} ${words[index]}`);
}

test('the keyspace knows no command that the table does not', () => {
  const names = commandSupport().supported.map((name) => name.split(' ')[0] as string);
  expect(names.filter((name) => !isRedisCommand(name))).toEqual([]);
  expect(['get', 'GET', 'json.set', 'eval', 'geoadd', 'ping'].every(isRedisCommand)).toBe(true);
  expect(['cart', '', 'constructor', '__proto__', 'x'.repeat(5000)].some(isRedisCommand)).toBe(false);
});

test('keys and writes are those of the registry, where it has the command', () => {
  for (const words of invocations.map((line) => line.split(' '))) {
    const keys = keysOf(words);
    if (keys === 'all' || keys.length === 0) continue;
    const places = redisKeyPlaces(words);
    expect(typeof places === 'string' ? places : places.map(({ index }) => words[index]), words.join(' ')).toEqual(keys);
    if (!/^(SORT|GEO|PFCOUNT|BITFIELD)/.test(words[0] as string)) expect(shown(words).some((one) => one.startsWith('write')), words.join(' ')).toBe(isWrite(words[0] as string));
  }
});

test('whether a command writes is known without its words', () => {
  expect(['set', 'INCR', 'zunionstore', 'xreadgroup', 'eval', 'copy'].map(isRedisWrite)).toEqual([true, true, true, true, true, true]);
  expect(['get', 'MGET', 'xread', 'zinter', 'ping'].map(isRedisWrite)).toEqual([false, false, false, false, false]);
  expect(isRedisWrite('cart')).toBeUndefined();
});

test('a word that is not known is no guess', () => {
  expect(redisKeyPlaces(['EVAL', undefined, undefined, 'a'])).toBe('hidden');
  expect(redisKeyPlaces(['XREAD', undefined, undefined, undefined])).toBe('hidden');
  expect(redisKeyPlaces(['MSET', 'a', 'some', 'value'])).toBe('hidden');
  expect(redisKeyPlaces(['nosuch', 'a'])).toBe('unknown');
});

describe.skipIf(!hasRedisServer())('against COMMAND GETKEYSANDFLAGS of a real server', () => {
  let redis: TcpRedis;
  let client: RawClient;

  beforeAll(async () => {
    redis = await startTcpRedis();
    client = await RawClient.open(redis.port);
  });
  afterAll(async () => {
    client.close();
    await redis.stop();
  });

  async function compare(words: readonly string[]): Promise<void> {
    const reply = await client.call('COMMAND', 'GETKEYSANDFLAGS', ...words);
    if (reply instanceof ErrorReply) return; // ill-formed, or no keys
    if (/^msetn?x?$/i.test(words[0] as string) && words.length % 2 === 0) return; // ill-formed, and the server does not mind here
    const theirs = (reply as readonly (readonly [string, readonly Reply[]])[]).map(([key, flags]) => {
      const names = flags.map((flag) => (flag instanceof SimpleReply ? flag.text : String(flag)));
      return `${names.includes('RO') ? 'read' : 'write'} ${key}`;
    });
    // PFCOUNT writes a cache into its key, which nobody sees; XREADGROUP moves the group on, whatever its flag says
    const name = (words[0] as string).toLowerCase();
    const wanted = name === 'pfcount' ? theirs.map((one) => one.replace('write', 'read')) : name === 'xreadgroup' ? theirs.map((one) => one.replace('read', 'write')) : theirs;
    expect([...shown(words)].sort(), words.join(' ')).toEqual([...wanted].sort());
  }

  test('fixed commands', async () => {
    for (const line of invocations) await compare(line.split(' '));
  });

  test('every command of the server that has keys, with simple words', async () => {
    const rows = (await client.call('COMMAND')) as readonly (readonly Reply[])[];
    const names = rows.filter((row) => row[3] !== 0).map((row) => String(row[0]));
    expect(names.length).toBeGreaterThan(150);
    for (const name of names) {
      if (['migrate', 'restore-asking', 'object', 'memory', 'xinfo', 'xgroup', 'debug', 'pfdebug', 'sort', 'bitfield'].includes(name)) continue;
      for (const count of [1, 2, 3, 4, 5, 6]) await compare([name, ...['1', '2', '3', '4', '5', '6'].slice(0, count)]);
    }
  });

  test('generated commands', async () => {
    const word = fc.constantFrom('a', 'b', 'STREAMS', 'STORE', 'GET', 'BY', 'LIMIT', 'COUNT', 'BLOCK', 'GROUP', 'NOACK', '0', '1', '2', '3', 'WITHSCORES', '99999999999');
    const name = fc.constantFrom('ZUNIONSTORE', 'ZINTERSTORE', 'ZUNION', 'LMPOP', 'BLMPOP', 'BZMPOP', 'EVAL', 'FCALL', 'SINTERCARD', 'MSET', 'BLPOP', 'BITOP', 'SDIFFSTORE');
    await fc.assert(fc.asyncProperty(name, fc.uniqueArray(word, { minLength: 1, maxLength: 9, selector: (text) => text.toLowerCase() }), async (command, rest) => {
      await compare([command, ...rest]);
    }), { numRuns: 300 });
  });
});
