import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemcachedParser, replyFlag, type MemcachedReply } from './memcached-parser.ts';

function parse(bytes: Buffer, cuts: readonly number[] = []): MemcachedReply[] {
  const replies: MemcachedReply[] = [];
  const parser = new MemcachedParser((reply) => replies.push(reply), 1_000_000);
  let from = 0;
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    parser.push(bytes.subarray(from, Math.max(from, cut)));
    from = Math.max(from, cut);
  }
  return replies;
}

test('reads replies of meta commands, versions and statistics', () => {
  const replies = parse(Buffer.from('HD c12 f3\r\nEN\r\nVA 5 f7 c99\r\na\r\nb\n\r\nSTAT pid 1\r\nSTAT version 1.6.18 x\r\nEND\r\nVERSION 1.6.18\r\nVA 0 \r\n\r\nSERVER_ERROR out of memory\r\nEND\r\n'));
  expect(replies).toEqual([
    { status: 'HD', text: 'c12 f3' }, { status: 'EN', text: '' }, { status: 'VA', text: 'f7 c99', value: Buffer.from('a\r\nb\n') },
    { status: 'END', text: '', stats: new Map([['pid', '1'], ['version', '1.6.18 x']]) }, { status: 'VERSION', text: '1.6.18' },
    { status: 'VA', text: '', value: Buffer.alloc(0) }, { status: 'SERVER_ERROR', text: 'out of memory' }, { status: 'END', text: '', stats: new Map() },
  ]);
  expect(replyFlag(replies[2] as MemcachedReply, 'c')).toBe('99');
  expect(replyFlag(replies[2] as MemcachedReply, 's')).toBeUndefined();
});

test('reads the same however the bytes are cut', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([Buffer.from(`VA ${bytes.length} f1\r\n`), bytes, Buffer.from('\r\n')])),
    fc.constantFrom('HD\r\n', 'EN\r\n', 'NS c5\r\n', 'STAT a b\r\nEND\r\n').map((text) => Buffer.from(text)),
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(400)), (pieces, cuts) => {
    const bytes = Buffer.concat(pieces);
    const whole = parse(bytes);
    expect(whole.length).toBe(pieces.length);
    expect(parse(bytes, cuts.map((cut) => Math.min(cut, bytes.length)))).toEqual(whole);
  }));
});

test('refuses what is no memcached', () => {
  for (const text of ['+OK\r\n', 'HTTP/1.1 400 Bad Request\r\n', 'VA x\r\n', 'VA 2000000\r\n']) expect(() => parse(Buffer.from(text))).toThrow(/unexpected|invalid/);
  expect(() => parse(Buffer.alloc(10_000, 'A'))).toThrow('too long');
});
