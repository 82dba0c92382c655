import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addLongDoubles, formatLongDouble, parseLongDouble } from './long-double.ts';

function sum(a: string, b: string): string | undefined {
  const [left, right] = [parseLongDouble(a), parseLongDouble(b)];
  const total = left !== undefined && right !== undefined ? addLongDoubles(left, right) : undefined;
  return total === undefined ? undefined : formatLongDouble(total);
}

describe('long doubles', () => {
  // Results of HINCRBYFLOAT on redis-server 7.0.15, x86-64.
  it.each([
    ['3.0', '0.1', '3.1'], ['0.1', '0.2', '0.3'], ['3.0', '5e-18', '3'], ['3', '123456789012345678901234567890', '123456789012345678899921813504'],
    ['0xA.8p1', '1', '22'], ['0', '-1e-30', '0'], ['-0', '0', '0'], ['3', '0x1p4', '19'],
  ])('%s + %s = %s', (a, b, expected) => {
    expect(sum(a, b)).toBe(expected);
  });

  it('adds integers up to 64 bits exactly', () => {
    const int = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
    fc.assert(fc.property(int, int, (a, b) => sum(String(a), String(b)) === String(a + b)));
  });

  it('refuses what is no finite number, or none at all', () => {
    for (const text of ['', ' 1', '1 ', 'nan', '1e4933', '1e-5000', '0x', '1'.repeat(6000)]) expect(parseLongDouble(text)).toBeUndefined();
    expect(sum('inf', '1')).toBeUndefined();
    expect(sum('1.1e4932', '1.1e4932')).toBeUndefined();
  });
});
