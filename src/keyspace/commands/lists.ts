import type { CommandContext, CommandSpec } from '../command.ts';
import type { ListEntry } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, NULL_ARRAY, OK, syntaxError } from '../reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { arityError, at, isOption, popCountArgument } from './arguments.ts';
import { commit, newList } from './collections.ts';
import { listMoveCommands, takeFromEnd, type End } from './list-moves.ts';
import { listPositions } from './list-positions.ts';

type Run = CommandSpec['run'];

const readList = ({ db }: CommandContext, args: readonly ByteString[]): ListEntry | undefined => db.readTyped(at(args, 0), 'list');

/** Where an index that may count from the end points. */
const resolveIndex = (index: number, length: number): number => (index < 0 ? length + index : index);

/** `start` and `stop` (inclusive) as the bounds of a slice; `from >= to` where it is empty. */
function sliceBounds(start: number, stop: number, length: number): { readonly from: number; readonly to: number } {
  return { from: Math.max(0, resolveIndex(start, length)), to: Math.min(length, resolveIndex(stop, length) + 1) };
}

function push(end: End, options: { readonly onlyExisting: boolean }): Run {
  return ({ db }, args) => {
    const key = at(args, 0);
    const values = args.slice(1);
    const existing = db.writable(key, 'list');
    if (existing === undefined && options.onlyExisting) return 0;
    const entry = existing ?? newList();
    db.noteWrite(key);
    // A few are moved in place; thousands as arguments of one call would be too many for the stack.
    if (end === 'left' && values.length <= 1000) entry.items.unshift(...values.reverse());
    else if (end === 'left') entry.items = [...values.reverse(), ...entry.items];
    else for (const value of values) entry.items.push(value);
    commit(db, key, entry);
    return entry.items.length;
  };
}

function pop(end: End): Run {
  return (context, args) => {
    if (args.length > 2) throw arityError(context.name);
    const count = args[1] === undefined ? undefined : popCountArgument(args[1]);
    const { db } = context;
    const key = at(args, 0);
    const entry = db.writable(key, 'list');
    if (entry === undefined) return count === undefined ? null : NULL_ARRAY;
    if (count === 0) return [];
    const popped = takeFromEnd(context, { key, entry, end, count: count ?? 1 });
    return count === undefined ? popped[0] ?? null : popped;
  };
}

const lrange: Run = (context, args) => {
  const start = numberArgument(at(args, 1));
  const stop = numberArgument(at(args, 2));
  const items = readList(context, args)?.items ?? [];
  const { from, to } = sliceBounds(start, stop, items.length);
  return items.slice(from, Math.max(from, to));
};

const lindex: Run = (context, args) => {
  const entry = readList(context, args);
  if (entry === undefined) return null;
  return entry.items[resolveIndex(numberArgument(at(args, 1)), entry.items.length)] ?? null;
};

const lset: Run = ({ db }, args) => {
  const key = at(args, 0);
  const entry = db.writable(key, 'list');
  if (entry === undefined) throw new CommandError('ERR no such key');
  const index = resolveIndex(numberArgument(at(args, 1)), entry.items.length);
  if (index < 0 || index >= entry.items.length) throw new CommandError('ERR index out of range');
  db.noteWrite(key);
  entry.items[index] = at(args, 2);
  db.changed(key, entry);
  return OK;
};

const linsert: Run = ({ db }, args) => {
  const isAfter = isOption(args[1], 'AFTER');
  if (!isAfter && !isOption(args[1], 'BEFORE')) throw syntaxError();
  const key = at(args, 0);
  const entry = db.writable(key, 'list');
  if (entry === undefined) return 0;
  const pivot = entry.items.indexOf(at(args, 2));
  if (pivot < 0) return -1;
  db.noteWrite(key);
  entry.items.splice(isAfter ? pivot + 1 : pivot, 0, at(args, 3));
  db.changed(key, entry);
  return entry.items.length;
};

