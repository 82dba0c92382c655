import type { ByteString } from '../../lib/bytes.ts';
import { assignString } from '../assign.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { ExpiryChange } from '../database.ts';
import { expiresAt, expiryArgument, isExpiryUnit, type ExpiryUnit } from '../expiry-arguments.ts';
import { integerReply, int64Argument, maxInt64, minInt64, numberArgument } from '../integers.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../long-double.ts';
import { CommandError, notAFloat, OK, syntaxError, type Reply } from '../reply.ts';
import { arityError, at } from './arguments.ts';
import { lcs } from './longest-common-subsequence.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

/** Redis' proto-max-bulk-len by default: no string may grow above it. */
export const maxStringLength: number = 512 * 1024 * 1024;

const tooLong = (): CommandError => new CommandError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');

/** The value of a string for reading; undefined where there is none. Throws WRONGTYPE. */
export function readString({ db }: CommandContext, key: ByteString): ByteString | undefined {
  return db.readTyped(key, 'string')?.value;
}

/** Sets the value and leaves the expiry, as commands do that change a string rather than replace it. */
export function changeString({ db }: CommandContext, key: ByteString, value: ByteString): void {
  assignString(db, key, value, 'keep');
}

const get: Run = (context, [key = '']) => readString(context, key) ?? null;

interface SetOptions {
  readonly condition: 'NX' | 'XX' | undefined;
  readonly get: boolean;
  readonly keepTtl: boolean;
  readonly persist: boolean;
  readonly expiry: { readonly unit: ExpiryUnit; readonly text: ByteString } | undefined;
}

/** The options of SET and GETEX, in any order; those of the other one are a syntax error. The same option again replaces the first. */
function setOptions(args: readonly ByteString[], command: 'SET' | 'GETEX'): SetOptions {
  const isSet = command === 'SET';
  const found: { -readonly [K in keyof SetOptions]: SetOptions[K] } = { condition: undefined, get: false, keepTtl: false, persist: false, expiry: undefined };
  for (let i = 0; i < args.length; i++) {
    const word = at(args, i).toUpperCase();
    const isOtherTime = found.keepTtl || found.persist || (found.expiry !== undefined && found.expiry.unit !== word);
    const next = args[i + 1];
    if (isSet && (word === 'NX' || word === 'XX') && (found.condition ?? word) === word) found.condition = word;
    else if (isSet && word === 'GET') found.get = true;
    else if (isSet && word === 'KEEPTTL' && found.expiry === undefined) found.keepTtl = true;
    else if (!isSet && word === 'PERSIST' && found.expiry === undefined) found.persist = true;
    else if (isExpiryUnit(word) && !isOtherTime && next !== undefined) {
      found.expiry = { unit: word, text: next };
      i++;
    } else throw syntaxError();
  }
  return found;
}

const set: Run = (context, [key = '', value = '', ...rest]) => {
  const { db, now } = context;
  const options = setOptions(rest, 'SET');
  const expiry = options.expiry === undefined ? undefined : expiryArgument({ ...options.expiry, command: 'set', now, positive: true });
  const old = options.get ? readString(context, key) ?? null : null;
  if (options.condition !== undefined) {
    const exists = db.read(key) !== undefined;
    if (exists !== (options.condition === 'XX')) return old;
  }
  assignString(db, key, value, options.keepTtl ? 'keep' : expiry);
  return options.get ? old : OK;
};

const setnx: Run = ({ db }, [key = '', value = '']) => {
  if (db.read(key) !== undefined) return 0;
  assignString(db, key, value);
  return 1;
};

function setWithExpiry(unit: ExpiryUnit, command: string): Run {
  return ({ db, now }, [key = '', time = '', value = '']) => {
    assignString(db, key, value, expiryArgument({ text: time, unit, command, now, positive: true }));
    return OK;
  };
}

const mset: Run = (context, args) => {
  if (args.length % 2 !== 0) throw arityError(context.name);
  for (let i = 0; i < args.length; i += 2) assignString(context.db, at(args, i), at(args, i + 1));
  return OK;
};

const msetnx: Run = (context, args) => {
  if (args.length % 2 !== 0) throw arityError(context.name);
  for (let i = 0; i < args.length; i += 2) if (context.db.read(at(args, i)) !== undefined) return 0;
  mset(context, args);
  return 1;
};

const mget: Run = ({ db }, keys) => keys.map((key) => {
  const entry = db.read(key);
  return entry?.type === 'string' ? entry.value : null;
});

const getset: Run = (context, [key = '', value = '']) => {
  const old = readString(context, key) ?? null;
  assignString(context.db, key, value);
  return old;
};

const getdel: Run = (context, [key = '']) => {
  const old = readString(context, key);
  if (old === undefined) return null;
  context.db.delete(key);
  return old;
};

const getex: Run = (context, [key = '', ...rest]) => {
  const { db, now } = context;
  const options = setOptions(rest, 'GETEX');
  const value = readString(context, key);
  if (value === undefined) return null;
  if (options.expiry !== undefined) applyExpiry(context, key, expiryArgument({ ...options.expiry, command: 'getex', now, positive: true }));
  else if (options.persist && db.peek(key)?.expiresAtMs !== null) db.expire(key, { kind: 'cleared' });
  return value;
};

