import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DoubleReply, ErrorReply, MapReply, NULL_ARRAY, PushReply, SetReply, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { encodeReply, OutputBuffer } from './resp-encoder.ts';
import { ProtocolError, ReplyFramer, ReplyParser, type ReplyFrame } from './resp-parser.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function encoded(reply: Reply, protocol: 2 | 3): string {
  const out = new OutputBuffer();
  encodeReply(reply, protocol, out);
  return out.take();
}

function parse(chunks: readonly Buffer[]): Reply[] {
  const replies: Reply[] = [];
  const parser = new ReplyParser((reply) => replies.push(reply));
  for (const chunk of chunks) parser.push(chunk);
  return replies;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const byteStrings = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const lines = byteStrings.map((text) => text.replace(/[\r\n]/g, ' '));

/** Replies as RESP3 can carry them without loss. */
const replies = fc.letrec<{ reply: Reply; items: Reply[] }>((tie) => ({
  items: fc.array(tie('reply'), { maxLength: 4 }),
  reply: fc.oneof(
    { maxDepth: 4 },
    byteStrings,
    fc.integer(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
    fc.constantFrom<Reply>(null, true, false, 0),
    lines.map((text) => new SimpleReply(text)),
    lines.map((text) => new ErrorReply(`ERR ${text}`)),
    fc.double().map((value) => new DoubleReply(value)),
    byteStrings.map((text) => new VerbatimReply(text)),
    tie('items'),
    tie('items').map((items) => new SetReply(items)),
    tie('items').map((items) => new MapReply(items.flatMap((item) => [item, item]))),
  ),
})).reply;
const topLevel = fc.oneof(replies, fc.array(replies, { maxLength: 3 }).map((items) => new PushReply(items)));

describe('encodeReply and ReplyParser', () => {
  test('every reply comes back from RESP3, however the bytes are split', () => {
    fc.assert(fc.property(fc.array(topLevel, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 10 }), (expected, places) => {
      const bytes = latin1(expected.map((reply) => encoded(reply, 3)).join(''));
      expect(parse(cut(bytes, places))).toEqual(expected);
    }), { numRuns: 500 });
  });

  test('RESP3 types become their RESP2 forms', () => {
    expect(encoded(new MapReply(['a', 1, 'b', null]), 2)).toBe('*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$-1\r\n');
    expect(encoded(new MapReply(['a', 1, 'b', null]), 3)).toBe('%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n');
    expect(encoded(new SetReply(['a']), 2)).toBe('*1\r\n$1\r\na\r\n');
    expect(encoded([true, false], 2)).toBe('*2\r\n:1\r\n:0\r\n');
    expect(encoded([true, false], 3)).toBe('*2\r\n#t\r\n#f\r\n');
    expect(encoded(NULL_ARRAY, 2)).toBe('*-1\r\n');
    expect(encoded(NULL_ARRAY, 3)).toBe('_\r\n');
    expect(encoded(new DoubleReply(0.1), 2)).toBe('$19\r\n0.10000000000000001\r\n');
    expect(encoded(new DoubleReply(-Infinity), 3)).toBe(',-inf\r\n');
    expect(encoded(new VerbatimReply('x'), 2)).toBe('$1\r\nx\r\n');
    expect(encoded(new PushReply(['message']), 2)).toBe('*1\r\n$7\r\nmessage\r\n');
    expect(encoded(2n ** 63n - 1n, 2)).toBe(':9223372036854775807\r\n');
    expect(encoded(2n ** 64n, 2)).toBe('$20\r\n18446744073709551616\r\n');
  });

  test('a line cannot be broken by what stands in it', () => {
    expect(parse([latin1(encoded(new ErrorReply('ERR a\r\n+OK'), 2))])).toEqual([new ErrorReply('ERR a  +OK')]);
  });

  test('attributes are dropped wherever they stand', () => {
    expect(parse([latin1('|1\r\n+key\r\n*2\r\n:1\r\n:2\r\n*2\r\n|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n|0\r\n:7\r\n')])).toEqual([['a', 7]]);
  });

  test('nesting deeper than the stack of JavaScript', () => {
    const depth = 200_000;
    let value = parse([latin1(`${'*1\r\n'.repeat(depth)}:1\r\n`)])[0];
    for (let level = 0; level < depth; level++) value = (value as readonly Reply[])[0];
    expect(value).toBe(1);
  });

  test.each(['x\r\n', ':1.5\r\n', '$-2\r\n', '*x\r\n', '#y\r\n', ',abc\r\n', '(1.5\r\n', '$99999999999\r\n'])('refuses %j', (text) => {
    expect(() => parse([latin1(text)])).toThrow(ProtocolError);
    expect(() => parse(cut(latin1(text), [1, 2, 3]))).toThrow(ProtocolError);
  });
});

/** What a framer says of these chunks: each frame's bytes and whether it is a push. */
function frames(chunks: readonly Buffer[]): { bytes: string; push: boolean; error: boolean }[] {
  const out: { bytes: string; push: boolean; error: boolean }[] = [];
  let open = '';
  const ended: ReplyFrame[] = [];
  const framer = new ReplyFramer((frame) => ended.push(frame));
  for (const chunk of chunks) {
    framer.push(chunk);
    let from = 0;
    for (const frame of ended.splice(0)) {
      out.push({ bytes: open + chunk.toString('latin1', from, frame.end), push: frame.push, error: frame.error });
      open = '';
      from = frame.end;
    }
    open += chunk.toString('latin1', from);
    expect(framer.partial === 'none').toBe(open === '');
  }
  return out;
}

describe('ReplyFramer', () => {
  test('finds the boundaries that the encoder made, however the bytes are split', () => {
    fc.assert(fc.property(fc.array(fc.tuple(topLevel, fc.constantFrom<2 | 3>(2, 3)), { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 10 }), (items, places) => {
      const expected = items.map(([reply, protocol]) => ({
        bytes: encoded(reply, protocol), push: protocol === 3 && reply instanceof PushReply, error: reply instanceof ErrorReply,
      }));
      expect(frames(cut(latin1(expected.map((frame) => frame.bytes).join('')), places))).toEqual(expected);
    }), { numRuns: 500 });
  });

  test('an attribute belongs to the reply behind it', () => {
    const text = '|1\r\n+a\r\n*1\r\n+b\r\n-ERR x\r\n';
    for (let at = 0; at <= text.length; at++) expect(frames(cut(latin1(`${text}:1\r\n`), [at]))).toEqual([{ bytes: text, push: false, error: true }, { bytes: ':1\r\n', push: false, error: false }]);
  });

  test('tells a push while it is still coming', () => {
    const framer = new ReplyFramer(() => {});
    framer.push(latin1('>2\r\n$7\r\nmess'));
    expect(framer.partial).toBe('push');
    framer.push(latin1('age\r\n:1\r\n$5\r\n'));
    expect(framer.partial).toBe('reply');
  });

  test('frames and replies agree on garbage: same count, or both refuse', () => {
    const tokens = fc.array(fc.constantFrom('*2\r\n', '%1\r\n', '|1\r\n', '>1\r\n', '~1\r\n', '$3\r\nabc\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', ':1\r\n', '+x\r\n', '_\r\n', '!3\r\nERR\r\n', '?\r\n', '$x\r\n'), { maxLength: 20 });
    const attempt = <T>(action: () => T[]): number | 'refused' => {
      try {
        return action().length;
      } catch (error) {
        if (error instanceof ProtocolError) return 'refused';
        throw error;
      }
    };
    fc.assert(fc.property(tokens, fc.array(fc.nat(), { maxLength: 5 }), (parts, places) => {
      const chunks = cut(latin1(parts.join('')), places);
      expect(attempt(() => frames(chunks))).toEqual(attempt(() => parse(chunks)));
    }), { numRuns: 1000 });
  });

  test('a reply of 64 MB over thousands of chunks is read once', () => {
    const piece = Buffer.alloc(8 * 1024, 'v');
    let ended = 0;
    const framer = new ReplyFramer(() => ended++);
    framer.push(latin1(`*2\r\n$${64 * 1024 * 1024}\r\n`));
    for (let sent = 0; sent < 8192; sent++) framer.push(piece);
    framer.push(latin1('\r\n$0\r\n\r\n'));
    expect(ended).toBe(1);
  });
});
