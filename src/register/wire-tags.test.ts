import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandCutter } from './wire-tags.ts';

function encode(args: readonly string[]): Buffer {
  return Buffer.from(`*${args.length}\r\n${args.map(arg => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`);
}

const commands = fc.array(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 5 }), { maxLength: 6 });

test('every command is found, wherever arguments are cut in two', () => {
  fc.assert(fc.property(commands, fc.array(fc.nat({ max: 200 }), { maxLength: 3 }), (list, places) => {
    const frames = list.map(encode);
    const all = Buffer.concat(frames);
    // A length is never cut: only inside an argument.
    const inside = places.filter(place => place < all.length && all.lastIndexOf('\r\n', place - 1) > 0 && !/[*$]\d*\r?$/.test(all.toString('latin1', 0, place)));
    const ends = [...new Set([...inside, all.length])].sort((a, b) => a - b);
    const cutter = new CommandCutter();
    let from = 0;
    const found = ends.flatMap(end => {
      const cuts = cutter.cut(all.subarray(from, end));
      const starts: (number | string)[] = cuts?.map(({ at }) => from + at) ?? ['lost'];
      from = end;
      return starts;
    });
    const expected = frames.map((_frame, index) => frames.slice(0, index).reduce((sum, { length }) => sum + length, 0));
    expect(found).toEqual(expected);
  }));
});

test('names are upper case, inline commands have no place for a tag, and a length cut in two ends it', () => {
  const cutter = new CommandCutter();
  expect(cutter.cut(Buffer.from('PING\r\n*1\r\n$4\r\nquit\r\n'))).toEqual([{ at: 0, body: 0, count: 0, name: 'PING' }, { at: 6, body: 10, count: 1, name: 'QUIT' }]);
  expect(cutter.cut(Buffer.from('*1'))).toBeUndefined();
  expect(cutter.cut(encode(['GET', 'a']))).toBeUndefined();
});
