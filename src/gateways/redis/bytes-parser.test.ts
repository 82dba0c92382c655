import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplyParser } from './reply-parser.ts';
import { ErrorReply, NullArrayReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { BytesParser } from './bytes-parser.ts';
import { RedisCommandError, type RedisValue } from './redis-value.ts';

function parse(bytes: Buffer, cuts: readonly number[], wantsBytes: boolean): (RedisValue | RedisCommandError)[] {
  const replies: (RedisValue | RedisCommandError)[] = [];
  const parser = new BytesParser((reply) => replies.push(reply), () => wantsBytes);
  let from = 0;
  for (const cut of [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b)) {
    parser.push(Buffer.from(bytes.subarray(from, cut)));
    from = cut;
  }
  return replies;
}

/** What the other parser says, as plain data. */
function plain(reply: Reply): RedisValue | RedisCommandError {
  if (reply instanceof ErrorReply) return new RedisCommandError(reply.message);
  if (reply instanceof SimpleReply) return reply.text;
  if (reply instanceof NullArrayReply) return null;
  if (Array.isArray(reply)) return reply.map((item: Reply) => plain(item) as RedisValue);
  return reply as RedisValue;
}

const bulk = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]));
const leaf = fc.oneof(bulk, fc.constantFrom('$-1\r\n', ':0\r\n', ':-12\r\n', ':9007199254740991\r\n', '+OK\r\n', '*0\r\n', '*-1\r\n').map((text) => Buffer.from(text)));
const array = (items: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> => fc.array(items, { maxLength: 5 }).map((all) => Buffer.concat([Buffer.from(`*${all.length}\r\n`), ...all]));
const reply = fc.oneof(leaf, array(leaf), array(fc.oneof(leaf, array(leaf))), fc.constant(Buffer.from('-ERR no\r\n')));

test('reads what the parser of the gateways reads, however the bytes are cut', () => {
  fc.assert(fc.property(fc.array(reply, { maxLength: 6 }), fc.array(fc.nat(500)), (replies, cuts) => {
    const bytes = Buffer.concat(replies);
    const expected: (RedisValue | RedisCommandError)[] = [];
    new ReplyParser((reply) => expected.push(plain(reply))).push(bytes);
    expect(expected.length).toBe(replies.length);
    expect(parse(bytes, cuts, false)).toEqual(expected);
    const asBytes = (value: unknown): unknown => (Array.isArray(value) ? value.map(asBytes) : typeof value === 'string' ? Buffer.from(value, 'latin1') : value);
    expect(parse(bytes, cuts, true).map(asBytes)).toEqual(expected.map(asBytes)); // simple strings stay text
  }));
});

test('refuses what is no RESP2', () => {
  for (const text of ['HTTP/1.1 400\r\n', '$x\r\n', ':\r\n', '*1\r\n-ERR\r\n', `$${2 ** 40}\r\n`]) expect(() => parse(Buffer.from(text), [], false)).toThrow(/unexpected|invalid|inside/);
});
