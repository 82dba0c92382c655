import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { tagFrame } from './redis-clients.ts';

const head = '$4\r\nFS.L\r\n$2\r\nt1\r\n';

function encode(args: readonly Buffer[]): Buffer {
  const parts = args.flatMap(arg => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

const argument = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes));

test('a tagged frame is the command with two arguments in front, whatever its bytes', () => {
  fc.assert(fc.property(fc.array(argument, { minLength: 1, maxLength: 12 }), args => {
    const expected = encode([Buffer.from('FS.L'), Buffer.from('t1'), ...args]);
    expect(expected.equals(tagFrame(encode(args), head) as Buffer)).toBe(true);
  }));
});

test('text stays text', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), words => {
    const text = `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
    expect(tagFrame(text, head)).toBe(`*${words.length + 2}\r\n${head}${text.slice(text.indexOf('\r\n') + 2)}`);
  }));
});

test.each(['PING\r\n', '', '*', Buffer.from('PING\r\n'), Buffer.alloc(0), undefined, 7])('%j is no command array and passes unchanged', frame => {
  expect(tagFrame(frame, head)).toBe(frame);
});
