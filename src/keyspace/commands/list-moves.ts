/** Pops and moves between lists, with and without waiting. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { ListEntry } from '../entry.ts';
import { NULL_ARRAY, syntaxError, type Reply } from '../reply.ts';
import { at, countArgument, countedKeys, isOption, keysCountedAt } from './arguments.ts';
import { secondsArgument, tryOrBlock } from './blocking.ts';
import { commit, newList } from './collections.ts';

type Run = CommandSpec['run'];
/** An end of a list: left is the head. */
export type End = 'left' | 'right';

/** Removes up to `count` items from one end, the outermost first. */
export function takeFromEnd({ db }: CommandContext, options: { readonly key: ByteString; readonly entry: ListEntry; readonly end: End; readonly count: number }): ByteString[] {
  const { key, entry, end, count } = options;
  db.noteWrite(key);
  const { items } = entry;
  const taken = end === 'left' ? items.splice(0, count) : items.splice(Math.max(0, items.length - count)).reverse();
  db.changed(key, entry);
  return taken;
}

function endArgument(text: ByteString | undefined): End {
  if (isOption(text, 'LEFT')) return 'left';
  if (isOption(text, 'RIGHT')) return 'right';
  throw syntaxError();
}

/** Takes from the first of the lists that exists; while waiting, keys of another type are passed over. */
function takeFromFirst(context: CommandContext, options: { readonly keys: readonly ByteString[]; readonly end: End; readonly count: number; readonly isWaiting: boolean }): { readonly key: ByteString; readonly items: ByteString[] } | undefined {
  const { db } = context;
  for (const key of options.keys) {
    if (options.isWaiting && db.read(key)?.type !== 'list') continue;
    const entry = db.writable(key, 'list');
    if (entry !== undefined) return { key, items: takeFromEnd(context, { ...options, key, entry }) };
  }
  return undefined;
}

interface Move {
  readonly source: ByteString;
  readonly destination: ByteString;
  readonly from: End;
  readonly to: End;
}

/** Moves one item; undefined where the source does not exist. */
function move(context: CommandContext, { source, destination, from, to }: Move): ByteString | undefined {
  const { db } = context;
  const sourceEntry = db.writable(source, 'list');
  if (sourceEntry === undefined) return undefined;
  const target = source === destination ? sourceEntry : db.writable(destination, 'list');
  db.noteWrite(source);
  const item = (from === 'left' ? sourceEntry.items.shift() : sourceEntry.items.pop()) ?? '';
  db.noteWrite(destination);
  const targetEntry = target ?? newList();
  if (to === 'left') targetEntry.items.unshift(item);
  else targetEntry.items.push(item);
  commit(db, destination, targetEntry);
  if (sourceEntry !== targetEntry) db.changed(source, sourceEntry);
  return item;
}

function moveOrBlock(context: CommandContext, wanted: Move, timeoutMs: number): ReturnType<Run> {
  const attempt = (isWaiting: boolean): Reply | undefined => {
    if (isWaiting && context.db.read(wanted.source)?.type !== 'list') return undefined;
    return move(context, wanted);
  };
  return tryOrBlock({ keys: [wanted.source], timeoutMs, attempt, inTransaction: null });
}

const lmove: Run = (context, args) => move(context, { source: at(args, 0), destination: at(args, 1), from: endArgument(args[2]), to: endArgument(args[3]) }) ?? null;

const rpoplpush: Run = (context, args) => move(context, { source: at(args, 0), destination: at(args, 1), from: 'right', to: 'left' }) ?? null;

const blmove: Run = (context, args) => {
  const wanted: Move = { source: at(args, 0), destination: at(args, 1), from: endArgument(args[2]), to: endArgument(args[3]) };
  return moveOrBlock(context, wanted, secondsArgument(at(args, 4)));
};

const brpoplpush: Run = (context, args) => moveOrBlock(context, { source: at(args, 0), destination: at(args, 1), from: 'right', to: 'left' }, secondsArgument(at(args, 2)));

function blockingPop(end: End): Run {
  return (context, args) => {
    const keys = args.slice(0, -1);
    const attempt = (isWaiting: boolean, ready?: ByteString): Reply | undefined => {
      const taken = takeFromFirst(context, { keys: ready === undefined ? keys : [ready], end, count: 1, isWaiting });
      return taken && [taken.key, ...taken.items];
    };
    return tryOrBlock({ keys, timeoutMs: secondsArgument(at(args, args.length - 1)), attempt });
  };
}

/** `numkeys key … LEFT|RIGHT [COUNT count]` from `index` on. */
function multiPopArguments(args: readonly ByteString[], index: number): { readonly keys: readonly ByteString[]; readonly end: End; readonly count: number } {
  const { keys, next } = countedKeys(args, index);
  const end = endArgument(args[next]);
  let count: number | undefined;
  for (let i = next + 1; i < args.length; i += 2) {
    const value = args[i + 1];
    if (count !== undefined || value === undefined || !isOption(args[i], 'COUNT')) throw syntaxError();
    count = countArgument(value, 1, 'count should be greater than 0');
  }
  return { keys, end, count: count ?? 1 };
}

const lmpop: Run = (context, args) => {
  const taken = takeFromFirst(context, { ...multiPopArguments(args, 0), isWaiting: false });
  return taken === undefined ? NULL_ARRAY : [taken.key, taken.items];
};

const blmpop: Run = (context, args) => {
  const wanted = multiPopArguments(args, 1);
  const timeoutMs = secondsArgument(at(args, 0));
  const attempt = (isWaiting: boolean, ready?: ByteString): Reply | undefined => {
    const taken = takeFromFirst(context, { ...wanted, keys: ready === undefined ? wanted.keys : [ready], isWaiting });
    return taken && [taken.key, taken.items];
  };
  return tryOrBlock({ keys: wanted.keys, timeoutMs, attempt });
};

/** LMOVE, LMPOP and their blocking forms. */
export const listMoveCommands: readonly CommandSpec[] = [
  { name: 'lmove', arity: 5, flags: ['write', 'denyoom'], keys: [1, 2, 1], run: lmove },
  { name: 'rpoplpush', arity: 3, flags: ['write', 'denyoom'], keys: [1, 2, 1], run: rpoplpush },
  { name: 'lmpop', arity: -4, flags: ['write', 'movablekeys'], keys: keysCountedAt(0), run: lmpop },
  { name: 'blpop', arity: -3, flags: ['write', 'noscript', 'blocking'], keys: [1, -2, 1], run: blockingPop('left') },
  { name: 'brpop', arity: -3, flags: ['write', 'noscript', 'blocking'], keys: [1, -2, 1], run: blockingPop('right') },
  { name: 'blmove', arity: 6, flags: ['write', 'denyoom', 'noscript', 'blocking'], keys: [1, 2, 1], run: blmove },
  { name: 'brpoplpush', arity: 4, flags: ['write', 'denyoom', 'noscript', 'blocking'], keys: [1, 2, 1], run: brpoplpush },
  { name: 'blmpop', arity: -5, flags: ['write', 'blocking', 'movablekeys'], keys: keysCountedAt(1), run: blmpop },
];
