import { DoubleReply, ErrorReply, MapReply, NullArrayReply, PushReply, SetReply, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Comparison } from './recording-traits.ts';

/** Error codes of commands that were not run: nothing was read and nothing was written. */
const notRunCodes: ReadonlySet<string> = new Set([
  'NOAUTH', 'NOPERM', 'LOADING', 'BUSY', 'MASTERDOWN', 'READONLY', 'MISCONF', 'OOM', 'NOREPLICAS', 'NOSCRIPT', 'MOVED', 'ASK',
  'TRYAGAIN', 'CLUSTERDOWN', 'CROSSSLOT', 'EXECABORT', 'DENIED', 'NOTBUSY', 'WRONGPASS', 'NOPROTO', 'UNBLOCKED',
]);

/** Whether this reply says that the command was refused before it looked at any key. */
export function wasNotRun(reply: Reply): boolean {
  return reply instanceof ErrorReply && notRunCodes.has(codeOf(reply));
}

/** The first word of an error. */
export function codeOf(error: ErrorReply): string {
  const space = error.message.indexOf(' ');
  return space < 0 ? error.message : error.message.slice(0, space);
}

/** Whether this is one of the two nulls. */
export function isNull(reply: Reply | undefined): boolean {
  return reply === null || reply instanceof NullArrayReply;
}

/** The items of an array, set, map or push; none of anything else. */
export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  if (reply instanceof SetReply || reply instanceof MapReply || reply instanceof PushReply) return reply.items;
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

/**
 * Whether the mirror's reply and the server's say the same. Types that RESP2 and RESP3 write differently count as the same, and
 * nesting does not matter (pairs are nested on RESP3 and flat on RESP2).
 */
export function sameReply(ours: Reply, theirs: Reply, comparison: Comparison): boolean {
  if (ours === theirs) return true;
  if (ours instanceof ErrorReply || theirs instanceof ErrorReply) {
    return ours instanceof ErrorReply && theirs instanceof ErrorReply && codeOf(ours) === codeOf(theirs);
  }
  switch (comparison) {
    case 'members': return sameBag(leaves(ours), leaves(theirs));
    case 'pairs': return sameBag(pairedLeaves(ours), pairedLeaves(theirs));
    case 'scan-members': case 'scan-pairs': return sameScan(ours, theirs, comparison);
    case 'loose': return typeof ours === 'number' && typeof theirs === 'number' && nearby(ours, theirs);
    case 'exact': case 'undetermined': case 'metadata': case 'reread': return sameScalar(ours, theirs) || sameLeaves(leaves(ours), leaves(theirs));
  }
}

/** Whether the two list the same things in the same order. */
export function sameOrder(ours: Reply, theirs: Reply): boolean {
  return sameLeaves(leaves(ours), leaves(theirs));
}

/** What a hint keeps of a reply: its strings in order, without a scan's cursor. */
export function outcomeOf(reply: Reply, comparison: Comparison): ByteString[] {
  const listed = comparison.startsWith('scan') ? itemsOf(reply)[1] ?? null : reply;
  return leaves(listed).flatMap((leaf) => (leaf === null ? [] : [leafText(leaf)]));
}

type Leaf = string | number | bigint | boolean | null | DoubleReply;

/** Times that differ by how long a command takes; -1 (never) and -2 (absent) are no times. */
function nearby(ours: number, theirs: number): boolean {
  if (ours < 0 || theirs < 0) return ours === theirs;
  return Math.abs(ours - theirs) <= (Math.max(ours, theirs) < 1000 && Number.isInteger(ours) ? 1000 : 2000);
}

/** A scan's cursor says nothing; only complete answers can be compared. */
function sameScan(ours: Reply, theirs: Reply, comparison: 'scan-members' | 'scan-pairs'): boolean {
  const [ourCursor, ourItems = null] = itemsOf(ours);
  const [theirCursor, theirItems = null] = itemsOf(theirs);
  if (ourCursor !== '0' || theirCursor !== '0') return true;
  return sameReply(ourItems, theirItems, comparison === 'scan-members' ? 'members' : 'pairs');
}

function sameScalar(a: Reply, b: Reply): boolean {
  if (a instanceof SimpleReply) return b instanceof SimpleReply ? a.text === b.text : a.text === b;
  return b instanceof SimpleReply && a === b.text;
}

function sameLeaves(a: readonly Leaf[], b: readonly Leaf[]): boolean {
  return a.length === b.length && a.every((leaf, index) => sameLeaf(leaf, b[index] as Leaf));
}

function sameLeaf(a: Leaf, b: Leaf): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  if (a instanceof DoubleReply || b instanceof DoubleReply) {
    const [x, y] = [numeric(a), numeric(b)];
    return x === y || (Number.isNaN(x) && Number.isNaN(y));
  }
  if (typeof a === 'boolean' || typeof b === 'boolean') return Number(a) === Number(b);
  return typeof a !== 'string' && typeof b !== 'string' && String(a) === String(b);
}

function numeric(leaf: Exclude<Leaf, null>): number {
  if (leaf instanceof DoubleReply) return leaf.value;
  if (leaf === 'inf') return Infinity;
  return leaf === '-inf' ? -Infinity : Number(leaf);
}

function leafText(leaf: Leaf): string {
  return leaf instanceof DoubleReply ? String(leaf.value) : String(leaf);
}

function sameBag(a: readonly Leaf[], b: readonly Leaf[]): boolean {
  if (a.length !== b.length) return false;
  if (sameLeaves(a, b)) return true;
  const counts = new Map<string, number>();
  for (const leaf of a) counts.set(leafText(leaf), (counts.get(leafText(leaf)) ?? 0) + 1);
  return b.every((leaf) => {
    const count = counts.get(leafText(leaf)) ?? 0;
    counts.set(leafText(leaf), count - 1);
    return count > 0;
  });
}

/** Names with their values as one leaf each: a bag of them tells `{a: 1, b: 2}` from `{a: 2, b: 1}`. */
function pairedLeaves(reply: Reply): Leaf[] {
  const flat = leaves(reply);
  const out: Leaf[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const name = leafText(flat[at] ?? null);
    out.push(`${name.length}:${name}${scoreText(flat[at + 1] ?? null)}`);
  }
  return out;
}

/** A score reads the same whether it came as a RESP3 double or as RESP2 text. */
function scoreText(leaf: Leaf): string {
  return typeof leaf === 'string' && leaf !== '' && !Number.isNaN(Number(leaf)) ? String(Number(leaf)) : leafText(leaf);
}

function leaves(reply: Reply): Leaf[] {
  const out: Leaf[] = [];
  const stack: Reply[] = [reply];
  while (stack.length > 0) {
    const value = stack.pop() as Reply;
    if (value === null || value instanceof NullArrayReply) out.push(null);
    else if (value instanceof SimpleReply) out.push(value.text);
    else if (value instanceof VerbatimReply) out.push(value.text);
    else if (value instanceof ErrorReply) out.push(`-${codeOf(value)}`);
    else if (typeof value !== 'object' || value instanceof DoubleReply) out.push(value);
    else {
      const items = itemsOf(value);
      for (let at = items.length - 1; at >= 0; at--) stack.push(items[at] as Reply);
    }
  }
  return out;
}
