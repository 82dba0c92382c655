import { describe, expect, it } from 'vitest';
import { int32Argument, integerReply, numberArgument, parseInt64 } from './integers.ts';

describe('64-bit integers', () => {
  it('are read only in canonical form and in range', () => {
    expect(['0', '-1', '9223372036854775807', '-9223372036854775808'].map(parseInt64)).toEqual([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]);
    for (const text of ['', '-', '+1', '01', '-0', ' 1', '1 ', '1.0', '1e3', '0x1', '9223372036854775808', '-9223372036854775809']) expect([text, parseInt64(text)]).toEqual([text, undefined]);
  });

  it('are numbers where that is exact', () => {
    expect([integerReply(2n ** 53n - 1n), integerReply(2n ** 53n)]).toEqual([2 ** 53 - 1, 2n ** 53n]);
  });

  it('are refused with the text asked for', () => {
    expect(() => numberArgument('x')).toThrow('ERR value is not an integer or out of range');
    expect(() => numberArgument('x', 'ERR no')).toThrow('ERR no');
    expect(() => int32Argument('2147483648')).toThrow('ERR value is not an integer or out of range');
    expect(int32Argument('-2147483648')).toBe(-2147483648);
  });
});
