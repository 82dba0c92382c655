/** Union, intersection and difference of sets. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { setMembers, type SetEntry } from '../entry.ts';
import { inHintedOrder, nextHint } from '../hints.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, SetReply, syntaxError } from '../reply.ts';
import { at, countArgument, isOption, keysCountedAt } from './arguments.ts';
import { setOf, store } from './collections.ts';

type Run = CommandSpec['run'];
type Operation = (sets: readonly (SetEntry | undefined)[]) => SetEntry;

const readSets = ({ db }: CommandContext, keys: readonly ByteString[]): (SetEntry | undefined)[] => keys.map((key) => db.readTyped(key, 'set'));

const union: Operation = (sets) => setOf(sets.flatMap((set) => (set === undefined ? [] : setMembers(set))));

const difference: Operation = ([first, ...others]) => {
  if (first === undefined) return setOf([]);
  return setOf(setMembers(first).filter((member) => !others.some((other) => other?.members.has(member) === true)));
};

const intersection: Operation = (sets) => setOf(commonMembers(sets));

/** Members that all sets have, in the order of the smallest one, which is the one Redis walks. */
function commonMembers(sets: readonly (SetEntry | undefined)[]): ByteString[] {
  const present = sets.filter((set) => set !== undefined).sort((a, b) => a.members.size - b.members.size);
  const [smallest, ...others] = present;
  if (smallest === undefined || present.length < sets.length) return [];
  return setMembers(smallest).filter((member) => others.every((other) => other.members.has(member)));
}

function answer(operation: Operation): Run {
  return (context, args) => {
    const hint = nextHint(context, args);
    return new SetReply(inHintedOrder(hint, setMembers(operation(readSets(context, args)))));
  };
}

function storing(operation: Operation): Run {
  return (context, args) => store(context.db, at(args, 0), operation(readSets(context, args.slice(1))));
}

const sintercard: Run = (context, args) => {
  const count = countArgument(at(args, 0), 1, 'numkeys should be greater than 0');
  if (count > args.length - 1) throw new CommandError('ERR Number of keys can\'t be greater than number of args');
  const limit = limitOption(args.slice(count + 1));
  const size = commonMembers(readSets(context, args.slice(1, count + 1))).length;
  return limit === 0 ? size : Math.min(limit, size);
};

/** `[LIMIT limit]`, 0 where there is none; the last one counts. */
export function limitOption(args: readonly ByteString[]): number {
  let limit = 0;
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined || !isOption(args[i], 'LIMIT')) throw syntaxError();
    limit = numberArgument(value, 'ERR LIMIT can\'t be negative');
    if (limit < 0) throw new CommandError('ERR LIMIT can\'t be negative');
  }
  return limit;
}

/** SUNION, SINTER, SDIFF, their storing forms, and SINTERCARD. */
export const setAlgebraCommands: readonly CommandSpec[] = [
  { name: 'sunion', arity: -2, flags: ['readonly'], keys: [1, -1, 1], run: answer(union) },
  { name: 'sinter', arity: -2, flags: ['readonly'], keys: [1, -1, 1], run: answer(intersection) },
  { name: 'sdiff', arity: -2, flags: ['readonly'], keys: [1, -1, 1], run: answer(difference) },
  { name: 'sunionstore', arity: -3, flags: ['write', 'denyoom'], keys: [1, -1, 1], run: storing(union) },
  { name: 'sinterstore', arity: -3, flags: ['write', 'denyoom'], keys: [1, -1, 1], run: storing(intersection) },
  { name: 'sdiffstore', arity: -3, flags: ['write', 'denyoom'], keys: [1, -1, 1], run: storing(difference) },
  { name: 'sintercard', arity: -3, flags: ['readonly', 'movablekeys'], keys: keysCountedAt(0), run: sintercard },
];
