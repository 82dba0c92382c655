import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { HashEntry } from '../entry.ts';
import { inHintedOrder, nextHint } from '../hints.ts';
import { int64Argument, integerReply, maxInt64, minInt64, parseInt64 } from '../integers.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../long-double.ts';
import { CommandError, MapReply, notAFloat, OK, syntaxError, type Reply } from '../reply.ts';
import { arityError, assertPairCount, at, isOption, signedCountArgument } from './arguments.ts';
import { cursorArgument, emptyScan, scanCollection } from './collection-scan.ts';
import { commit, newHash } from './collections.ts';
import { chooseDistinct, chooseRepeating, evenItems } from './random-choice.ts';

type Run = CommandSpec['run'];

const readHash = ({ db }: CommandContext, args: readonly ByteString[]): HashEntry | undefined => db.readTyped(at(args, 0), 'hash');

/** Sets field and value pairs; returns how many fields are new. */
function setPairs(context: CommandContext, args: readonly ByteString[]): number {
  if (args.length % 2 === 0) throw arityError(context.name);
  const { db } = context;
  const key = at(args, 0);
  const entry = db.writable(key, 'hash') ?? newHash();
  const sizeBefore = entry.fields.size;
  for (let i = 1; i < args.length; i += 2) {
    db.noteWrite(key, at(args, i));
    entry.fields.set(at(args, i), at(args, i + 1));
  }
  commit(db, key, entry);
  return entry.fields.size - sizeBefore;
}

const hset: Run = (context, args) => setPairs(context, args);

const hmset: Run = (context, args) => {
  setPairs(context, args);
  return OK;
};

const hsetnx: Run = (context, args) => (readHash(context, args)?.fields.has(at(args, 1)) === true ? 0 : setPairs(context, args));

const hget: Run = (context, args) => readHash(context, args)?.fields.get(at(args, 1)) ?? null;

const hmget: Run = (context, args) => {
  const entry = readHash(context, args);
  return args.slice(1).map((field) => entry?.fields.get(field) ?? null);
};

const hdel: Run = (context, args) => {
  const { db } = context;
  const key = at(args, 0);
  const entry = db.writable(key, 'hash');
  if (entry === undefined) return 0;
  const sizeBefore = entry.fields.size;
  for (const field of args.slice(1)) {
    db.noteWrite(key, field);
    entry.fields.delete(field);
  }
  if (entry.fields.size < sizeBefore) db.changed(key, entry);
  return sizeBefore - entry.fields.size;
};

/** Field names in the order the recorded reply had them, else in order of insertion. */
function listedFields(context: CommandContext, args: readonly ByteString[], withValues: boolean): { readonly fields: readonly ByteString[]; readonly entry: HashEntry | undefined } {
  const hint = nextHint(context, args);
  const entry = readHash(context, args);
  if (entry === undefined) return { fields: [], entry };
  return { fields: inHintedOrder(withValues ? evenItems(hint) : hint, [...entry.fields.keys()]), entry };
}

const hgetall: Run = (context, args) => {
  const { fields, entry } = listedFields(context, args, true);
  return new MapReply(fields.flatMap((field) => [field, entry?.fields.get(field) ?? '']));
};

const hkeys: Run = (context, args) => listedFields(context, args, false).fields;

const hvals: Run = (context, args) => {
  const hint = nextHint(context, args);
  const entry = readHash(context, args);
  return entry === undefined ? [] : inHintedMultisetOrder(hint, [...entry.fields.values()]);
};

/** As inHintedOrder, for values, which may repeat. */
function inHintedMultisetOrder(hint: readonly ByteString[] | undefined, values: readonly ByteString[]): readonly ByteString[] {
  if (hint === undefined) return values;
  const left = new Map<ByteString, number>();
  for (const value of values) left.set(value, (left.get(value) ?? 0) + 1);
  const take = (value: ByteString): boolean => {
    const count = left.get(value) ?? 0;
    left.set(value, count - 1);
    return count > 0;
  };
  return [...hint.filter(take), ...values.filter(take)];
}

const hincrby: Run = (context, args) => {
  const { db } = context;
  const increment = int64Argument(at(args, 2));
  const key = at(args, 0);
  const field = at(args, 1);
  const current = parseInt64(db.readTyped(key, 'hash')?.fields.get(field) ?? '0');
  if (current === undefined) throw new CommandError('ERR hash value is not an integer');
  const sum = current + increment;
  if (sum < minInt64 || sum > maxInt64) throw new CommandError('ERR increment or decrement would overflow');
  setPairs(context, [key, field, String(sum)]);
  return integerReply(sum);
};