const lrem: Run = ({ db }, args) => {
  const count = numberArgument(at(args, 1));
  const key = at(args, 0);
  const entry = db.writable(key, 'list');
  if (entry === undefined) return 0;
  const positions = new Set(listPositions(entry.items, at(args, 2), { fromEnd: count < 0, skip: 0, limit: count === 0 ? Infinity : Math.abs(count), maxCompared: Infinity }));
  db.noteWrite(key);
  if (positions.size === 0) return 0;
  entry.items = entry.items.filter((_, index) => !positions.has(index));
  db.changed(key, entry);
  return positions.size;
};

const ltrim: Run = ({ db }, args) => {
  const start = numberArgument(at(args, 1));
  const stop = numberArgument(at(args, 2));
  const key = at(args, 0);
  const entry = db.writable(key, 'list');
  if (entry === undefined) return OK;
  const { from, to } = sliceBounds(start, stop, entry.items.length);
  db.noteWrite(key);
  entry.items = entry.items.slice(from, Math.max(from, to));
  db.changed(key, entry);
  return OK;
};

const lpos: Run = (context, args) => {
  const { rank, count, maxCompared } = lposOptions(args.slice(2));
  const entry = readList(context, args);
  if (entry === undefined) return count === undefined ? null : [];
  const positions = listPositions(entry.items, at(args, 1), {
    fromEnd: rank < 0, skip: Math.abs(rank) - 1, limit: count === undefined ? 1 : count === 0 ? Infinity : count, maxCompared: maxCompared === 0 ? Infinity : maxCompared,
  });
  return count === undefined ? positions[0] ?? null : positions;
};

function lposOptions(options: readonly ByteString[]): { readonly rank: number; readonly count: number | undefined; readonly maxCompared: number } {
  let rank = 1;
  let count: number | undefined;
  let maxCompared = 0;
  for (let i = 0; i < options.length; i += 2) {
    const value = options[i + 1];
    if (value === undefined) throw syntaxError();
    if (isOption(options[i], 'RANK')) {
      rank = numberArgument(value);
      if (rank === 0) throw new CommandError('ERR RANK can\'t be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list');
    } else if (isOption(options[i], 'COUNT')) {
      count = numberArgument(value, 'ERR COUNT can\'t be negative');
      if (count < 0) throw new CommandError('ERR COUNT can\'t be negative');
    } else if (isOption(options[i], 'MAXLEN')) {
      maxCompared = numberArgument(value, 'ERR MAXLEN can\'t be negative');
      if (maxCompared < 0) throw new CommandError('ERR MAXLEN can\'t be negative');
    } else {
      throw syntaxError();
    }
  }
  return { rank, count, maxCompared };
}

const pushFlags = ['write', 'denyoom', 'fast'] as const;
const key = [1, 1, 1] as const;

/** The list commands of Redis 7.0. */
export const listCommands: readonly CommandSpec[] = [
  { name: 'lpush', arity: -3, flags: pushFlags, keys: key, run: push('left', { onlyExisting: false }) },
  { name: 'rpush', arity: -3, flags: pushFlags, keys: key, run: push('right', { onlyExisting: false }) },
  { name: 'lpushx', arity: -3, flags: pushFlags, keys: key, run: push('left', { onlyExisting: true }) },
  { name: 'rpushx', arity: -3, flags: pushFlags, keys: key, run: push('right', { onlyExisting: true }) },
  { name: 'lpop', arity: -2, flags: ['write', 'fast'], keys: key, run: pop('left') },
  { name: 'rpop', arity: -2, flags: ['write', 'fast'], keys: key, run: pop('right') },
  { name: 'llen', arity: 2, flags: ['readonly', 'fast'], keys: key, run: (context, args) => readList(context, args)?.items.length ?? 0 },
  { name: 'lrange', arity: 4, flags: ['readonly'], keys: key, run: lrange },
  { name: 'lindex', arity: 3, flags: ['readonly'], keys: key, run: lindex },
  { name: 'lset', arity: 4, flags: ['write', 'denyoom'], keys: key, run: lset },
  { name: 'linsert', arity: 5, flags: ['write', 'denyoom'], keys: key, run: linsert },
  { name: 'lrem', arity: 4, flags: ['write'], keys: key, run: lrem },
  { name: 'ltrim', arity: 4, flags: ['write'], keys: key, run: ltrim },
  { name: 'lpos', arity: -3, flags: ['readonly'], keys: key, run: lpos },
  ...listMoveCommands,
];
