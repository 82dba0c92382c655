import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoted } from './quoted-argument.ts';
import { keysOfStatement } from './statement.ts';

function shown(statement: string): string {
  const { keys, hidden, unknown } = keysOfStatement(statement);
  return [...keys.map(({ key, access }) => `${access} ${key}`), ...[...hidden].map(([command, count]) => `hidden ${command} ${count}`), ...unknown.map((name) => `unknown ${name}`)].join(', ');
}

test.each([
  // as OpenTelemetry's serializer for Node.js writes it
  ['GET cart:7', 'read cart:7'],
  ['hset cart:7 item [1 other arguments]', 'write cart:7'],
  ['hgetall [1 other arguments]', 'hidden HGETALL 1'],
  ['mget [2 other arguments]', 'hidden MGET 2'],
  ['mset a [3 other arguments]', 'write a, hidden MSET 1'],
  ['set x [1 other arguments]', 'write x'],
  ['eval return 1 1 lock:7 token', 'hidden EVAL 1'],
  ['multi', ''],
  ['SADD tags [3 other arguments]', 'write tags'],
  // as sanitizers write it
  ['SET ? ?', 'hidden SET 1'],
  ['MGET ? ?', 'hidden MGET 2'],
  ['SET user:7 ?', 'write user:7'],
  ['HMSET h f1 ? f2 ?', 'write h'],
  ['EVAL ? 2 a b ?', 'write a, write b'],
  ['XREAD COUNT ? STREAMS s1 s2 ? ?', 'read s1, read s2'],
  // names only
  ['GET', 'hidden GET 1'],
  ['EVAL', 'hidden EVAL 1'],
  ['PING', ''],
  // pipelines and transactions
  ['MULTI\nSET a ?\nGET b\nEXEC', 'write a, read b'],
  ['MULTI;SET a ?;EXEC', 'write a'],
  ['SET a 1; GET b;', 'write a, read b'],
  ['GET a;b', 'read a;b'],
  ['get a\r\nincr b\r\n', 'read a, write b'],
  // values as they are, which may have anything in them
  ['set k some value with; spaces\nand lines', 'write k'],
  ['mset a some value b 2', 'hidden MSET 1'],
  ['GET my key', 'hidden GET 1'],
  ['SET a value cut...', 'write a'],
  ['MGET a b c...', 'read a, read b, hidden MGET 1'],
  // quoted keys
  ['GET "my key"', 'read my key'],
  [String.raw`MGET "a\x00b" "c\"d" e`, 'read a\u0000b, read c"d, read e'],
  ['GET "open', 'read "open'],
  // bytes that were no UTF-8
  ['GET a\ufffd', 'hidden GET 1'],
  // several roles
  ['COPY a b', 'read a, write b'],
  ['ZUNIONSTORE d 2 a b', 'write d, read a, read b'],
  ['SORT k BY x STORE d', 'read k, write d'],
  ['', ''],
  ['cart:7 something', 'unknown CART:7'],
])('%s', (statement, wanted) => {
  expect(shown(statement)).toBe(wanted);
});

test('UTF-8 keys are bytes', () => {
  expect(keysOfStatement('GET über').keys).toEqual([{ key: Buffer.from('über').toString('latin1'), access: 'read' }]);
});

test('quoted keys come back from any pipeline', () => {
  const key = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  fc.assert(fc.property(fc.array(fc.array(key, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }), fc.constantFrom('\n', '; ', ';\n'), (commands, between) => {
    const statement = commands.map((keys) => `DEL ${keys.map(quoted).join(' ')}`).join(between);
    expect(keysOfStatement(statement).keys.map((one) => one.key)).toEqual(commands.flat());
  }), { numRuns: 300 });
});

test('any text ends, and soon', () => {
  const word = fc.constantFrom('GET', 'mset', '"', '\\', '?', ';', '\n', ' ', '[99999 other arguments]', '[', '...', 'EVAL', '3', 'x');
  fc.assert(fc.property(fc.array(word, { maxLength: 60 }), (words) => void keysOfStatement(words.join(''))), { numRuns: 500 });
  for (const part of ['"', '" ', '; ', 'a;', '"a\\" ', '[', '[9999 other arguments] ', 'GET ', 'GET;', '\n']) {
    const start = performance.now();
    keysOfStatement(part.repeat(300_000));
    expect(performance.now() - start, JSON.stringify(part)).toBeLessThan(3_000);
  }
});
