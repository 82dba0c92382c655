import type { ByteString } from '../lib/bytes.ts';

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const hexadecimal = /^([+-]?)0x(?:([\da-f]+)\.?([\da-f]*)|\.([\da-f]+))(?:p([+-]?\d+))?$/i;
const infinity = /^([+-]?)inf(?:inity)?$/i;
const notANumber = /^[+-]?nan(?:\(\w*\))?$/i;

/**
 * C's strtod over the whole text, without surrounding space: decimal, hexadecimal, `inf`, `nan`. Undefined where text is left over
 * or where there is none. Overflow gives an infinity, underflow zero.
 */
export function strtod(text: ByteString): number | undefined {
  if (decimal.test(text)) return Number(text);
  const special = infinity.exec(text);
  if (special !== null) return special[1] === '-' ? -Infinity : Infinity;
  if (notANumber.test(text)) return Number.NaN;
  const hex = hexadecimal.exec(text);
  return hex === null ? undefined : hexValue(hex);
}

/** A double as Redis reads a score: all of the text, no spaces, neither overflow nor underflow to zero. Undefined: not a valid float. */
export function parseDouble(text: ByteString): number | undefined {
  const value = strtod(text);
  if (value === undefined || Number.isNaN(value)) return undefined;
  if (!Number.isFinite(value) && !infinity.test(text)) return undefined;
  return value === 0 && !isZeroText(text) ? undefined : value;
}

/** Whether a number's text has no digit but 0 in front of its exponent: an underflow gives zero too, which C reports. */
export function isZeroText(text: ByteString): boolean {
  const significant = /^[+-]?0x/i.test(text) ? text.replace(/^[+-]?0x/i, '').replace(/p.*$/i, '') : text.replace(/e.*$/i, '');
  return !/[1-9a-f]/i.test(significant);
}

/** C's `%.17g`, which is how Redis 7.0 prints every double: 3, 0.10000000000000001, 1e+17, inf. */
export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
  // JavaScript prints the shortest digits that lead back to the number, C all of them.
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return BigInt(value).toString();
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponentText = '0'] = seventeenDigits(value).split('e');
  const exponent = Number(exponentText);
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '');
  if (exponent < -4 || exponent >= 17) {
    const tail = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0] ?? '0'}${tail}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return digits.length > exponent + 1 ? `${sign}${whole}.${digits.slice(exponent + 1)}` : sign + whole;
}

/** `d.ddde±x` with 17 digits. C rounds an exact tie to the even digit, JavaScript away from zero. */
function seventeenDigits(value: number): string {
  const exact = value.toExponential(60);
  const end = exact.indexOf('e');
  const point = exact.indexOf('.');
  const rest = exact.slice(point + 17, end);
  const lastDigit = Number(exact[point + 16]);
  if (!/^50*$/.test(rest) || lastDigit % 2 === 1) return value.toExponential(16);
  return exact.slice(0, point + 17) + exact.slice(end);
}

function hexValue(match: RegExpExecArray): number {
  const [, sign, whole = '', fraction = '', only = '', exponent = '0'] = match;
  const digits = whole + fraction + only;
  const mantissa = BigInt(`0x${digits}`);
  const shift = Number(exponent) - 4 * (fraction.length + only.length);
  const bits = mantissa === 0n ? 0 : mantissa.toString(2).length;
  // Number(bigint) rounds to even, as strtod does; below the normal range a second rounding is accepted.
  const value = bits === 0 ? 0 : Number(mantissa) * 2 ** Math.max(-1000, Math.min(1023, shift)) * 2 ** (shift < -1000 ? Math.max(shift + 1000, -1074) : 0);
  return sign === '-' ? -value : value;
}