const hincrbyfloat: Run = (context, args) => {
  const { db } = context;
  const increment = parseLongDouble(at(args, 2));
  if (increment === undefined) throw notAFloat();
  if ('infinite' in increment) throw new CommandError('ERR value is NaN or Infinity');
  const key = at(args, 0);
  const field = at(args, 1);
  const current = parseLongDouble(db.readTyped(key, 'hash')?.fields.get(field) ?? '0');
  if (current === undefined) throw new CommandError('ERR hash value is not a float');
  const sum = addLongDoubles(current, increment);
  if (sum === undefined) throw new CommandError('ERR increment would produce NaN or Infinity');
  const text = formatLongDouble(sum);
  setPairs(context, [key, field, text]);
  return text;
};

const hrandfield: Run = (context, args) => {
  const { random } = context.keyspace.options;
  const outcome = nextHint(context, args);
  if (args.length === 1) {
    const entry = readHash(context, args);
    return entry === undefined ? null : chooseRepeating({ members: [...entry.fields.keys()], count: 1, hint: outcome, random })[0] ?? null;
  }
  const count = signedCountArgument(at(args, 1));
  const withValues = args.length > 2;
  if (withValues && (args.length > 3 || !isOption(args[2], 'WITHVALUES'))) throw syntaxError();
  if (withValues) assertPairCount(count);
  const entry = readHash(context, args);
  if (entry === undefined) return [];
  const hint = withValues ? evenItems(outcome) : outcome;
  const members = [...entry.fields.keys()];
  const chosen = count < 0 ? chooseRepeating({ members, count: -count, hint, random })
    : count >= members.length ? inHintedOrder(hint, members) : chooseDistinct({ members, count, hint, random });
  if (!withValues) return chosen;
  const pairs = chosen.map((field): readonly [ByteString, Reply] => [field, entry.fields.get(field) ?? null]);
  return context.session.protocol === 3 ? pairs : pairs.flat();
};

const hscan: Run = (context, args) => {
  const hint = nextHint(context, args);
  const cursor = cursorArgument(at(args, 1));
  const entry = readHash(context, args);
  if (entry === undefined) return emptyScan;
  const names = inHintedOrder(evenItems(hint), [...entry.fields.keys()]);
  return scanCollection({ names, cursor, options: args.slice(2), itemsOf: (field) => [field, entry.fields.get(field) ?? ''] });
};

const write = ['write', 'denyoom', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;
const key = [1, 1, 1] as const;

/** The hash commands of Redis 7.0. */
export const hashCommands: readonly CommandSpec[] = [
  { name: 'hset', arity: -4, flags: write, keys: key, run: hset },
  { name: 'hmset', arity: -4, flags: write, keys: key, run: hmset },
  { name: 'hsetnx', arity: 4, flags: write, keys: key, run: hsetnx },
  { name: 'hget', arity: 3, flags: fastRead, keys: key, run: hget },
  { name: 'hmget', arity: -3, flags: fastRead, keys: key, run: hmget },
  { name: 'hgetall', arity: 2, flags: ['readonly'], keys: key, run: hgetall },
  { name: 'hdel', arity: -3, flags: ['write', 'fast'], keys: key, run: hdel },
  { name: 'hexists', arity: 3, flags: fastRead, keys: key, run: (context, args) => (readHash(context, args)?.fields.has(at(args, 1)) === true ? 1 : 0) },
  { name: 'hlen', arity: 2, flags: fastRead, keys: key, run: (context, args) => readHash(context, args)?.fields.size ?? 0 },
  { name: 'hkeys', arity: 2, flags: ['readonly'], keys: key, run: hkeys },
  { name: 'hvals', arity: 2, flags: ['readonly'], keys: key, run: hvals },
  { name: 'hstrlen', arity: 3, flags: fastRead, keys: key, run: (context, args) => readHash(context, args)?.fields.get(at(args, 1))?.length ?? 0 },
  { name: 'hincrby', arity: 4, flags: write, keys: key, run: hincrby },
  { name: 'hincrbyfloat', arity: 4, flags: write, keys: key, run: hincrbyfloat },
  { name: 'hrandfield', arity: -2, flags: ['readonly', 'random'], keys: key, run: hrandfield },
  { name: 'hscan', arity: -3, flags: ['readonly', 'random'], keys: key, run: hscan },
];
