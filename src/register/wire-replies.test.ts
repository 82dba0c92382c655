import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplyCounter } from './wire-replies.ts';

function counted(text: string, cuts: readonly number[] = []): number {
  let replies = 0;
  const counter = new ReplyCounter(() => replies++);
  const bytes = Buffer.from(text);
  const ends = [...new Set([...cuts.filter(cut => cut < bytes.length), bytes.length])].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    expect(counter.read(bytes.subarray(from, end))).toBe(true);
    from = end;
  }
  return replies;
}

const leaf = fc.oneof(
  fc.constantFrom('+OK\r\n', '-ERR no\r\n', ':1\r\n', '_\r\n', ',1.5\r\n', '#t\r\n', '(123\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '%0\r\n'),
  fc.string({ unit: 'binary' }).map(text => `$${Buffer.byteLength(text)}\r\n${text}\r\n`),
);
const { reply } = fc.letrec<{ reply: string }>(tie => ({
  reply: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('reply'), { minLength: 1, maxLength: 3 }).chain(items => fc.constantFrom(
    `*${items.length}\r\n${items.join('')}`, `~${items.length}\r\n${items.join('')}`, `%${items.length}\r\n${items.join('')}${items.join('')}`,
    `|1\r\n+a\r\n+b\r\n${items[0] ?? ''}`,
  ))),
}));

test('every reply is counted once, whatever is in it and however it comes; pushes are none', () => {
  const push = fc.array(reply, { minLength: 1, maxLength: 3 }).map(items => `>${items.length}\r\n${items.join('')}`);
  fc.assert(fc.property(fc.array(fc.oneof(reply.map(text => [1, text] as const), push.map(text => [0, text] as const))), fc.array(fc.nat({ max: 300 })), (all, cuts) => {
    expect(counted(all.map(([, text]) => text).join(''), cuts)).toBe(all.reduce((sum, [count]) => sum + count, 0));
  }));
});

test.each(['hello\r\n', '*x\r\n', '$x\r\n'])('%j is no reply', text => {
  expect(new ReplyCounter(() => {}).read(Buffer.from(text))).toBe(false);
});
