import type { ByteString } from '../../lib/bytes.ts';
import { parseDouble } from '../float.ts';
import { int64Argument, maxInt64, minInt64, numberArgument } from '../integers.ts';
import { CommandError, notAFloat, syntaxError } from '../reply.ts';

/** A count of at least `min`, with the command's own text for anything else. */
export function countArgument(text: ByteString, min: number, message: string): number {
  const value = numberArgument(text, `ERR ${message}`);
  if (value < min) throw new CommandError(`ERR ${message}`);
  return value;
}

/** The optional count of SPOP, LPOP, ZPOPMIN and their like. */
export function popCountArgument(text: ByteString): number {
  return countArgument(text, 0, 'value is out of range, must be positive');
}

/** The signed count of HRANDFIELD and its like. */
export function signedCountArgument(text: ByteString): number {
  const value = int64Argument(text);
  if (value === minInt64) throw new CommandError(`ERR value is out of range, value must between -${maxInt64} and ${maxInt64}`);
  return Number(value);
}

/** HRANDFIELD and ZRANDMEMBER answer twice as many items with values, so their count has half the range. */
export function assertPairCount(count: number): void {
  if (Math.abs(count) > Number(maxInt64 / 2n)) throw new CommandError('ERR value is out of range');
}

/** A score or weight argument. */
export function floatArgument(text: ByteString, error: () => CommandError = notAFloat): number {
  const value = parseDouble(text);
  if (value === undefined) throw error();
  return value;
}

/** `numkeys key …` at `index`: the keys, and where the arguments after them begin. */
export function countedKeys(args: readonly ByteString[], index: number): { readonly keys: readonly ByteString[]; readonly next: number } {
  const count = countArgument(args[index] ?? '', 1, 'numkeys should be greater than 0');
  const next = index + 1 + count;
  if (next > args.length) throw syntaxError();
  return { keys: args.slice(index + 1, next), next };
}

/** For the command table: the keys of `numkeys key …` at `index`, none where the count makes no sense. */
export function keysCountedAt(index: number): (args: readonly ByteString[]) => readonly ByteString[] {
  return (args) => {
    const count = Number(args[index]);
    return Number.isInteger(count) && count > 0 && index + 1 + count <= args.length ? args.slice(index + 1, index + 1 + count) : [];
  };
}

/** As {@link keysCountedAt} at 1, with the destination key in front. */
export function destinationAndCountedKeys(args: readonly ByteString[]): readonly ByteString[] {
  return [...args.slice(0, 1), ...keysCountedAt(1)(args)];
}

/** Wrong number of arguments, as Redis words it. */
export function arityError(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

/** The argument at `index`, which the command's arity guarantees. */
export function at(args: readonly ByteString[], index: number): ByteString {
  const value = args[index];
  if (value === undefined) throw syntaxError();
  return value;
}

/** Option names are matched without regard to case. */
export function isOption(arg: ByteString | undefined, name: string): boolean {
  return arg !== undefined && arg.length === name.length && arg.toUpperCase() === name;
}

/** Bytes as Redis puts them into an error's text: a C string on one line. */
export function errorText(text: ByteString): string {
  return (text.split('\0', 1)[0] ?? '').replace(/[\r\n]/g, ' ');
}
