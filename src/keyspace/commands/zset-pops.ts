/** Taking the lowest or highest members of sorted sets, with and without waiting. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { sortedMembers, type ZsetEntry } from '../entry.ts';
import { DoubleReply, NULL_ARRAY, syntaxError, type Reply } from '../reply.ts';
import { at, countArgument, countedKeys, isOption, keysCountedAt, popCountArgument } from './arguments.ts';
import { secondsArgument, tryOrBlock } from './blocking.ts';
import { membersReply, removeMembers, type Scored } from './zset-entry.ts';

type Run = CommandSpec['run'];
type Side = 'min' | 'max';

function take({ db }: CommandContext, options: { readonly key: ByteString; readonly entry: ZsetEntry; readonly side: Side; readonly count: number }): readonly Scored[] {
  const { key, entry, side, count } = options;
  const sorted = sortedMembers(entry);
  const taken = side === 'min' ? sorted.slice(0, count) : sorted.slice(Math.max(0, sorted.length - count)).reverse();
  removeMembers(db, key, entry, taken);
  return taken;
}

/** Takes from the first of the sets that exists; while waiting, keys of another type are passed over. */
function takeFromFirst(context: CommandContext, options: { readonly keys: readonly ByteString[]; readonly side: Side; readonly count: number; readonly isWaiting: boolean }): { readonly key: ByteString; readonly items: readonly Scored[] } | undefined {
  const { db } = context;
  for (const key of options.keys) {
    if (options.isWaiting && db.read(key)?.type !== 'zset') continue;
    const entry = db.writable(key, 'zset');
    if (entry !== undefined) return { key, items: take(context, { ...options, key, entry }) };
  }
  return undefined;
}

function pop(side: Side): Run {
  return (context, args) => {
    if (args.length > 2) throw syntaxError();
    const count = args[1] === undefined ? 1 : popCountArgument(args[1]);
    const key = at(args, 0);
    const entry = context.db.writable(key, 'zset');
    if (entry === undefined || count === 0) return [];
    const taken = take(context, { key, entry, side, count });
    return membersReply(taken, true, args.length === 2 ? context.session.protocol : 2);
  };
}

function blockingPop(side: Side): Run {
  return (context, args) => {
    const keys = args.slice(0, -1);
    const attempt = (isWaiting: boolean, ready?: ByteString): Reply | undefined => {
      const taken = takeFromFirst(context, { keys: ready === undefined ? keys : [ready], side, count: 1, isWaiting });
      return taken && [taken.key, ...membersReply(taken.items, true, 2)];
    };
    return tryOrBlock({ keys, timeoutMs: secondsArgument(at(args, args.length - 1)), attempt });
  };
}

/** `numkeys key … MIN|MAX [COUNT count]` from `index` on. */
function multiPopArguments(args: readonly ByteString[], index: number): { readonly keys: readonly ByteString[]; readonly side: Side; readonly count: number } {
  const { keys, next } = countedKeys(args, index);
  if (!isOption(args[next], 'MIN') && !isOption(args[next], 'MAX')) throw syntaxError();
  let count: number | undefined;
  for (let i = next + 1; i < args.length; i += 2) {
    const value = args[i + 1];
    if (count !== undefined || value === undefined || !isOption(args[i], 'COUNT')) throw syntaxError();
    count = countArgument(value, 1, 'count should be greater than 0');
  }
  return { keys, side: isOption(args[next], 'MIN') ? 'min' : 'max', count: count ?? 1 };
}

function multiPop(context: CommandContext, wanted: ReturnType<typeof multiPopArguments>, isWaiting: boolean): Reply | undefined {
  const taken = takeFromFirst(context, { ...wanted, isWaiting });
  return taken && [taken.key, taken.items.map(([member, score]) => [member, new DoubleReply(score)])];
}

const zmpop: Run = (context, args) => multiPop(context, multiPopArguments(args, 0), false) ?? NULL_ARRAY;

const bzmpop: Run = (context, args) => {
  const wanted = multiPopArguments(args, 1);
  const timeoutMs = secondsArgument(at(args, 0));
  return tryOrBlock({ keys: wanted.keys, timeoutMs, attempt: (isWaiting, ready) => multiPop(context, ready === undefined ? wanted : { ...wanted, keys: [ready] }, isWaiting) });
};

const blockingFlags = ['write', 'noscript', 'blocking', 'fast'] as const;

/** ZPOPMIN, ZPOPMAX, ZMPOP and their blocking forms. */
export const zsetPopCommands: readonly CommandSpec[] = [
  { name: 'zpopmin', arity: -2, flags: ['write', 'fast'], keys: [1, 1, 1], run: pop('min') },
  { name: 'zpopmax', arity: -2, flags: ['write', 'fast'], keys: [1, 1, 1], run: pop('max') },
  { name: 'zmpop', arity: -4, flags: ['write', 'movablekeys'], keys: keysCountedAt(0), run: zmpop },
  { name: 'bzpopmin', arity: -3, flags: blockingFlags, keys: [1, -2, 1], run: blockingPop('min') },
  { name: 'bzpopmax', arity: -3, flags: blockingFlags, keys: [1, -2, 1], run: blockingPop('max') },
  { name: 'bzmpop', arity: -5, flags: ['write', 'blocking', 'movablekeys'], keys: keysCountedAt(1), run: bzmpop },
];
