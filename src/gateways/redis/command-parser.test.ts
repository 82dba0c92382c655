import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandParser, ProtocolError } from './resp-parser.ts';
import { encodeCommand } from './resp-encoder.ts';

function parse(chunks: readonly Buffer[], keepRaw = false): { commands: string[][]; raw: string[]; error: string | undefined } {
  const commands: string[][] = [];
  const raw: string[] = [];
  const parser = new CommandParser((args, bytes) => {
    commands.push(args);
    raw.push(bytes.toString('latin1'));
  }, { keepRaw });
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { commands, raw, error: error.message };
  }
  return { commands, raw, error: undefined };
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Cuts `bytes` at the given places, in whatever order they come. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const byteStrings = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const commands = fc.array(fc.array(byteStrings, { minLength: 1, maxLength: 5 }), { maxLength: 6 });

describe('CommandParser', () => {
  test('gives the same commands and raw bytes however the bytes are split', () => {
    fc.assert(fc.property(commands, fc.array(fc.nat(), { maxLength: 12 }), (expected, places) => {
      const bytes = latin1(expected.map(encodeCommand).join(''));
      const got = parse(cut(bytes, places), true);
      expect(got.error).toBeUndefined();
      expect(got.commands).toEqual(expected);
      expect(got.raw).toEqual(expected.map(encodeCommand));
    }), { numRuns: 500 });
  });

  test('reads inline commands with quotes among ordinary ones, split anywhere', () => {
    const text = 'PING\r\n*1\r\n$4\r\nPING\r\nSET k "a \\x41\\n\\"" \'it\\\'s\'\r\n\r\n*0\r\n*-1\r\n  GET\tk  \nECHO ""\r\n';
    const expected = [['PING'], ['PING'], ['SET', 'k', 'a A\n"', "it's"], ['GET', 'k'], ['ECHO', '']];
    for (let size = 1; size <= text.length; size++) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) => latin1(text.slice(index * size, (index + 1) * size)));
      expect(parse(chunks).commands).toEqual(expected);
    }
  });

  test.each([
    ['*abc\r\n', "invalid multibulk length"],
    ['*1048577\r\n', 'invalid multibulk length'],
    ['*01\r\n', 'invalid multibulk length'],
    ['*1\r\nGET\r\n', "expected '$', got 'G'"],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
    ['SET k "open\r\n', 'unbalanced quotes in request'],
    ['SET k "a"b\r\n', 'unbalanced quotes in request'],
    ['x'.repeat(70_000), 'too big inline request'],
    [`${'x'.repeat(70_000)}\r\n`, 'too big inline request'],
    [`*${'1'.repeat(70_000)}`, 'too big mbulk count string'],
    [`*1\r\n$${'1'.repeat(70_000)}`, 'too big bulk count string'],
  ])('answers %j as Redis does', (text, message) => {
    const before = encodeCommand(['GET', 'k']);
    const expected = { commands: [['GET', 'k']], raw: [''], error: `ERR Protocol error: ${message}` };
    expect(parse([latin1(before + text)])).toEqual(expected);
    expect(parse([latin1(before), ...cut(latin1(text), [1, 3, 5])])).toEqual(expected);
  });

  test('garbage never throws anything but ProtocolError', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.array(fc.constantFrom('*', '$', '1', '2', '-', '\r', '\n', '\r\n', 'x', '"', '\\', '\0', '*2\r\n', '$3\r\n'), { maxLength: 40 }).map((parts) => latin1(parts.join(''))),
    );
    fc.assert(fc.property(garbage, fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
      const whole = parse([bytes]);
      const split = parse(cut(bytes, places));
      expect(split.commands).toEqual(whole.commands);
      expect(split.error).toEqual(whole.error);
    }), { numRuns: 1000 });
  });

  test('an argument of 64 MB over thousands of chunks costs time in proportion', () => {
    const piece = Buffer.alloc(8 * 1024, 'v');
    const time = (megabytes: number): number => {
      const length = megabytes * 1024 * 1024;
      let got = 0;
      const parser = new CommandParser((args) => { got = (args[2] as string).length; });
      const start = process.cpuUsage();
      parser.push(latin1(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n`));
      for (let sent = 0; sent < length; sent += piece.length) parser.push(piece);
      parser.push(latin1('\r\n'));
      expect(got).toBe(length);
      const used = process.cpuUsage(start);
      return used.user + used.system;
    };
    time(4);
    const small = time(8);
    const large = time(64);
    // 8 times the bytes; quadratic work would be 64 times the time.
    expect(large / Math.max(small, 4000)).toBeLessThan(32);
  });

  test('many small arguments over many chunks are linear too', () => {
    const count = 200_000;
    const bytes = latin1(encodeCommand(['DEL', ...Array.from({ length: count }, (_, index) => `key:${index}`)]));
    let got = 0;
    const parser = new CommandParser((args) => { got = args.length; });
    const start = Date.now();
    for (let at = 0; at < bytes.length; at += 100) parser.push(bytes.subarray(at, at + 100));
    expect(got).toBe(count + 1);
    expect(Date.now() - start).toBeLessThan(10_000);
  });
});
