import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { sortedMembers, type ZsetEntry } from '../entry.ts';
import { inHintedOrder, nextHint } from '../hints.ts';
import { CommandError, DoubleReply, syntaxError, type Reply } from '../reply.ts';
import { assertPairCount, at, floatArgument, isOption, signedCountArgument } from './arguments.ts';
import { cursorArgument, emptyScan, scanCollection } from './collection-scan.ts';
import { commit, newZset } from './collections.ts';
import { formatDouble } from '../float.ts';
import { chooseDistinct, chooseRepeating, evenItems } from './random-choice.ts';
import { zsetAlgebraCommands } from './zset-algebra.ts';
import { membersReply, rankOf, removeMembers, setScores, type Scored } from './zset-entry.ts';
import { zsetPopCommands } from './zset-pops.ts';
import { zsetRangeCommands } from './zset-range-commands.ts';

type Run = CommandSpec['run'];

interface AddOptions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
  ch: boolean;
  incr: boolean;
}

const readZset = ({ db }: CommandContext, args: readonly ByteString[]): ZsetEntry | undefined => db.readTyped(at(args, 0), 'zset');

const scoreReply = (score: number | undefined): Reply => (score === undefined ? null : new DoubleReply(score));

/** The options of ZADD from index 1 on, and where its scores begin. */
function addOptions(args: readonly ByteString[]): { readonly options: AddOptions; readonly next: number } {
  const options: AddOptions = { nx: false, xx: false, gt: false, lt: false, ch: false, incr: false };
  let next = 1;
  for (; next < args.length; next++) {
    const name = at(args, next).toLowerCase();
    if (!(name in options)) break;
    options[name as keyof AddOptions] = true;
  }
  return { options, next };
}

function assertCompatible({ nx, xx, gt, lt, incr }: AddOptions, pairs: number): void {
  if (nx && xx) throw new CommandError('ERR XX and NX options at the same time are not compatible');
  if ((gt && nx) || (lt && nx) || (gt && lt)) throw new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
  if (incr && pairs > 1) throw new CommandError('ERR INCR option supports a single increment-element pair');
}

const zadd: Run = (context, args) => {
  const { options, next } = addOptions(args);
  const texts = args.slice(next);
  if (texts.length === 0 || texts.length % 2 !== 0) throw syntaxError();
  assertCompatible(options, texts.length / 2);
  const pairs: Scored[] = [];
  for (let i = 0; i < texts.length; i += 2) pairs.push([at(texts, i + 1), floatArgument(at(texts, i))]);
  return add(context, { key: at(args, 0), pairs, options });
};

const zincrby: Run = (context, args) => {
  const options: AddOptions = { nx: false, xx: false, gt: false, lt: false, ch: false, incr: true };
  return add(context, { key: at(args, 0), pairs: [[at(args, 2), floatArgument(at(args, 1))]], options });
};

function add({ db }: CommandContext, request: { readonly key: ByteString; readonly pairs: readonly Scored[]; readonly options: AddOptions }): Reply {
  const { key, pairs, options } = request;
  const existing = db.writable(key, 'zset');
  if (existing === undefined && options.xx) return options.incr ? null : 0;
  const entry = existing ?? newZset();
  if (pairs.length > 8) entry.sorted = null;
  let added = 0;
  let updated = 0;
  let result: number | undefined;
  for (const [member, given] of pairs) {
    const current = entry.scores.get(member);
    const score = wantedScore(current, given, options);
    if (score === undefined) continue;
    db.noteWrite(key, member);
    if (current === undefined) added++;
    else if (current !== score) updated++;
    // Redis' compact encoding keeps no sign of zero; the reply of INCR still has it.
    setScores(entry, [[member, score + 0]]);
    result = score;
  }
  if (added + updated > 0) commit(db, key, entry);
  if (options.incr) return scoreReply(result);
  return options.ch ? added + updated : added;
}

/** The score a member gets; undefined where the options leave it as it is. */
function wantedScore(current: number | undefined, given: number, { nx, xx, gt, lt, incr }: AddOptions): number | undefined {
  if (current === undefined) return xx ? undefined : given;
  if (nx) return undefined;
  const score = incr ? current + given : given;
  if (Number.isNaN(score)) throw new CommandError('ERR resulting score is not a number (NaN)');
  if ((gt && score <= current) || (lt && score >= current)) return undefined;
  return score;
}

