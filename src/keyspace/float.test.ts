import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDouble, parseDouble, strtod } from './float.ts';

describe('formatDouble', () => {
  it.each([
    [3, '3'], [-0, '-0'], [0.1, '0.10000000000000001'], [1e17, '1e+17'], [1e16, '10000000000000000'], [31533875791480648, '31533875791480648'], [1.5e-7, '1.4999999999999999e-07'],
    [0.0001, '0.0001'], [Infinity, 'inf'], [-Infinity, '-inf'], [-1234.5, '-1234.5'], [5e-324, '4.9406564584124654e-324'],
  ])('prints %d as C\'s %%.17g does: %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  it('rounds an exact tie to the even digit, which toExponential does not', () => {
    expect(formatDouble(2 ** -25)).toBe('2.9802322387695312e-08');
  });

  it('can be read back to the same number', () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), (value) => Object.is(strtod(formatDouble(value)), value)));
  });
});

describe('parseDouble', () => {
  it.each([['3.0e3', 3000], ['.5', 0.5], ['5.', 5], ['0x1p3', 8], ['0X.8', 0.5], ['-INF', -Infinity], ['+1', 1], ['-0', -0]])('reads %s', (text, value) => {
    expect(parseDouble(text)).toBe(value);
  });

  it.each(['', ' 1', '1 ', 'nan', '1e400', '1e-400', '0x', '1_0', '--1', 'e5', 'infin'])('refuses %j', (text) => {
    expect(parseDouble(text)).toBeUndefined();
  });
});
