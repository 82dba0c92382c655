import { formatDouble } from '../../src/keyspace/float.ts';
import {
  DoubleReply, ErrorReply, MapReply, NullArrayReply, PushReply, SetReply, SimpleReply, VerbatimReply, type Reply,
} from '../../src/keyspace/reply.ts';

/** A reply as RESP2 would carry it, in a form that vitest prints and compares. */
export type PlainReply = string | number | bigint | null | { readonly simple: string } | { readonly error: string } | { readonly nullArray: true } | readonly PlainReply[];

/** What is left of a reply on RESP2. */
export function plain(reply: Reply): PlainReply {
  if (reply === null || typeof reply === 'string' || typeof reply === 'number' || typeof reply === 'bigint') return reply;
  if (typeof reply === 'boolean') return reply ? 1 : 0;
  if (reply instanceof SimpleReply) return { simple: reply.text };
  if (reply instanceof ErrorReply) return { error: reply.message };
  if (reply instanceof NullArrayReply) return { nullArray: true };
  if (reply instanceof DoubleReply) return formatDouble(reply.value);
  if (reply instanceof VerbatimReply) return reply.text;
  if (reply instanceof MapReply || reply instanceof SetReply || reply instanceof PushReply) return reply.items.map(plain);
  return reply.map(plain);
}

/** Commands whose reply has no order of its own. */
const unordered: ReadonlySet<string> = new Set([
  'KEYS', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF', 'HKEYS', 'HVALS', 'PUBSUB',
]);
/** The same for replies of name and value in turn. */
const unorderedPairs: ReadonlySet<string> = new Set(['HGETALL', 'CONFIG']);
/** Scans: a cursor and items, in one page for what is small; HSCAN and ZSCAN give pairs. */
const scans: ReadonlySet<string> = new Set(['SCAN', 'SSCAN']);
const pairScans: ReadonlySet<string> = new Set(['HSCAN', 'ZSCAN']);
/** Milliseconds or seconds until or of an expiry: both sides read their own clock. */
const timesInMs: ReadonlySet<string> = new Set(['PTTL', 'PEXPIRETIME']);
const timesInSeconds: ReadonlySet<string> = new Set(['TTL', 'EXPIRETIME']);

/** How far apart two clocks' readings of one expiry may be. */
export const toleranceMs = 3000;

/** Makes two replies of one command comparable with `toEqual`: orders what has no order, and takes close times for equal. */
export function comparable(args: readonly string[], real: PlainReply, ours: PlainReply): readonly [PlainReply, PlainReply] {
  const name = (args[0] ?? '').toUpperCase();
  const isSort = name === 'SORT' || name === 'SORT_RO';
  if (unordered.has(name) || (isSort && (isUnorderedSort(args) || hasCollationTies(args, real)))) return [sortedItems(real), sortedItems(ours)];
  if (unorderedPairs.has(name)) return [sortedPairs(real), sortedPairs(ours)];
  if (scans.has(name)) return [scanned(real, sortedItems), scanned(ours, sortedItems)];
  if (pairScans.has(name)) return [scanned(real, sortedPairs), scanned(ours, sortedPairs)];
  if (timesInMs.has(name) && isClose(real, ours, toleranceMs)) return [real, real];
  if (timesInSeconds.has(name) && isClose(real, ours, toleranceMs / 1000)) return [real, real];
  return [real, ours];
}

/** The key that sets to be sorted are under. Left unsorted they come in an order of the server's own. */
export const keyOfSets: string = 'd';

function isUnorderedSort(args: readonly string[]): boolean {
  return args[1] === keyOfSets && args.some((arg, index) => arg.toUpperCase() === 'BY' && args[index + 1]?.includes('*') === false);
}

/** strcoll ends at a NUL, so texts that differ only behind one are equal to it, and come in any order. */
function hasCollationTies(args: readonly string[], reply: PlainReply): boolean {
  return args.some((arg) => arg.toUpperCase() === 'ALPHA') && isArray(reply) && reply.some((item) => typeof item === 'string' && item.includes('\0'));
}

function isClose(real: PlainReply, ours: PlainReply, tolerance: number): boolean {
  if (typeof real !== 'number' && typeof real !== 'bigint') return false;
  if (typeof ours !== 'number' && typeof ours !== 'bigint') return false;
  return real >= 0 && ours >= 0 && Math.abs(Number(real) - Number(ours)) <= tolerance;
}

function sortedItems(reply: PlainReply): PlainReply {
  return isArray(reply) ? [...reply].sort(compareText) : reply;
}

function sortedPairs(reply: PlainReply): PlainReply {
  if (!isArray(reply)) return reply;
  const pairs: PlainReply[] = [];
  for (let i = 0; i < reply.length; i += 2) pairs.push([reply[i] ?? null, reply[i + 1] ?? null]);
  return pairs.sort(compareText);
}

function scanned(reply: PlainReply, order: (items: PlainReply) => PlainReply): PlainReply {
  return isArray(reply) && reply.length === 2 ? [reply[0] ?? null, order(reply[1] ?? null)] : reply;
}

function isArray(reply: PlainReply): reply is readonly PlainReply[] {
  return Array.isArray(reply);
}

function compareText(a: PlainReply, b: PlainReply): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
