import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { foreshardRedis, type AttributeSpan } from './otel-preset.ts';
import { ImportProblems } from './problems.ts';
import { accessesOf } from './spans/db-span.ts';
import type { AttributeValue, TraceSpan } from './spans/span.ts';

const preset = foreshardRedis();

class RecordedSpan implements AttributeSpan {
  readonly attributes = new Map<string, AttributeValue>();
  setAttribute(name: string, value: string | string[]): this {
    this.attributes.set(name, value);
    return this;
  }
}

/** What the importer reads out of a span with these attributes. */
function read(attributes: ReadonlyMap<string, AttributeValue>): string[] {
  const problems = new ImportProblems().open({ input: '', format: '', expected: '', unit: 'record' });
  const span: TraceSpan = { traceId: 't', spanId: 's', parentId: null, kind: 'client', name: '', startMs: 1, service: '', attributes: new Map([['db.system.name', 'redis'], ...attributes]) };
  return (accessesOf(span, problems) ?? []).map(({ key, access }) => `${access} ${key.slice('redis:0/'.length)}`);
}

const viaStatement = (command: string, args: readonly unknown[]): string[] => read(new Map([['db.query.text', preset.dbStatementSerializer(command, args)]]));

function viaHook(command: string, args: readonly unknown[]): string[] {
  const span = new RecordedSpan();
  preset.requestHook(span, { cmdName: command, cmdArgs: args });
  return read(span.attributes);
}

test.each<[string, unknown[], string, string[]]>([
  ['get', ['cart:7'], 'get cart:7', ['read cart:7']],
  ['set', ['a', 'secret', 'EX', 10], 'set a [3 other arguments]', ['write a']],
  ['mget', ['a', 'b'], 'mget a b', ['read a', 'read b']],
  ['MGET', [['a', 'b']], 'MGET a b', ['read a', 'read b']],
  ['hget', ['h', 'f'], 'hget h [1 other arguments]', ['read h']],
  ['hgetall', ['h'], 'hgetall h', ['read h']],
  ['hdel', ['h', 'f'], 'hdel h [1 other arguments]', ['write h']],
  ['unlink', ['a', 'b'], 'unlink a b', ['write a', 'write b']],
  ['ttl', ['a'], 'ttl a', ['read a']],
  ['mset', ['a', 'v1', 'b', 'v2'], 'mset a ? b [1 other arguments]', ['write a', 'write b']],
  ['eval', ['return 1', 2, 'a', 'b', 'v'], 'eval ? 2 a b [1 other arguments]', ['write a', 'write b']],
  ['eval', ['return 1', 0, 'v'], 'eval ? 0 [1 other arguments]', []],
  ['evalsha', ['abc', '1', 'a'], 'evalsha ? 1 a', ['write a']],
  ['xread', ['COUNT', 5, 'STREAMS', 's1', 's2', '0', '0'], 'xread ? ? STREAMS s1 s2 [2 other arguments]', ['read s1', 'read s2']],
  ['xreadgroup', ['GROUP', 'g', 'c', 'STREAMS', 's', '>'], 'xreadgroup ? ? ? STREAMS s [1 other arguments]', ['write s']],
  ['sort', ['k', 'BY', 'w*', 'STORE', 'd'], 'sort k ? ? STORE d', ['read k', 'write d']],
  ['zunionstore', ['d', 2, 'a', 'b', 'WEIGHTS', 1, 2], 'zunionstore d 2 a b [3 other arguments]', ['write d', 'read a', 'read b']],
  ['object', ['ENCODING', 'k'], 'object ENCODING k', ['read k']],
  ['copy', ['a', 'b', 'REPLACE'], 'copy a b [1 other arguments]', ['read a', 'write b']],
  ['get', [Buffer.from([0, 0xff])], String.raw`get "\x00\xff"`, ['read \u0000\u00ff']],
  ['get', ['a key; DEL b'], 'get "a key; DEL b"', ['read a key; DEL b']],
  ['json.mset', ['a', '$', '1', 'b', '$', '2'], 'json.mset a ? ? b [2 other arguments]', ['write a', 'write b']],
  ['auth', ['user', 'secret'], 'auth [2 other arguments]', []],
  ['publish', ['channel', 'secret'], 'publish [2 other arguments]', []],
  ['nosuchcommand', ['secret'], 'nosuchcommand [1 other arguments]', []],
  ['multi', [], 'multi', []],
])('%s %j', (command, args, statement, accesses) => {
  expect(preset.dbStatementSerializer(command, args)).toBe(statement);
  expect(viaStatement(command, args)).toEqual(accesses);
  expect(viaHook(command, args)).toEqual(accesses);
});

