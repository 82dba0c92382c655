/**
 * The x86 80-bit `long double` that INCRBYFLOAT and HINCRBYFLOAT compute with: a 64-bit significand, so results differ from
 * doubles in the last digits (3.0 + 0.1 prints as 3.1, not 3.10000000000000009). Exact integers here, rounded to 64 bits, half to even.
 */
import type { ByteString } from '../lib/bytes.ts';
import { isZeroText } from './float.ts';

/** `significand × 2^exponent`, sign in the significand; or an infinity. */
export type LongDouble = { readonly significand: bigint; readonly exponent: number } | { readonly infinite: 1 | -1 };

const significandBits = 64;
const maxExponent = 16384;
const minExponent = -16445;
/** Redis reads a long double from at most this many bytes. */
const maxTextLength = 5 * 1024;

/** The long double of a text as Redis' string2ld reads it: all of it, no space in front, no NaN, in range. Undefined otherwise. */
export function parseLongDouble(text: ByteString): LongDouble | undefined {
  if (text.length === 0 || text.length >= maxTextLength) return undefined;
  const special = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (special !== null) return { infinite: special[1] === '-' ? -1 : 1 };
  const value = parseDecimal(text) ?? parseHexadecimal(text);
  if (value === undefined || 'infinite' in value) return undefined;
  // strtold reports a text that underflows to zero as out of range.
  return value.significand === 0n && !isZeroText(text) ? undefined : value;
}

/** Their sum rounded to 64 bits; undefined where it is not a finite number. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | undefined {
  if ('infinite' in a || 'infinite' in b) return undefined;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.significand << BigInt(a.exponent - exponent)) + (b.significand << BigInt(b.exponent - exponent));
  const rounded = roundRatio(sum, 1n, exponent);
  return 'infinite' in rounded ? undefined : rounded;
}

/** `%.17Lf` without trailing zeros: how Redis prints the result of an increment. */
export function formatLongDouble(value: LongDouble): string {
  if ('infinite' in value) return value.infinite > 0 ? 'inf' : '-inf';
  const negative = value.significand < 0n;
  const magnitude = negative ? -value.significand : value.significand;
  const scaled = magnitude * 10n ** 17n;
  const digits = (value.exponent >= 0 ? scaled << BigInt(value.exponent) : divideHalfEven(scaled, 1n << BigInt(-value.exponent))).toString().padStart(18, '0');
  const fraction = digits.slice(-17).replace(/0+$/, '');
  const text = digits.slice(0, -17) + (fraction === '' ? '' : `.${fraction}`);
  return negative && text !== '0' ? `-${text}` : text;
}

function parseDecimal(text: string): LongDouble | undefined {
  const match = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', only = '', exponentText = '0'] = match;
  const digits = BigInt(whole + fraction + only);
  if (digits === 0n) return { significand: 0n, exponent: 0 };
  const power = Number(exponentText) - fraction.length - only.length;
  const magnitude = digits.toString().length + power;
  if (magnitude > 5000) return { infinite: 1 };
  if (magnitude < -5000) return { significand: 0n, exponent: 0 };
  const signed = sign === '-' ? -digits : digits;
  return power >= 0 ? roundRatio(signed * 10n ** BigInt(power), 1n, 0) : roundRatio(signed, 10n ** BigInt(-power), 0);
}

function parseHexadecimal(text: string): LongDouble | undefined {
  const match = /^([+-]?)0x(?:([\da-f]+)\.?([\da-f]*)|\.([\da-f]+))(?:p([+-]?\d+))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', only = '', exponentText = '0'] = match;
  const digits = BigInt(`0x${whole}${fraction}${only}`);
  const exponent = Number(exponentText) - 4 * (fraction.length + only.length);
  if (digits === 0n) return { significand: 0n, exponent: 0 };
  return Math.abs(exponent) > 100_000 ? undefined : roundRatio(sign === '-' ? -digits : digits, 1n, exponent);
}

/** `numerator ÷ denominator × 2^exponent` as a long double. */
function roundRatio(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  if (numerator === 0n) return { significand: 0n, exponent: 0 };
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  // Scale so that the quotient has 64 bits or one more, then at most one bit is lost by the second look.
  const quotientBits = bitLength(magnitude) - bitLength(denominator);
  let shift = significandBits - quotientBits;
  let significand = scaledQuotient(magnitude, denominator, shift);
  const excess = bitLength(significand) - significandBits;
  if (excess !== 0 || exponent - shift < minExponent) {
    shift = Math.min(shift - excess, exponent - minExponent);
    significand = scaledQuotient(magnitude, denominator, shift);
  }
  if (bitLength(significand) + exponent - shift > maxExponent) return { infinite: negative ? -1 : 1 };
  return { significand: negative ? -significand : significand, exponent: exponent - shift };
}

function scaledQuotient(magnitude: bigint, denominator: bigint, shift: number): bigint {
  return shift >= 0 ? divideHalfEven(magnitude << BigInt(shift), denominator) : divideHalfEven(magnitude, denominator << BigInt(-shift));
}

function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0] ?? '0', 16)));
}
