import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { setMembers, type SetEntry } from '../entry.ts';
import { inHintedOrder, nextHint } from '../hints.ts';
import { SetReply, syntaxError } from '../reply.ts';
import { at, popCountArgument, signedCountArgument } from './arguments.ts';
import { cursorArgument, emptyScan, scanCollection } from './collection-scan.ts';
import { addMember, commit, newSet } from './collections.ts';
import { chooseDistinct, chooseRepeating } from './random-choice.ts';
import { setAlgebraCommands } from './set-algebra.ts';

type Run = CommandSpec['run'];

const readSet = ({ db }: CommandContext, args: readonly ByteString[]): SetEntry | undefined => db.readTyped(at(args, 0), 'set');

const sadd: Run = ({ db }, args) => {
  const key = at(args, 0);
  const entry = db.writable(key, 'set') ?? newSet();
  let added = 0;
  for (const member of args.slice(1)) {
    db.noteWrite(key, member);
    if (addMember(entry, member)) added++;
  }
  if (added > 0) commit(db, key, entry);
  return added;
};

/** Removes members; returns those that were there. */
function removeMembers({ db }: CommandContext, key: ByteString, members: readonly ByteString[]): number {
  const entry = db.writable(key, 'set');
  if (entry === undefined) return 0;
  let removed = 0;
  for (const member of members) {
    db.noteWrite(key, member);
    if (entry.members.delete(member)) removed++;
  }
  if (removed > 0) db.changed(key, entry);
  return removed;
}

const srem: Run = (context, args) => removeMembers(context, at(args, 0), args.slice(1));

const smembers: Run = (context, args) => {
  const hint = nextHint(context, args);
  const entry = readSet(context, args);
  return new SetReply(entry === undefined ? [] : inHintedOrder(hint, setMembers(entry)));
};

const smismember: Run = (context, args) => {
  const entry = readSet(context, args);
  return args.slice(1).map((member) => (entry?.members.has(member) === true ? 1 : 0));
};

const spop: Run = (context, args) => {
  const hint = nextHint(context, args);
  if (args.length > 2) throw syntaxError();
  const count = args[1] === undefined ? undefined : popCountArgument(args[1]);
  const entry = readSet(context, args);
  if (entry === undefined) return count === undefined ? null : new SetReply([]);
  const members = setMembers(entry);
  const popped = count !== undefined && count >= members.length ? inHintedOrder(hint, members)
    : chooseDistinct({ members, count: count ?? 1, hint, random: context.keyspace.options.random });
  removeMembers(context, at(args, 0), popped);
  return count === undefined ? popped[0] ?? null : new SetReply(popped);
};

const srandmember: Run = (context, args) => {
  const hint = nextHint(context, args);
  if (args.length > 2) throw syntaxError();
  const count = args[1] === undefined ? undefined : signedCountArgument(args[1]);
  const entry = readSet(context, args);
  if (entry === undefined) return count === undefined ? null : [];
  const { random } = context.keyspace.options;
  const members = setMembers(entry);
  if (count === undefined) return chooseRepeating({ members, count: 1, hint, random })[0] ?? null;
  if (count < 0) return chooseRepeating({ members, count: -count, hint, random });
  return count >= members.length ? inHintedOrder(hint, members) : chooseDistinct({ members, count, hint, random });
};

const smove: Run = (context, args) => {
  const { db } = context;
  const source = at(args, 0);
  const destination = at(args, 1);
  const member = at(args, 2);
  const sourceEntry = db.readTyped(source, 'set');
  if (sourceEntry === undefined) return 0;
  const target = db.writable(destination, 'set');
  if (source === destination) return sourceEntry.members.has(member) ? 1 : 0;
  if (removeMembers(context, source, [member]) === 0) return 0;
  db.noteWrite(destination, member);
  const targetEntry = target ?? newSet();
  if (addMember(targetEntry, member)) commit(db, destination, targetEntry);
  return 1;
};

const sscan: Run = (context, args) => {
  const hint = nextHint(context, args);
  const cursor = cursorArgument(at(args, 1));
  const entry = readSet(context, args);
  if (entry === undefined) return emptyScan;
  const names = inHintedOrder(hint, setMembers(entry));
  return scanCollection({ names, cursor, options: args.slice(2), itemsOf: (member) => [member] });
};

const key = [1, 1, 1] as const;

/** The set commands of Redis 7.0. */
export const setCommands: readonly CommandSpec[] = [
  { name: 'sadd', arity: -3, flags: ['write', 'denyoom', 'fast'], keys: key, run: sadd },
  { name: 'srem', arity: -3, flags: ['write', 'fast'], keys: key, run: srem },
  { name: 'smembers', arity: 2, flags: ['readonly'], keys: key, run: smembers },
  { name: 'sismember', arity: 3, flags: ['readonly', 'fast'], keys: key, run: (context, args) => (readSet(context, args)?.members.has(at(args, 1)) === true ? 1 : 0) },
  { name: 'smismember', arity: -3, flags: ['readonly', 'fast'], keys: key, run: smismember },
  { name: 'scard', arity: 2, flags: ['readonly', 'fast'], keys: key, run: (context, args) => readSet(context, args)?.members.size ?? 0 },
  { name: 'spop', arity: -2, flags: ['write', 'fast', 'random'], keys: key, run: spop },
  { name: 'srandmember', arity: -2, flags: ['readonly', 'random'], keys: key, run: srandmember },
  { name: 'smove', arity: 4, flags: ['write', 'fast'], keys: [1, 2, 1], run: smove },
  { name: 'sscan', arity: -3, flags: ['readonly', 'random'], keys: key, run: sscan },
  ...setAlgebraCommands,
];
