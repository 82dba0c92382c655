/**
 * SCAN walks the keys in the order of their hashes: the cursor is the next hash to look at. A key that is there from the first call to
 * the last is given exactly once, whatever else comes and goes between, and nothing is kept between calls but a cache of that order.
 */
import type { ByteString } from '../../lib/bytes.ts';
import { murmur3 } from '../../lib/hash.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { Database } from '../database.ts';
import { globMatcher } from '../glob.ts';
import { numberArgument } from '../integers.ts';
import { syntaxError, type Reply } from '../reply.ts';
import { at, isOption } from './arguments.ts';
import { cursorArgument } from './collection-scan.ts';
import { cursorOf, walkPosition, type WalkPosition } from './scan-walks.ts';

interface HashOrder { readonly changes: number; readonly hashes: readonly number[]; readonly keys: readonly ByteString[] }

const orders = new WeakMap<Database, HashOrder>();

interface ScanOptions { readonly count: number; readonly pattern: ByteString | undefined; readonly type: string | undefined }

function scanOptions(args: readonly ByteString[]): ScanOptions {
  let count = 10;
  let pattern: ByteString | undefined;
  let type: string | undefined;
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined) throw syntaxError();
    if (isOption(at(args, i), 'COUNT')) {
      count = numberArgument(value);
      if (count < 1) throw syntaxError();
    } else if (isOption(at(args, i), 'MATCH')) pattern = value;
    else if (isOption(at(args, i), 'TYPE')) type = value.toLowerCase();
    else throw syntaxError();
  }
  return { count, pattern, type };
}

function hashOrder(db: Database, keys: readonly ByteString[]): HashOrder {
  const known = orders.get(db);
  if (known?.changes === db.changes && known.keys.length === keys.length) return known;
  const hashed = keys.map((key) => [murmur3(key), key] as const).sort((a, b) => a[0] - b[0]);
  const order = { changes: db.changes, hashes: hashed.map(([hash]) => hash), keys: hashed.map(([, key]) => key) };
  orders.set(db, order);
  return order;
}

/** The index of the first hash that is not below `hash`. */
function firstAtLeast(hashes: readonly number[], hash: number): number {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Up to `count` keys from a hash on, and the hash to go on from; 0 at the end. */
function hashPage(order: HashOrder, from: number, count: number): { readonly keys: readonly ByteString[]; readonly next: number } {
  const start = firstAtLeast(order.hashes, from);
  // Keys of the same hash stay together, for the cursor cannot point between them.
  let end = Math.min(start + count, order.keys.length);
  while (end > start && end < order.keys.length && order.hashes[end] === order.hashes[end - 1]) end++;
  return { keys: order.keys.slice(start, end), next: order.hashes[end] ?? 0 };
}

function scan(context: CommandContext, args: readonly ByteString[]): Reply {
  const { db } = context;
  const cursor = Number(cursorArgument(args[0] ?? ''));
  const { count, pattern, type } = scanOptions(args.slice(1));
  const matches = pattern === undefined ? undefined : globMatcher(pattern);
  const isWanted = (key: ByteString): boolean => {
    if (matches?.(key) === false) return false;
    const entry = db.peek(key);
    return entry !== undefined && (type === undefined || entry.type === type);
  };
  const order = hashOrder(db, db.keys());
  const position = walkPosition(context, args);
  if (position !== undefined) return walked(context, position, { order, count, isWanted });
  const { keys, next } = hashPage(order, cursor, count);
  return [String(next), keys.filter(isWanted)];
}

/** A page of a recorded walk, or of what comes after its pages. */
function walked(context: CommandContext, position: WalkPosition, request: { readonly order: HashOrder; readonly count: number; readonly isWanted: (key: ByteString) => boolean }): Reply {
  const { order, count, isWanted } = request;
  const { walk } = position;
  const isLeft = (key: ByteString): boolean => !walk.listed.has(key) && isWanted(key);
  if ('page' in position) {
    const keys = (walk.pages[position.page]?.keys ?? []).filter(isWanted);
    if (position.page + 1 < walk.pages.length) return [cursorOf(context, { walk, page: position.page + 1 }), keys];
    return [order.keys.some(isLeft) ? cursorOf(context, { walk, afterPagesFrom: 0 }) : '0', keys];
  }
  const { keys, next } = hashPage(order, position.afterPagesFrom, count);
  return [next === 0 ? '0' : cursorOf(context, { walk, afterPagesFrom: next }), keys.filter(isLeft)];
}

/** SCAN; HSCAN, SSCAN and ZSCAN are with their types. */
export const scanCommands: readonly CommandSpec[] = [
  { name: 'scan', arity: -2, flags: ['readonly', 'random'], keys: [0, 0, 0], wholeKeyspace: true, run: scan },
];