/** Sets an expiry on an existing key; one that is due already deletes it, which is then all that happens to it. */
export function applyExpiry({ db, now }: CommandContext, key: ByteString, change: ExpiryChange & { readonly kind: 'relative' | 'absolute' }): void {
  if (expiresAt(change, now) <= now) db.delete(key);
  else db.expire(key, change);
}

const append: Run = (context, [key = '', suffix = '']) => {
  const old = readString(context, key) ?? '';
  if (old.length + suffix.length > maxStringLength) throw tooLong();
  changeString(context, key, old + suffix);
  return old.length + suffix.length;
};

const strlen: Run = (context, [key = '']) => readString(context, key)?.length ?? 0;

function increment(context: CommandContext, key: ByteString, by: bigint): Reply {
  const text = readString(context, key);
  const old = text === undefined ? 0n : int64Argument(text);
  const value = old + by;
  if (value > maxInt64 || value < minInt64) throw new CommandError('ERR increment or decrement would overflow');
  changeString(context, key, String(value));
  return integerReply(value);
}

const decrby: Run = (context, [key = '', text = '']) => {
  const by = int64Argument(text);
  if (by === minInt64) throw new CommandError('ERR decrement would overflow');
  return increment(context, key, -by);
};

const incrbyfloat: Run = (context, [key = '', text = '']) => {
  const old = parseLongDouble(readString(context, key) ?? '0');
  const by = parseLongDouble(text);
  if (old === undefined || by === undefined) throw notAFloat();
  const sum = addLongDoubles(old, by);
  if (sum === undefined) throw new CommandError('ERR increment would produce NaN or Infinity');
  const value = formatLongDouble(sum);
  changeString(context, key, value);
  return value;
};

const getrange: Run = (context, [key = '', startText = '', endText = '']) => {
  let start = numberArgument(startText);
  let end = numberArgument(endText);
  const value = readString(context, key) ?? '';
  if (start < 0 && end < 0 && start > end) return '';
  if (start < 0) start = Math.max(0, value.length + start);
  if (end < 0) end = Math.max(0, value.length + end);
  return start > end ? '' : value.slice(start, end + 1);
};

const setrange: Run = (context, [key = '', offsetText = '', patch = '']) => {
  const offset = numberArgument(offsetText);
  if (offset < 0) throw new CommandError('ERR offset is out of range');
  const value = readString(context, key) ?? '';
  if (patch === '') return value.length;
  if (offset + patch.length > maxStringLength) throw tooLong();
  changeString(context, key, value.slice(0, offset).padEnd(offset, '\0') + patch + value.slice(offset + patch.length));
  return Math.max(value.length, offset + patch.length);
};

const write = ['write', 'denyoom'] as const;
const fastWrite = ['write', 'denyoom', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;
const key = [1, 1, 1] as const;

/** GET, SET and all other commands on plain strings. */
export const stringCommands: readonly CommandSpec[] = [
  { name: 'get', arity: 2, flags: fastRead, keys: key, run: get },
  { name: 'set', arity: -3, flags: write, keys: key, run: set },
  { name: 'setnx', arity: 3, flags: fastWrite, keys: key, run: setnx },
  { name: 'setex', arity: 4, flags: write, keys: key, run: setWithExpiry('EX', 'setex') },
  { name: 'psetex', arity: 4, flags: write, keys: key, run: setWithExpiry('PX', 'psetex') },
  { name: 'mset', arity: -3, flags: write, keys: [1, -1, 2], run: mset },
  { name: 'msetnx', arity: -3, flags: write, keys: [1, -1, 2], run: msetnx },
  { name: 'mget', arity: -2, flags: fastRead, keys: [1, -1, 1], run: mget },
  { name: 'getset', arity: 3, flags: fastWrite, keys: key, run: getset },
  { name: 'getdel', arity: 2, flags: ['write', 'fast'], keys: key, run: getdel },
  { name: 'getex', arity: -2, flags: ['write', 'fast'], keys: key, run: getex },
  { name: 'append', arity: 3, flags: fastWrite, keys: key, run: append },
  { name: 'strlen', arity: 2, flags: fastRead, keys: key, run: strlen },
  { name: 'incr', arity: 2, flags: fastWrite, keys: key, run: (context, [name = '']) => increment(context, name, 1n) },
  { name: 'decr', arity: 2, flags: fastWrite, keys: key, run: (context, [name = '']) => increment(context, name, -1n) },
  { name: 'incrby', arity: 3, flags: fastWrite, keys: key, run: (context, [name = '', by = '']) => increment(context, name, int64Argument(by)) },
  { name: 'decrby', arity: 3, flags: fastWrite, keys: key, run: decrby },
  { name: 'incrbyfloat', arity: 3, flags: fastWrite, keys: key, run: incrbyfloat },
  { name: 'getrange', arity: 4, flags: ['readonly'], keys: key, run: getrange },
  { name: 'substr', arity: 4, flags: ['readonly'], keys: key, run: getrange },
  { name: 'setrange', arity: 4, flags: write, keys: key, run: setrange },
  { name: 'lcs', arity: -3, flags: ['readonly'], keys: [1, 2, 1], run: lcs },
];
