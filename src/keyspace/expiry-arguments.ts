import type { ByteString } from '../lib/bytes.ts';
import type { ExpiryChange } from './database.ts';
import { int64Argument, maxInt64, minInt64 } from './integers.ts';
import { CommandError } from './reply.ts';

/** How a command gives an expiry: EX, PX, EXAT, PXAT, and EXPIRE's kin the same way. */
export type ExpiryUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT';

/** Whether an option word (in upper case) announces an expiry. */
export function isExpiryUnit(word: string): word is ExpiryUnit {
  return word === 'EX' || word === 'PX' || word === 'EXAT' || word === 'PXAT';
}

/**
 * The expiry change of a time argument, checked for 64-bit overflow as Redis does. `command` is the lower-case name for the error text;
 * `positive`: zero and less are refused (SET and its kin) rather than a way to delete (EXPIRE and its kin).
 */
export function expiryArgument(options: {
  readonly text: ByteString;
  readonly unit: ExpiryUnit;
  readonly command: string;
  readonly now: number;
  readonly positive: boolean;
}): ExpiryChange & { readonly kind: 'relative' | 'absolute' } {
  const { unit } = options;
  const invalid = (): CommandError => new CommandError(`ERR invalid expire time in '${options.command}' command`);
  let value = int64Argument(options.text);
  if (options.positive && value <= 0n) throw invalid();
  if (unit === 'EX' || unit === 'EXAT') {
    if (value > maxInt64 / 1000n || value < minInt64 / 1000n) throw invalid();
    value *= 1000n;
  }
  const isRelative = unit === 'EX' || unit === 'PX';
  if (isRelative && value > maxInt64 - BigInt(Math.trunc(options.now))) throw invalid();
  return isRelative ? { kind: 'relative', ms: Number(value) } : { kind: 'absolute', atMs: Number(value) };
}

/** Unix milliseconds at which an expiry change takes effect. */
export function expiresAt(change: ExpiryChange & { readonly kind: 'relative' | 'absolute' }, now: number): number {
  return change.kind === 'relative' ? now + change.ms : change.atMs;
}
