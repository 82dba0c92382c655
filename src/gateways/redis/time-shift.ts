import type { Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';

/** Where commands and replies hold points in time: between two clocks these are to be shifted, and nothing else is. */

/** Place of the argument, the name being the first, and its unit. */
const absoluteTimes: ReadonlyMap<string, { readonly at: number; readonly unitMs: number }> = new Map([
  ['EXPIREAT', { at: 2, unitMs: 1000 }], ['PEXPIREAT', { at: 2, unitMs: 1 }],
]);
const absoluteOptions: ReadonlyMap<string, number> = new Map([['EXAT', 1000], ['PXAT', 1]]);
const absoluteReplies: ReadonlyMap<string, number> = new Map([['EXPIRETIME', 1000], ['PEXPIRETIME', 1]]);

/** The command with its points in time `byMs` later. `name` is in upper case. */
export function shiftedCommand(name: string, args: readonly ByteString[], byMs: number): readonly ByteString[] {
  const absolute = absoluteTimes.get(name);
  if (absolute !== undefined) return args.map((arg, index) => (index === absolute.at ? shiftedTime(arg, absolute.unitMs, byMs) : arg));
  if (name !== 'SET' && name !== 'GETEX') return args;
  return args.map((arg, index) => {
    const unitMs = index > 1 ? absoluteOptions.get((args[index - 1] ?? '').toUpperCase()) : undefined;
    return unitMs === undefined ? arg : shiftedTime(arg, unitMs, byMs);
  });
}

function shiftedTime(text: ByteString, unitMs: number, byMs: number): ByteString {
  const time = Number(text);
  return Number.isSafeInteger(time) ? String(time + Math.round(byMs / unitMs)) : text;
}

/** The reply to a command with its point in time `byMs` later. */
export function shiftedReply(name: string, reply: Reply, byMs: number): Reply {
  const unitMs = absoluteReplies.get(name);
  return unitMs !== undefined && typeof reply === 'number' && reply > 0 ? reply + Math.round(byMs / unitMs) : reply;
}
