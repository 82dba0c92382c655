import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer, RawClient, startTcpRedis, type TcpRedis } from '../../../test/support/recording-gateway.ts';
import { ErrorReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { CommandTable, type KeyAccess } from './command-table.ts';

describe('a table of an old server, without key specs', () => {
  const row = (name: string, arity: number, flags: string[], keys: [number, number, number]): Reply => [name, arity, flags.map((flag) => new SimpleReply(flag)), ...keys];
  const table = new CommandTable([row('get', 2, ['readonly'], [1, 1, 1]), row('mset', -3, ['write'], [1, -1, 2]), row('blpop', -3, ['write'], [1, -2, 1]), row('eval', -3, ['movablekeys'], [0, 0, 0])]);

  test('keys stand at first, last and step', () => {
    expect(table.keysOf(['GET', 'a'])).toEqual([{ key: 'a', mode: 'read' }]);
    expect(table.keysOf(['mset', 'a', '1', 'b', '2'])).toEqual([{ key: 'a', mode: 'update' }, { key: 'b', mode: 'update' }]);
    expect(table.keysOf(['BLPOP', 'a', 'b', '0']).map(({ key }) => key)).toEqual(['a', 'b']);
    expect(table.keysOf(['EVAL', 'return 1', '2', 'a', 'b', 'c']).map(({ key }) => key)).toEqual(['a', 'b']);
    expect(table.keysOf(['GET'])).toEqual([]);
    expect(table.keysOf(['NOSUCH', 'a'])).toEqual([]);
  });
});

describe.skipIf(!hasRedisServer())('against COMMAND GETKEYSANDFLAGS of a real server', () => {
  let redis: TcpRedis;
  let client: RawClient;
  let table: CommandTable;

  beforeAll(async () => {
    redis = await startTcpRedis();
    client = await RawClient.open(redis.port);
    table = new CommandTable(await client.call('COMMAND'));
  });
  afterAll(async () => {
    client.close();
    await redis.stop();
  });

  const fixed = [
    'GET k', 'SET k v GET', 'SET k v', 'MSET a 1 b 2', 'MGET a b c', 'DEL a b', 'RENAME a b', 'BITOP AND d a b', 'BLPOP a b 0', 'BRPOPLPUSH a b 0', 'BLMOVE a b LEFT LEFT 0',
    'LMPOP 2 a b LEFT', 'BLMPOP 0 2 a b LEFT', 'ZMPOP 1 a MIN', 'BZMPOP 0 2 a b MAX COUNT 2', 'SINTERCARD 2 a b LIMIT 1', 'ZUNIONSTORE d 2 a b WEIGHTS 1 2', 'ZINTER 2 a b', 'ZDIFFSTORE d 1 a',
    'EVAL x 2 a b c', 'EVALSHA x 0', 'EVAL_RO x 1 a', 'FCALL f 1 a b', 'FCALL_RO f 2 a b', 'SORT k', 'SORT k BY w* LIMIT 0 1 GET o* STORE d', 'SORT_RO k BY w*',
    'GEORADIUS k 1 2 3 m STORE d', 'GEORADIUS k 1 2 3 m WITHCOORD', 'GEORADIUSBYMEMBER k m 3 m STOREDIST d', 'GEOSEARCHSTORE d k FROMMEMBER m BYRADIUS 1 m',
    'XREAD COUNT 1 BLOCK 0 STREAMS a b 0 0', 'XREAD STREAMS a 0', 'XREADGROUP GROUP g c COUNT 2 NOACK STREAMS a b > >', 'XGROUP CREATE k g 0', 'XINFO STREAM k', 'XADD k * f v', 'OBJECT ENCODING k', 'MEMORY USAGE k',
    'MIGRATE h 1 k 0 10', 'COPY a b', 'SMOVE a b m', 'PFMERGE d a b', 'PFCOUNT a b', 'LCS a b', 'SUNIONSTORE d a b', 'ZRANGESTORE d k 0 1', 'SPOP k', 'GETEX k', 'WATCH a b', 'TOUCH a', 'MSETNX a 1', 'LINSERT k BEFORE a b',
  ];

  test.each(fixed)('%s', async (line) => {
    await compare(line.split(' '));
  });

  test('generated commands', async () => {
    const word = fc.constantFrom('a', 'b', 'STREAMS', 'STORE', 'store', 'GET', 'BY', 'LIMIT', 'COUNT', 'BLOCK', 'GROUP', 'NOACK', '0', '1', '2', '3', 'WITHSCORES', '99999999999');
    const name = fc.constantFrom('SORT', 'XREAD', 'XREADGROUP', 'ZUNIONSTORE', 'ZINTERSTORE', 'ZUNION', 'LMPOP', 'BLMPOP', 'BZMPOP', 'EVAL', 'FCALL', 'GEORADIUS', 'SINTERCARD', 'MSET', 'BLPOP', 'BITOP', 'SDIFFSTORE');
    await fc.assert(fc.asyncProperty(name, fc.uniqueArray(word, { minLength: 1, maxLength: 9, selector: (text) => text.toLowerCase() }), async (command, rest) => {
      await compare([command, ...rest]);
    }), { numRuns: process.env['CI'] === undefined ? 500 : 3000 });
  });

  async function compare(args: string[]): Promise<void> {
    const reply = await client.call('COMMAND', 'GETKEYSANDFLAGS', ...args);
    if (reply instanceof ErrorReply) return; // ill-formed: the server will not run it, whatever keys we lock for it
    const theirs = (reply as readonly (readonly [string, readonly Reply[]])[]).map(([key, flags]) => ({ key, mode: modeOf(flags) }));
    const ours = table.keysOf(args).map(({ key, mode }) => ({ key, mode }));
    // The server looks for the word STREAMS alone; a command that has anything else before it is a syntax error.
    if (ours.length === 0 && /^xread/i.test(args[0] as string)) return;
    // A destination named like an option: the server's look-up takes the name for the option, its parser (and ours) does not.
    if (/ store (store|get|by|limit)\b/i.test(args.join(' '))) return;
    const sorted = (list: readonly { key: string; mode: KeyAccess['mode'] }[]): string[] => list.map(({ key, mode }) => `${key} ${mode}`).toSorted();
    if (strongerOnPurpose.has((args[0] as string).toLowerCase())) expect(ours.map(({ key }) => key).toSorted()).toEqual(theirs.map(({ key }) => key).toSorted());
    else expect(sorted(ours), args.join(' ')).toEqual(sorted(theirs));
  }

  function modeOf(flags: readonly Reply[]): KeyAccess['mode'] {
    const names = new Set(flags.map((flag) => (flag instanceof SimpleReply ? flag.text : flag)));
    return names.has('RO') ? 'read' : names.has('OW') ? 'overwrite' : 'update';
  }

  /** XREADGROUP changes its group, and COPY may leave the destination as it is. */
  const strongerOnPurpose: ReadonlySet<string> = new Set(['xreadgroup', 'copy']);
});
