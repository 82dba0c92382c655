/** ZRANGE in all its forms, ZRANGESTORE, counting and removing by range. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandSpec } from '../command.ts';
import { sortedMembers } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError } from '../reply.ts';
import { at, isOption } from './arguments.ts';
import { newZset, store } from './collections.ts';
import { membersReply, removeMembers, setScores, sortedAt, type Scored } from './zset-entry.ts';
import { lexRange, scoreRange, selectRange, selectRanks } from './zset-ranges.ts';

type Run = CommandSpec['run'];
type Kind = 'rank' | 'score' | 'lex';

/** What a command's name fixes of a range query; `any`: its options say. */
interface QueryForm {
  readonly kind: Kind | 'any';
  readonly direction: 'forward' | 'reverse' | 'any';
  readonly stores: boolean;
}

interface RangeOptions {
  kind: Kind;
  reverse: boolean;
  withScores: boolean;
  offset: number;
  limit: number;
}

interface RangeQuery {
  readonly withScores: boolean;
  readonly select: (sorted: readonly Scored[]) => readonly Scored[];
}

/** `min max [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`, as far as the form allows. */
function parseQuery(args: readonly ByteString[], form: QueryForm): RangeQuery {
  const options = parseOptions(args.slice(2), form);
  const { kind, reverse, offset, limit, withScores } = options;
  if (limit !== -1 && kind === 'rank') throw new CommandError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
  if (withScores && kind === 'lex') throw new CommandError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
  if (kind === 'rank') {
    const start = numberArgument(at(args, 0));
    const stop = numberArgument(at(args, 1));
    return { withScores, select: (sorted) => selectRanks(sorted, start, stop, reverse) };
  }
  const [min, max] = reverse ? [at(args, 1), at(args, 0)] : [at(args, 0), at(args, 1)];
  const range = kind === 'score' ? scoreRange(min, max) : lexRange(min, max);
  return { withScores, select: (sorted) => selectRange(sorted, range, { reverse, offset, limit }) };
}

function parseOptions(args: readonly ByteString[], form: QueryForm): RangeOptions {
  const options: RangeOptions = { kind: form.kind === 'any' ? 'rank' : form.kind, reverse: form.direction === 'reverse', withScores: false, offset: 0, limit: -1 };
  let kindIsOpen = form.kind === 'any';
  let directionIsOpen = form.direction === 'any';
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (!form.stores && isOption(arg, 'WITHSCORES')) {
      options.withScores = true;
    } else if (isOption(arg, 'LIMIT') && i + 2 < args.length) {
      options.offset = numberArgument(at(args, i + 1));
      options.limit = numberArgument(at(args, i + 2));
      i += 2;
    } else if (directionIsOpen && isOption(arg, 'REV')) {
      options.reverse = true;
      directionIsOpen = false;
    } else if (kindIsOpen && (isOption(arg, 'BYLEX') || isOption(arg, 'BYSCORE'))) {
      options.kind = isOption(arg, 'BYLEX') ? 'lex' : 'score';
      kindIsOpen = false;
    } else {
      throw syntaxError();
    }
  }
  return options;
}

function answerRange(kind: QueryForm['kind'], direction: QueryForm['direction']): Run {
  return ({ db, session }, args) => {
    const query = parseQuery(args.slice(1), { kind, direction, stores: false });
    return membersReply(query.select(sortedAt(db, at(args, 0))), query.withScores, session.protocol);
  };
}

const zrangestore: Run = ({ db }, args) => {
  const query = parseQuery(args.slice(2), { kind: 'any', direction: 'any', stores: true });
  const result = newZset();
  setScores(result, query.select(sortedAt(db, at(args, 1))));
  return store(db, at(args, 0), result);
};

/** The members that `min` and `max` at 1 and 2 select, bounds checked before the key is looked at. */
function selector(kind: Kind, args: readonly ByteString[]): RangeQuery['select'] {
  return parseQuery(args.slice(1), { kind, direction: 'forward', stores: true }).select;
}

function count(kind: Kind): Run {
  return ({ db }, args) => {
    const select = selector(kind, args);
    return select(sortedAt(db, at(args, 0))).length;
  };
}

function remove(kind: Kind): Run {
  return ({ db }, args) => {
    const select = selector(kind, args);
    const key = at(args, 0);
    const entry = db.writable(key, 'zset');
    if (entry === undefined) return 0;
    const selected = select(sortedMembers(entry));
    removeMembers(db, key, entry, selected);
    return selected.length;
  };
}

const key = [1, 1, 1] as const;

/** The commands on ranges of sorted sets. */
export const zsetRangeCommands: readonly CommandSpec[] = [
  { name: 'zrange', arity: -4, flags: ['readonly'], keys: key, run: answerRange('any', 'any') },
  { name: 'zrevrange', arity: -4, flags: ['readonly'], keys: key, run: answerRange('rank', 'reverse') },
  { name: 'zrangebyscore', arity: -4, flags: ['readonly'], keys: key, run: answerRange('score', 'forward') },
  { name: 'zrevrangebyscore', arity: -4, flags: ['readonly'], keys: key, run: answerRange('score', 'reverse') },
  { name: 'zrangebylex', arity: -4, flags: ['readonly'], keys: key, run: answerRange('lex', 'forward') },
  { name: 'zrevrangebylex', arity: -4, flags: ['readonly'], keys: key, run: answerRange('lex', 'reverse') },
  { name: 'zrangestore', arity: -5, flags: ['write', 'denyoom'], keys: [1, 2, 1], run: zrangestore },
  { name: 'zcount', arity: 4, flags: ['readonly', 'fast'], keys: key, run: count('score') },
  { name: 'zlexcount', arity: 4, flags: ['readonly', 'fast'], keys: key, run: count('lex') },
  { name: 'zremrangebyrank', arity: 4, flags: ['write'], keys: key, run: remove('rank') },
  { name: 'zremrangebyscore', arity: 4, flags: ['write'], keys: key, run: remove('score') },
  { name: 'zremrangebylex', arity: 4, flags: ['write'], keys: key, run: remove('lex') },
];
