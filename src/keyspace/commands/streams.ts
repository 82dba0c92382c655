import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { StreamEntry } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, NULL_ARRAY, OK, syntaxError } from '../reply.ts';
import { arityError, at, isOption } from './arguments.ts';
import { commit } from './collections.ts';
import { streamClaimCommands } from './stream-claims.ts';
import { itemReply, newStream } from './stream-entry.ts';
import { streamGroupCommands } from './stream-group-commands.ts';
import { compareIds, idArgument, indexFrom, intervalArgument, itemsBetween, maxId, minId, nextId, openIdArgument, partsOf } from './stream-ids.ts';
import { streamInfoCommands } from './stream-info.ts';
import { streamReadCommands } from './stream-reads.ts';
import { trimCount, trimOptions } from './stream-trim.ts';

type Run = CommandSpec['run'];

const readStream = ({ db }: CommandContext, args: readonly ByteString[]): StreamEntry | undefined => db.readTyped(at(args, 0), 'stream');

/** The id that XADD asks for: exact, `ms-*`, or `*`. */
type WantedId = { readonly exact: string } | { readonly ms: bigint } | '*';

function wantedId(text: ByteString): WantedId {
  if (text === '*') return '*';
  const ms = openIdArgument(text);
  return ms === undefined ? { exact: idArgument(text) } : { ms };
}

/** The id a new entry gets; undefined where it would not come after the last one. */
function newId(wanted: WantedId, lastId: string, now: number): string | undefined {
  if (wanted !== '*' && 'exact' in wanted) return compareIds(wanted.exact, lastId) > 0 ? wanted.exact : undefined;
  const last = partsOf(lastId);
  if (wanted === '*') return BigInt(Math.floor(now)) > last.ms ? `${Math.floor(now)}-0` : nextId(lastId);
  if (wanted.ms !== last.ms) return wanted.ms > last.ms ? `${wanted.ms}-0` : undefined;
  const next = nextId(lastId);
  return next?.startsWith(`${last.ms}-`) === true ? next : undefined;
}

const xadd: Run = (context, args) => {
  const { db } = context;
  const { trim, createStream, next } = trimOptions(args, 1, 'xadd');
  const wanted = next < args.length ? wantedId(at(args, next)) : undefined;
  const texts = args.slice(next + 1);
  if (wanted === undefined || texts.length < 2 || texts.length % 2 !== 0) throw arityError(context.name);
  if (wanted !== '*' && 'exact' in wanted && wanted.exact === minId) throw new CommandError('ERR The ID specified in XADD must be greater than 0-0');
  const key = at(args, 0);
  const existing = db.writable(key, 'stream');
  if (existing === undefined && !createStream) return null;
  const stream = existing ?? newStream();
  if (stream.lastId === maxId) throw new CommandError('ERR The stream has exhausted the last possible ID, unable to add more items');
  const id = newId(wanted, stream.lastId, context.now);
  if (id === undefined) throw new CommandError('ERR The ID specified in XADD is equal or smaller than the target stream top item');
  const fields: (readonly [ByteString, ByteString])[] = [];
  for (let i = 0; i < texts.length; i += 2) fields.push([at(texts, i), at(texts, i + 1)]);
  db.noteWrite(key);
  stream.items.push({ id, fields });
  stream.lastId = id;
  stream.entriesAdded++;
  if (trim !== undefined) stream.items.splice(0, trimCount(stream.items, trim));
  commit(db, key, stream);
  return id;
};

const xtrim: Run = ({ db }, args) => {
  const { trim } = trimOptions(args, 1, 'xtrim');
  const key = at(args, 0);
  const stream = db.writable(key, 'stream');
  if (stream === undefined || trim === undefined) return 0;
  const removed = trimCount(stream.items, trim);
  db.noteWrite(key);
  if (removed === 0) return 0;
  stream.items.splice(0, removed);
  db.changed(key, stream);
  return removed;
};

