/**
 * HSCAN, SSCAN and ZSCAN. Like Redis with its compact encodings, a collection of up to 512 entries is given whole with cursor 0. A
 * larger one is walked in the order of its members' hashes: the cursor is the next hash to look at, so what stays in the collection
 * from the first call to the last is given exactly once, whatever else comes and goes between, and nothing is kept between calls.
 */
import { murmur3 } from '../../lib/hash.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { globMatcher } from '../glob.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError, type Reply } from '../reply.ts';
import { at, isOption } from './arguments.ts';

const wholeUpTo = 512;

/** The cursor argument as C's strtoul reads it. */
export function cursorArgument(text: ByteString): bigint {
  const match = /^([+-]?)(\d+)$/.exec(text);
  if (text !== '' && match === null) throw new CommandError('ERR invalid cursor');
  const value = BigInt(match?.[2] ?? 0);
  if (value >= 2n ** 64n) throw new CommandError('ERR invalid cursor');
  return match?.[1] === '-' ? BigInt.asUintN(64, -value) : value;
}

/** The reply for a key that does not exist. */
export const emptyScan: Reply = ['0', []];

/** One step of a scan. `options` are the arguments after the cursor, `itemsOf` what the reply has for a name. */
export function scanCollection(request: {
  readonly names: readonly ByteString[];
  readonly cursor: bigint;
  readonly options: readonly ByteString[];
  readonly itemsOf: (name: ByteString) => readonly Reply[];
}): Reply {
  const { count, matches } = scanOptions(request.options);
  const step = request.names.length <= wholeUpTo ? { names: request.names, next: 0 } : hashStep(request.names, request.cursor, count);
  return [String(step.next), step.names.filter(matches).flatMap(request.itemsOf)];
}

function scanOptions(args: readonly ByteString[]): { readonly count: number; readonly matches: (name: ByteString) => boolean } {
  let count = 10;
  let matches = (_name: ByteString): boolean => true;
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined) throw syntaxError();
    if (isOption(at(args, i), 'COUNT')) {
      count = numberArgument(value);
      if (count < 1) throw syntaxError();
    } else if (isOption(at(args, i), 'MATCH')) {
      matches = globMatcher(value);
    } else {
      throw syntaxError();
    }
  }
  return { count, matches };
}

function hashStep(names: readonly ByteString[], cursor: bigint, count: number): { readonly names: readonly ByteString[]; readonly next: number } {
  const from = Number(cursor);
  const hashed = names.map((name) => [murmur3(name), name] as const).filter(([hash]) => hash >= from).sort((a, b) => a[0] - b[0]);
  // Names of the same hash stay together, for the cursor cannot point between them.
  let end = Math.min(count, hashed.length);
  while (end > 0 && end < hashed.length && hashed[end]?.[0] === hashed[end - 1]?.[0]) end++;
  return { names: hashed.slice(0, end).map(([, name]) => name), next: hashed[end]?.[0] ?? 0 };
}
