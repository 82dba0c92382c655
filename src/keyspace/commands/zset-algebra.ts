/** Union, intersection and difference of sorted sets; plain sets take part with a score of 1. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { ZsetEntry } from '../entry.ts';
import { sortedMembers } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError, wrongType } from '../reply.ts';
import { at, destinationAndCountedKeys, floatArgument, isOption, keysCountedAt } from './arguments.ts';
import { newZset, store } from './collections.ts';
import { limitOption } from './set-algebra.ts';
import { membersReply, setScores, type Scored } from './zset-entry.ts';

type Run = CommandSpec['run'];
type Operation = 'union' | 'inter' | 'diff';
type Aggregate = (a: number, b: number) => number;

interface Source {
  readonly scores: ReadonlyMap<ByteString, number>;
  readonly weight: number;
}

interface AlgebraOptions {
  readonly weights: readonly number[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
}

// inf + -inf and 0 × inf are no numbers; Redis takes 0 for them.
const orZero = (value: number): number => (Number.isNaN(value) ? 0 : value);
const sum: Aggregate = (a, b) => orZero(a + b);
const least: Aggregate = (a, b) => (b < a ? b : a);
const greatest: Aggregate = (a, b) => (b > a ? b : a);

/** `numkeys key …` from `index` on, with the keys' scores and the arguments after them. */
function readSources({ db, name }: CommandContext, args: readonly ByteString[], index: number): { readonly sources: readonly ReadonlyMap<ByteString, number>[]; readonly rest: readonly ByteString[] } {
  const count = numberArgument(at(args, index));
  if (count < 1) throw new CommandError(`ERR at least 1 input key is needed for '${name.toLowerCase()}' command`);
  const end = index + 1 + count;
  if (end > args.length) throw syntaxError();
  const sources = args.slice(index + 1, end).map((key) => {
    const entry = db.read(key);
    if (entry === undefined) return new Map<ByteString, number>();
    if (entry.type === 'zset') return entry.scores;
    if (entry.type === 'set') return new Map([...entry.members].map((member) => [member, 1]));
    throw wrongType();
  });
  return { sources, rest: args.slice(end) };
}

function parseOptions(args: readonly ByteString[], allowed: { readonly keyCount: number; readonly combines: boolean; readonly scores: boolean }): AlgebraOptions {
  let weights: readonly number[] = [];
  let aggregate = sum;
  let withScores = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const left = args.length - i - 1;
    if (allowed.combines && left >= allowed.keyCount && isOption(arg, 'WEIGHTS')) {
      weights = args.slice(i + 1, i + 1 + allowed.keyCount).map((text) => floatArgument(text, () => new CommandError('ERR weight value is not a float')));
      i += allowed.keyCount;
    } else if (allowed.combines && left >= 1 && isOption(arg, 'AGGREGATE')) {
      aggregate = aggregateArgument(args[++i]);
    } else if (allowed.scores && isOption(arg, 'WITHSCORES')) {
      withScores = true;
    } else {
      throw syntaxError();
    }
  }
  return { weights, aggregate, withScores };
}

function aggregateArgument(arg: ByteString | undefined): Aggregate {
  if (isOption(arg, 'SUM')) return sum;
  if (isOption(arg, 'MIN')) return least;
  if (isOption(arg, 'MAX')) return greatest;
  throw syntaxError();
}

/** Scores are added from the smallest set to the largest, as Redis does: the order shows in the last digits. */
function bySize(sources: readonly ReadonlyMap<ByteString, number>[], weights: readonly number[]): Source[] {
  return sources.map((scores, index) => ({ scores, weight: weights[index] ?? 1 })).sort((a, b) => a.scores.size - b.scores.size);
}

function union(sources: readonly Source[], aggregate: Aggregate): Scored[] {
  const result = new Map<ByteString, number>();
  for (const { scores, weight } of sources) {
    for (const [member, score] of scores) {
      const weighted = orZero(score * weight);
      const current = result.get(member);
      result.set(member, current === undefined ? weighted : aggregate(current, weighted));
    }
  }
  return [...result];
}

function intersection([smallest, ...others]: readonly Source[], aggregate: Aggregate): Scored[] {
  const result: Scored[] = [];
  for (const [member, score] of smallest?.scores ?? []) {
    if (!others.every((other) => other.scores.has(member))) continue;
    const total = others.reduce((value, other) => aggregate(value, (other.scores.get(member) ?? 0) * other.weight), orZero(score * (smallest?.weight ?? 1)));
    result.push([member, total]);
  }
  return result;
}

function compute(context: CommandContext, args: readonly ByteString[], form: { readonly operation: Operation; readonly index: number }): { readonly entry: ZsetEntry; readonly withScores: boolean } {
  const { sources, rest } = readSources(context, args, form.index);
  const { operation } = form;
  const { weights, aggregate, withScores } = parseOptions(rest, { keyCount: sources.length, combines: operation !== 'diff', scores: form.index === 0 });
  const entry = newZset();
  if (operation === 'diff') {
    const [first, ...others] = sources;
    setScores(entry, [...first ?? []].filter(([member]) => !others.some((other) => other.has(member))));
  } else {
    setScores(entry, (operation === 'union' ? union : intersection)(bySize(sources, weights), aggregate));
  }
  return { entry, withScores };
}

function answer(operation: Operation): Run {
  return (context, args) => {
    const { entry, withScores } = compute(context, args, { operation, index: 0 });
    return membersReply(sortedMembers(entry), withScores, context.session.protocol);
  };
}

function storing(operation: Operation): Run {
  return (context, args) => store(context.db, at(args, 0), compute(context, args, { operation, index: 1 }).entry);
}

const zintercard: Run = (context, args) => {
  const { sources, rest } = readSources(context, args, 0);
  const limit = limitOption(rest);
  const size = intersection(bySize(sources, []), sum).length;
  return limit === 0 ? size : Math.min(limit, size);
};

const readFlags = ['readonly', 'movablekeys'] as const;
const storeFlags = ['write', 'denyoom', 'movablekeys'] as const;

/** ZUNION, ZINTER, ZDIFF, their storing forms, and ZINTERCARD. */
export const zsetAlgebraCommands: readonly CommandSpec[] = [
  { name: 'zunion', arity: -3, flags: readFlags, keys: keysCountedAt(0), run: answer('union') },
  { name: 'zinter', arity: -3, flags: readFlags, keys: keysCountedAt(0), run: answer('inter') },
  { name: 'zdiff', arity: -3, flags: readFlags, keys: keysCountedAt(0), run: answer('diff') },
  { name: 'zunionstore', arity: -4, flags: storeFlags, keys: destinationAndCountedKeys, run: storing('union') },
  { name: 'zinterstore', arity: -4, flags: storeFlags, keys: destinationAndCountedKeys, run: storing('inter') },
  { name: 'zdiffstore', arity: -4, flags: storeFlags, keys: destinationAndCountedKeys, run: storing('diff') },
  { name: 'zintercard', arity: -3, flags: readFlags, keys: keysCountedAt(0), run: zintercard },
];
