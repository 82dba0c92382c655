import type { ByteString } from '../lib/bytes.ts';
import { CommandError, notAnInteger } from './reply.ts';

/** The least and the greatest 64-bit integer, Redis' `long long`. */
export const minInt64: bigint = -(2n ** 63n);
export const maxInt64: bigint = 2n ** 63n - 1n;

const canonical = /^(?:0|-?[1-9]\d{0,18})$/;

/** A 64-bit integer as Redis' string2ll reads it: canonical decimal, no plus, no leading zero, no space. Undefined otherwise. */
export function parseInt64(text: ByteString): bigint | undefined {
  if (!canonical.test(text)) return undefined;
  const value = BigInt(text);
  return value < minInt64 || value > maxInt64 ? undefined : value;
}

/** An integer argument; throws `message` (Redis' usual one when left out) where it is none. */
export function int64Argument(text: ByteString, message?: string): bigint {
  const value = parseInt64(text);
  if (value === undefined) throw message === undefined ? notAnInteger() : new CommandError(message);
  return value;
}

/**
 * An integer argument as a JavaScript number, for counts, indexes and offsets: values beyond 2^53 lose their last digits, which no
 * index into something that fits in memory can show. Throws like {@link int64Argument}.
 */
export function numberArgument(text: ByteString, message?: string): number {
  if (text.length < 16 && canonical.test(text)) return Number(text);
  return Number(int64Argument(text, message));
}

/** A 32-bit integer argument (database numbers); throws like {@link int64Argument}. */
export function int32Argument(text: ByteString, message?: string): number {
  const value = numberArgument(text, message);
  if (value < -2147483648 || value > 2147483647) throw message === undefined ? notAnInteger() : new CommandError(message);
  return value;
}

/** A 64-bit integer as a reply: a number where it is exact. */
export function integerReply(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}
