import type { ByteString } from '../../lib/bytes.ts';
import { Blocked } from '../command.ts';
import { parseLongDouble } from '../long-double.ts';
import { NULL_ARRAY, CommandError, type Reply } from '../reply.ts';

/** A timeout in seconds, in milliseconds rounded up; 0 waits for ever. */
export function secondsArgument(text: ByteString): number {
  const value = parseLongDouble(text);
  if (value === undefined) throw new CommandError('ERR timeout is not a float or out of range');
  // Redis casts to int64: what is too big comes out negative.
  const negative = new CommandError('ERR timeout is negative');
  if ('infinite' in value) throw negative;
  const milliseconds = Math.ceil(Number(value.significand) * 2 ** value.exponent * 1000);
  if (milliseconds < 0 || milliseconds >= 2 ** 63) throw negative;
  return milliseconds;
}

/**
 * Tries at once, and waits where nothing is there yet. `attempt` throws what is an error for a caller at the first try, such as a
 * key of another type; for one that already waits Redis passes over such a key, so `isWaiting` tells it. `ready` is the key whose change has woken it: that one serves it.
 */
export function tryOrBlock(options: {
  readonly keys: readonly ByteString[];
  readonly timeoutMs: number;
  readonly attempt: (isWaiting: boolean, ready?: ByteString) => Reply | undefined;
  readonly onTimeout?: Reply;
  readonly inTransaction?: Reply;
}): Reply | Blocked {
  const { keys, timeoutMs, attempt, onTimeout = NULL_ARRAY, inTransaction = onTimeout } = options;
  const first = attempt(false);
  return first === undefined ? new Blocked({ keys, timeoutMs, attempt: (ready) => attempt(true, ready), onTimeout, inTransaction }) : first;
}
