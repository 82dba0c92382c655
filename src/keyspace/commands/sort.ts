/** SORT: by number or text, of the items themselves or of other keys named by a pattern, answered or stored as a list. */
import type { ByteString } from '../../lib/bytes.ts';
import { assign } from '../assign.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { Database } from '../database.ts';
import { setMembers, sortedMembers, type Entry } from '../entry.ts';
import { parseDouble } from '../float.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError, wrongType, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';

interface SortOptions {
  readonly by: ByteString | undefined;
  /** Some BY had no star, which asks for no sorting; a later BY does not take that back. */
  readonly asIs: boolean;
  readonly gets: readonly ByteString[];
  readonly limit: { readonly offset: number; readonly count: number } | undefined;
  readonly descending: boolean;
  readonly alpha: boolean;
  readonly destination: ByteString | undefined;
}

function sortOptions(args: readonly ByteString[], readonly: boolean): SortOptions {
  const gets: ByteString[] = [];
  const found: { -readonly [K in keyof SortOptions]: SortOptions[K] } = {
    by: undefined, asIs: false, gets, limit: undefined, descending: false, alpha: false, destination: undefined,
  };
  for (let i = 0; i < args.length; i++) {
    const left = args.length - i - 1;
    if (isOption(args[i], 'ASC')) found.descending = false;
    else if (isOption(args[i], 'DESC')) found.descending = true;
    else if (isOption(args[i], 'ALPHA')) found.alpha = true;
    else if (isOption(args[i], 'LIMIT') && left >= 2) found.limit = { offset: numberArgument(args[++i] ?? ''), count: numberArgument(args[++i] ?? '') };
    else if (!readonly && isOption(args[i], 'STORE') && left >= 1) found.destination = args[++i];
    else if (isOption(args[i], 'BY') && left >= 1) {
      found.by = args[++i];
      found.asIs ||= found.by?.includes('*') === false;
    } else if (isOption(args[i], 'GET') && left >= 1) gets.push(args[++i] ?? '');
    else throw syntaxError();
  }
  return found;
}

/** What a pattern gives for an item: `#` the item, `prefix*suffix` a string key, `key*->field` a field of a hash; null where there is none. */
function lookUp(db: Database, pattern: ByteString, item: ByteString): ByteString | null {
  if (pattern === '#') return item;
  const star = pattern.indexOf('*');
  if (star < 0) return null;
  const arrow = pattern.indexOf('->', star + 1);
  const hasField = arrow >= 0 && arrow + 2 < pattern.length;
  const key = pattern.slice(0, star) + item + pattern.slice(star + 1, hasField ? arrow : undefined);
  const entry = db.read(key);
  if (hasField) return entry?.type === 'hash' ? entry.fields.get(pattern.slice(arrow + 2)) ?? null : null;
  return entry?.type === 'string' ? entry.value : null;
}

/** The items before any sorting; `descending` turns those round that have an order. */
function itemsOf(entry: Entry | undefined, descending: boolean): ByteString[] {
  switch (entry?.type) {
    case undefined: return [];
    case 'list': return descending ? entry.items.toReversed() : [...entry.items];
    case 'set': return setMembers(entry);
    case 'zset': {
      const members = sortedMembers(entry).map(([member]) => member);
      return descending ? members.reverse() : members;
    }
    case 'string': case 'hash': case 'stream': throw wrongType();
  }
}

const compareBytes = (a: ByteString, b: ByteString): number => (a < b ? -1 : a > b ? 1 : 0);

/** What C sees of a text: nothing behind a NUL. */
const untilNul = (text: ByteString): ByteString => (text.includes('\0') ? text.slice(0, text.indexOf('\0')) : text);

function sorted(db: Database, items: readonly ByteString[], options: SortOptions): ByteString[] {
  const weights = items.map((item) => ({ item, by: options.by === undefined ? item : lookUp(db, options.by, item) }));
  const sign = options.descending ? -1 : 1;
  if (options.alpha) {
    // For a reply Redis collates by strcoll (in the C locale here), for a list it stores it compares all bytes.
    const shown = options.destination === undefined ? untilNul : (text: ByteString): ByteString => text;
    const compare = (a: ByteString | null, b: ByteString | null): number => (a === null || b === null ? Number(a !== null) - Number(b !== null) : compareBytes(shown(a), shown(b)));
    return weights.sort((a, b) => sign * compare(a.by, b.by)).map(({ item }) => item);
  }
  const scored = weights.map(({ item, by }) => ({ item, score: by === null ? 0 : sortWeight(by) }));
  return scored.sort((a, b) => sign * (a.score - b.score || compareBytes(a.item, b.item))).map(({ item }) => item);
}

function sortWeight(text: ByteString): number {
  // Redis hands the bytes to strtod, which skips leading space and sees nothing behind a NUL.
  const seen = untilNul(text);
  const value = seen === '' ? 0 : parseDouble(seen.replace(/^[ \t\n\v\f\r]+/, ''));
  if (value === undefined) throw new CommandError("ERR One or more scores can't be converted into double");
  return value;
}

function sort(context: CommandContext, [key = '', ...rest]: readonly ByteString[], readonly: boolean): Reply {
  const { db } = context;
  const entry = db.read(key);
  let options = sortOptions(rest, readonly);
  // What is not to be sorted is still sorted where it is a set to be stored: its own order would not be the same on a replica.
  let { asIs } = options;
  if (asIs && entry?.type === 'set' && options.destination !== undefined) {
    asIs = false;
    options = { ...options, alpha: true, by: undefined };
  }
  const items = itemsOf(entry, asIs && options.descending);
  const { offset, count } = options.limit ?? { offset: 0, count: -1 };
  const start = Math.min(Math.max(offset, 0), items.length);
  const end = count < 0 ? items.length : Math.min(start + count, items.length);
  const chosen = (asIs ? items : sorted(db, items, options)).slice(start, end);
  const out = options.gets.length === 0 ? chosen : chosen.flatMap((item) => options.gets.map((pattern) => lookUp(db, pattern, item)));
  if (options.destination === undefined) return out;
  return stored(db, options.destination, out.map((item) => item ?? ''));
}

function stored(db: Database, destination: ByteString, items: ByteString[]): Reply {
  if (items.length === 0) db.delete(destination);
  else assign(db, destination, { type: 'list', items, expiresAtMs: null, owner: db });
  return items.length;
}

/** The source, and the destination where there is one. BY and GET name further keys that depend on the values. */
function sortKeys(args: readonly ByteString[]): readonly ByteString[] {
  const keys = args.slice(0, 1);
  const skips: Readonly<Record<string, number>> = { LIMIT: 2, GET: 1, BY: 1 };
  let destination: ByteString | undefined;
  for (let i = 1; i < args.length; i++) {
    const word = (args[i] ?? '').toUpperCase();
    if (word === 'STORE' && i + 1 < args.length) destination = args[++i];
    else i += skips[word] ?? 0;
  }
  return destination === undefined ? keys : [...keys, destination];
}

/** SORT and SORT_RO. */
export const sortCommands: readonly CommandSpec[] = [
  { name: 'sort', arity: -2, flags: ['write', 'denyoom', 'movablekeys'], keys: sortKeys, run: (context, args) => sort(context, args, false) },
  { name: 'sort_ro', arity: -2, flags: ['readonly', 'movablekeys'], keys: [1, 1, 1], run: (context, args) => sort(context, args, true) },
];