const zrem: Run = ({ db }, args) => {
  const key = at(args, 0);
  const entry = db.writable(key, 'zset');
  if (entry === undefined) return 0;
  const present = new Map<ByteString, number>();
  for (const member of args.slice(1)) {
    const score = entry.scores.get(member);
    if (score === undefined) db.noteWrite(key, member);
    else present.set(member, score);
  }
  removeMembers(db, key, entry, [...present]);
  return present.size;
};

const zmscore: Run = (context, args) => {
  const entry = readZset(context, args);
  return args.slice(1).map((member) => scoreReply(entry?.scores.get(member)));
};

function rank(reverse: boolean): Run {
  return (context, args) => {
    const entry = readZset(context, args);
    const member = at(args, 1);
    const score = entry?.scores.get(member);
    if (entry === undefined || score === undefined) return null;
    const position = rankOf(sortedMembers(entry), [member, score]);
    return reverse ? entry.scores.size - 1 - position : position;
  };
}

const zrandmember: Run = (context, args) => {
  const { random } = context.keyspace.options;
  const outcome = nextHint(context, args);
  if (args.length === 1) {
    const entry = readZset(context, args);
    return entry === undefined ? null : chooseRepeating({ members: [...entry.scores.keys()], count: 1, hint: outcome, random })[0] ?? null;
  }
  const count = signedCountArgument(at(args, 1));
  const withScores = args.length > 2;
  if (withScores && (args.length > 3 || !isOption(args[2], 'WITHSCORES'))) throw syntaxError();
  if (withScores) assertPairCount(count);
  const entry = readZset(context, args);
  if (entry === undefined) return [];
  const hint = withScores ? evenItems(outcome) : outcome;
  // Redis gives a whole set from the highest score down.
  const members = sortedMembers(entry).map(([member]) => member).reverse();
  const chosen = count < 0 ? chooseRepeating({ members, count: -count, hint, random })
    : count >= members.length ? inHintedOrder(hint, members) : chooseDistinct({ members, count, hint, random });
  return membersReply(chosen.map((member) => [member, entry.scores.get(member) ?? 0]), withScores, context.session.protocol);
};

/** ZSCAN shows what is stored: the compact encoding of small sets holds whole scores as integers. */
function scanText(score: number, entry: ZsetEntry): string {
  return entry.scores.size <= 128 && Number.isInteger(score) && Math.abs(score) <= 2 ** 62 ? String(BigInt(score)) : formatDouble(score);
}

const zscan: Run = (context, args) => {
  const hint = nextHint(context, args);
  const cursor = cursorArgument(at(args, 1));
  const entry = readZset(context, args);
  if (entry === undefined) return emptyScan;
  const names = inHintedOrder(evenItems(hint), sortedMembers(entry).map(([member]) => member));
  return scanCollection({ names, cursor, options: args.slice(2), itemsOf: (member) => [member, scanText(entry.scores.get(member) ?? 0, entry)] });
};

const write = ['write', 'denyoom', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;
const key = [1, 1, 1] as const;

/** The sorted set commands of Redis 7.0. */
export const sortedSetCommands: readonly CommandSpec[] = [
  { name: 'zadd', arity: -4, flags: write, keys: key, run: zadd },
  { name: 'zincrby', arity: 4, flags: write, keys: key, run: zincrby },
  { name: 'zrem', arity: -3, flags: ['write', 'fast'], keys: key, run: zrem },
  { name: 'zscore', arity: 3, flags: fastRead, keys: key, run: (context, args) => scoreReply(readZset(context, args)?.scores.get(at(args, 1))) },
  { name: 'zmscore', arity: -3, flags: fastRead, keys: key, run: zmscore },
  { name: 'zcard', arity: 2, flags: fastRead, keys: key, run: (context, args) => readZset(context, args)?.scores.size ?? 0 },
  { name: 'zrank', arity: 3, flags: fastRead, keys: key, run: rank(false) },
  { name: 'zrevrank', arity: 3, flags: fastRead, keys: key, run: rank(true) },
  { name: 'zrandmember', arity: -2, flags: ['readonly', 'random'], keys: key, run: zrandmember },
  { name: 'zscan', arity: -3, flags: ['readonly', 'random'], keys: key, run: zscan },
  ...zsetRangeCommands,
  ...zsetPopCommands,
  ...zsetAlgebraCommands,
];