const xdel: Run = ({ db }, args) => {
  const key = at(args, 0);
  const stream = db.writable(key, 'stream');
  if (stream === undefined) return 0;
  const ids = args.slice(1).map(idArgument);
  db.noteWrite(key);
  let removed = 0;
  for (const id of ids) {
    const index = indexFrom(stream.items, id);
    if (stream.items[index]?.id !== id) continue;
    stream.items.splice(index, 1);
    if (compareIds(id, stream.maxDeletedId) > 0) stream.maxDeletedId = id;
    removed++;
  }
  if (removed > 0) db.changed(key, stream);
  return removed;
};

function range(reverse: boolean): Run {
  return (context, args) => {
    const start = intervalArgument(at(args, reverse ? 2 : 1), 'start');
    const end = intervalArgument(at(args, reverse ? 1 : 2), 'end');
    let count: number | undefined;
    for (let i = 3; i < args.length; i += 2) {
      const value = args[i + 1];
      if (value === undefined || !isOption(args[i], 'COUNT')) throw syntaxError();
      count = Math.max(0, numberArgument(value));
    }
    const stream = readStream(context, args);
    if (stream === undefined) return [];
    if (count === 0) return NULL_ARRAY;
    const items = compareIds(start, end) > 0 ? [] : itemsBetween(stream.items, start, end);
    return (reverse ? items.reverse() : items).slice(0, count).map(itemReply);
  };
}

const xsetid: Run = ({ db }, args) => {
  const id = idArgument(at(args, 1));
  const { entriesAdded, maxDeletedId } = setIdOptions(args.slice(2), id);
  const key = at(args, 0);
  const stream = db.writable(key, 'stream');
  if (stream === undefined) throw new CommandError('ERR no such key');
  const last = stream.items.at(-1);
  if (last !== undefined && compareIds(id, last.id) < 0) throw new CommandError('ERR The ID specified in XSETID is smaller than the target stream top item');
  if (last !== undefined && entriesAdded !== undefined && entriesAdded < stream.items.length) throw new CommandError('ERR The entries_added specified in XSETID is smaller than the target stream length');
  db.noteWrite(key);
  stream.lastId = id;
  if (entriesAdded !== undefined) stream.entriesAdded = entriesAdded;
  if (maxDeletedId !== minId) stream.maxDeletedId = maxDeletedId;
  db.changed(key, stream);
  return OK;
};

function setIdOptions(args: readonly ByteString[], id: string): { readonly entriesAdded: number | undefined; readonly maxDeletedId: string } {
  let entriesAdded: number | undefined;
  let maxDeletedId: string = minId;
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined) throw syntaxError();
    if (isOption(args[i], 'ENTRIESADDED')) {
      entriesAdded = numberArgument(value);
      if (entriesAdded < 0) throw new CommandError('ERR entries_added must be positive');
    } else if (isOption(args[i], 'MAXDELETEDID')) {
      maxDeletedId = idArgument(value);
      if (compareIds(id, maxDeletedId) < 0) throw new CommandError('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id');
    } else {
      throw syntaxError();
    }
  }
  return { entriesAdded, maxDeletedId };
}

const key = [1, 1, 1] as const;

/** The stream commands of Redis 7.0. */
export const streamCommands: readonly CommandSpec[] = [
  { name: 'xadd', arity: -5, flags: ['write', 'denyoom', 'fast'], keys: key, run: xadd },
  { name: 'xlen', arity: 2, flags: ['readonly', 'fast'], keys: key, run: (context, args) => readStream(context, args)?.items.length ?? 0 },
  { name: 'xrange', arity: -4, flags: ['readonly'], keys: key, run: range(false) },
  { name: 'xrevrange', arity: -4, flags: ['readonly'], keys: key, run: range(true) },
  { name: 'xdel', arity: -3, flags: ['write', 'fast'], keys: key, run: xdel },
  { name: 'xtrim', arity: -4, flags: ['write'], keys: key, run: xtrim },
  { name: 'xsetid', arity: -3, flags: ['write', 'denyoom', 'fast'], keys: key, run: xsetid },
  ...streamReadCommands,
  ...streamGroupCommands,
  ...streamClaimCommands,
  ...streamInfoCommands,
];