/** Commands with the places of their values: K a key, V a value, other words as they are. */
const shapes = ['set K V', 'set K V EX V', 'mset K V K V K V', 'hset K V V', 'hmset K V V V V', 'hget K V', 'hdel K V V', 'hgetall K', 'mget K K', 'unlink K K', 'setex K V V', 'psetex K V V', 'getset K V', 'append K V', 'lpush K V V', 'rpush K V', 'linsert K BEFORE V V',
  'lset K V V', 'lrem K V V', 'sadd K V', 'srem K V', 'sismember K V', 'smove K K V', 'zadd K V V', 'zincrby K V V', 'zscore K V', 'xadd K V V V', 'xread COUNT V STREAMS K K V V', 'xreadgroup GROUP V V STREAMS K V', 'xack K V V', 'eval V 1 K V V', 'evalsha V 2 K K V', 'fcall V 1 K V', 'pfadd K V',
  'geoadd K V V V', 'georadius K V V V m STORE K', 'setbit K V V', 'bitfield K SET V V V', 'publish V V', 'auth V V', 'auth V', 'config SET V V', 'echo V', 'select V', 'client SETNAME V', 'restore K V V', 'json.set K V V', 'zunionstore K 2 K K WEIGHTS V V', 'sort K BY V STORE K',
  'hello V AUTH V V', 'acl SETUSER V V', 'script LOAD V', 'migrate V V K V V', 'nosuch V V', 'blpop K K V', 'expire K V', 'getrange K V V', 'lpos K V', 'object ENCODING K', 'ft.search V V', 'eval V V V'];

test('no value is ever written, and every key is read back', () => {
  const token = fc.string({ unit: fc.constantFrom('x', 'y', 'z', 'q', ' ', '"', '\\', ';', '?', '\n', 'é', '\u0000'), minLength: 3, maxLength: 10 });
  fc.assert(fc.property(fc.constantFrom(...shapes), fc.array(token, { minLength: 12, maxLength: 12 }), fc.boolean(), (shape, tokens, isBinary) => {
    const [command = '', ...words] = shape.split(' ');
    const values: string[] = [];
    const keys: string[] = [];
    const args = words.map((word, index) => {
      if (word !== 'K' && word !== 'V') return word;
      const text = `${word}${index}:${tokens[index]}`;
      (word === 'K' ? keys : values).push(text);
      return isBinary ? Buffer.from(text) : text;
    });
    const statement = preset.dbStatementSerializer(command, args);
    const span = new RecordedSpan();
    preset.requestHook(span, { cmdName: command, cmdArgs: args });
    const written = `${statement} ${JSON.stringify([...span.attributes.values()])}`;
    for (const value of values) expect(written).not.toContain(value.split(':')[0]);
    if (command === 'migrate') return; // not in the table: nothing is shown
    const wanted = keys.map((key) => Buffer.from(key).toString('latin1'));
    const shown = (accesses: readonly string[]): string[] => accesses.map((one) => one.slice(one.indexOf(' ') + 1));
    expect(shown(viaStatement(command, args)).sort()).toEqual([...wanted].sort());
    expect(shown(viaHook(command, args)).sort()).toEqual([...wanted].sort());
  }), { numRuns: 1000 });
});

test('any arguments are borne', () => {
  fc.assert(fc.property(fc.string(), fc.array(fc.anything()), (command, args) => {
    expect(typeof preset.dbStatementSerializer(command, args)).toBe('string');
    preset.requestHook(new RecordedSpan(), { cmdName: command, cmdArgs: args });
  }));
});

test('a span is told once, by the hook that comes first, and a bulk load is cut', () => {
  const span = new RecordedSpan();
  preset.requestHook(span, { cmdName: 'copy', cmdArgs: ['a', 'b'] });
  expect(span.attributes).toEqual(new Map<string, unknown>([['foreshard.state.keys', ['a', 'b']], ['foreshard.state.op', ['read', 'write']]]));
  preset.responseHook(span, 'get', ['x']);
  expect(span.attributes.get('foreshard.state.keys')).toEqual(['a', 'b']);
  const other = new RecordedSpan();
  preset.responseHook(other, 'GET', ['x']);
  expect(other.attributes).toEqual(new Map([['foreshard.state.keys', ['x']], ['foreshard.state.op', 'read']] as [string, AttributeValue][]));
  const statement = preset.dbStatementSerializer('del', Array.from({ length: 5000 }, (_, index) => `k${index}`));
  expect(statement).toMatch(/^del k0 k1 .* k199 \[4800 other arguments\]$/);
});
