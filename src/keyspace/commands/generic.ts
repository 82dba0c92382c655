import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { Database } from '../database.ts';
import { cloneEntry, type Entry } from '../entry.ts';
import { globMatcher } from '../glob.ts';
import { inHintedOrder, nextHint } from '../hints.ts';
import { int32Argument } from '../integers.ts';
import { CommandError, OK, SimpleReply, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

const noSuchKey = (): CommandError => new CommandError('ERR no such key');
const sameObject = (): CommandError => new CommandError('ERR source and destination objects are the same');

/** A database number; throws where it is no integer, or out of range. */
export function databaseArgument(context: CommandContext, text: ByteString): number {
  return checkedDatabase(context, int32Argument(text));
}

function checkedDatabase({ keyspace }: CommandContext, index: number): number {
  if (index < 0 || index >= keyspace.databaseCount) throw new CommandError('ERR DB index is out of range');
  return index;
}

/** Puts a copy of an entry, with its expiry, over whatever the key held. That goes first, so that who waits for the key sees a new one. */
function putCopy(to: Database, key: ByteString, entry: Entry): void {
  const before = to.peek(key)?.expiresAtMs ?? null;
  to.noteWrite(key);
  to.remove(key);
  const copied = cloneEntry(entry, to);
  copied.expiresAtMs = null;
  to.put(key, copied);
  if (entry.expiresAtMs !== null) to.expire(key, { kind: 'absolute', atMs: entry.expiresAtMs });
  else if (before !== null) to.expire(key, { kind: 'cleared' });
}

const del: Run = ({ db }, keys) => {
  let deleted = 0;
  for (const key of keys) {
    db.read(key);
    if (db.delete(key)) deleted++;
  }
  return deleted;
};

const exists: Run = ({ db }, keys) => keys.filter((key) => db.read(key) !== undefined).length;

const type: Run = ({ db }, [key = '']) => new SimpleReply(db.read(key)?.type ?? 'none');

function rename(onlyIfNew: boolean): Run {
  return ({ db }, [from = '', to = '']) => {
    const entry = db.read(from);
    if (entry === undefined) throw noSuchKey();
    if (from === to) return onlyIfNew ? 0 : OK;
    if (onlyIfNew && db.read(to) !== undefined) return 0;
    putCopy(db, to, entry);
    db.delete(from);
    return onlyIfNew ? 1 : OK;
  };
}

const copy: Run = (context, [from = '', to = '', ...rest]) => {
  const { db, keyspace } = context;
  let target = db;
  let replace = false;
  for (let i = 0; i < rest.length; i++) {
    if (isOption(rest[i], 'REPLACE')) replace = true;
    else if (isOption(rest[i], 'DB') && i + 1 < rest.length) target = keyspace.database(databaseArgument(context, rest[++i] ?? ''));
    else throw syntaxError();
  }
  if (target === db && from === to) throw sameObject();
  const entry = db.read(from);
  if (entry === undefined || (target.read(to) !== undefined && !replace)) return 0;
  putCopy(target, to, entry);
  return 1;
};

const move: Run = (context, [key = '', index = '']) => {
  const { db, keyspace } = context;
  const target = keyspace.database(databaseArgument(context, index));
  if (target === db) throw sameObject();
  const entry = db.read(key);
  if (entry === undefined || target.read(key) !== undefined) return 0;
  putCopy(target, key, entry);
  db.delete(key);
  return 1;
};

const keys: Run = (context, args) => inHintedOrder(nextHint(context, args), context.db.keys().filter(globMatcher(args[0] ?? '')));

const randomkey: Run = (context, args) => {
  const all = context.db.keys();
  const hinted = nextHint(context, args)?.[0];
  if (hinted !== undefined && context.db.peek(hinted) !== undefined) return hinted;
  return all[Math.floor(context.keyspace.options.random() * all.length)] ?? null;
};

function checkFlushMode(args: readonly ByteString[]): void {
  if (args.length > 1 || (args.length === 1 && !isOption(args[0], 'ASYNC') && !isOption(args[0], 'SYNC'))) throw syntaxError();
}

const flushdb: Run = ({ db }, args) => {
  checkFlushMode(args);
  db.clear();
  return OK;
};

const flushall: Run = ({ keyspace }, args) => {
  checkFlushMode(args);
  for (let index = 0; index < keyspace.databaseCount; index++) keyspace.database(index).clear();
  return OK;
};

const swapdb: Run = (context, [first = '', second = '']) => {
  const indexes = [int32Argument(first, 'ERR invalid first DB index'), int32Argument(second, 'ERR invalid second DB index')] as const;
  const [a, b] = [context.keyspace.database(checkedDatabase(context, indexes[0])), context.keyspace.database(checkedDatabase(context, indexes[1]))];
  if (a === b) return OK;
  const [entriesOfA, entriesOfB] = [allEntries(a), allEntries(b)];
  a.clear();
  b.clear();
  for (const [key, entry] of entriesOfB) putCopy(a, key, entry);
  for (const [key, entry] of entriesOfA) putCopy(b, key, entry);
  return OK;
};

function allEntries(db: Database): (readonly [ByteString, Entry])[] {
  return db.keys().flatMap((key) => {
    const entry = db.peek(key);
    return entry === undefined ? [] : [[key, entry] as const];
  });
}

const write = ['write'] as const;
const fastWrite = ['write', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;
const noKeys = [0, 0, 0] as const;
const allKeys = [1, -1, 1] as const;
const twoKeys = [1, 2, 1] as const;

/** Commands on elements of any type and on the list of all keys. */
export const genericCommands: readonly CommandSpec[] = [
  { name: 'del', arity: -2, flags: write, keys: allKeys, run: del },
  { name: 'unlink', arity: -2, flags: fastWrite, keys: allKeys, run: del },
  { name: 'exists', arity: -2, flags: fastRead, keys: allKeys, run: exists },
  { name: 'touch', arity: -2, flags: fastRead, keys: allKeys, run: exists },
  { name: 'type', arity: 2, flags: fastRead, keys: [1, 1, 1], run: type },
  { name: 'rename', arity: 3, flags: write, keys: twoKeys, run: rename(false) },
  { name: 'renamenx', arity: 3, flags: fastWrite, keys: twoKeys, run: rename(true) },
  { name: 'copy', arity: -3, flags: ['write', 'denyoom'], keys: twoKeys, run: copy },
  { name: 'move', arity: 3, flags: fastWrite, keys: [1, 1, 1], run: move },
  { name: 'keys', arity: 2, flags: ['readonly'], keys: noKeys, wholeKeyspace: true, run: keys },
  { name: 'randomkey', arity: 1, flags: ['readonly', 'random'], keys: noKeys, wholeKeyspace: true, run: randomkey },
  { name: 'dbsize', arity: 1, flags: fastRead, keys: noKeys, wholeKeyspace: true, run: ({ db }) => db.keys().length },
  { name: 'flushdb', arity: -1, flags: write, keys: noKeys, wholeKeyspace: true, run: flushdb },
  { name: 'flushall', arity: -1, flags: write, keys: noKeys, wholeKeyspace: true, run: flushall },
  { name: 'swapdb', arity: 3, flags: fastWrite, keys: noKeys, wholeKeyspace: true, run: swapdb },
  { name: 'wait', arity: 3, flags: ['noscript'], keys: noKeys, run: () => 0 },
];
