/** Ids of stream entries: two unsigned 64-bit integers, kept as their canonical text `<ms>-<sequence>`. */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamItem } from '../../model/element.ts';
import { CommandError } from '../reply.ts';

/** No entry has this id: it stands for "before the first". */
export const minId = '0-0';
/** The last id there can be. */
export const maxId = '18446744073709551615-18446744073709551615';
const maxUint64 = 2n ** 64n - 1n;

const invalidId = (): CommandError => new CommandError('ERR Invalid stream ID specified as stream command argument');

/** Less than, equal to or greater than 0. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  if (dashA !== dashB) return dashA - dashB;
  const msA = a.slice(0, dashA);
  const msB = b.slice(0, dashB);
  if (msA !== msB) return msA < msB ? -1 : 1;
  // Decimals without leading zeros: the longer one is the greater, and the same length compares as text.
  return a.length === b.length ? (a < b ? -1 : 1) : a.length - b.length;
}

/** The id as its two numbers. */
export function partsOf(id: string): { readonly ms: bigint; readonly sequence: bigint } {
  const dash = id.indexOf('-');
  return { ms: BigInt(id.slice(0, dash)), sequence: BigInt(id.slice(dash + 1)) };
}

/** The id right after, or undefined after the last one. */
export function nextId(id: string): string | undefined {
  const { ms, sequence } = partsOf(id);
  if (sequence < maxUint64) return `${ms}-${sequence + 1n}`;
  return ms < maxUint64 ? `${ms + 1n}-0` : undefined;
}

/** The id right before, or undefined before the first one. */
export function previousId(id: string): string | undefined {
  const { ms, sequence } = partsOf(id);
  if (sequence > 0n) return `${ms}-${sequence - 1n}`;
  return ms > 0n ? `${ms - 1n}-${maxUint64}` : undefined;
}

/** An id as Redis' string2ull reads its halves: strtoull, so leading space, plus and zeros pass. */
function uint64(text: string): bigint | undefined {
  if (!/^[ \t\n\v\f\r]*\+?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^[ \t\n\v\f\r]*\+?/, ''));
  return value <= maxUint64 ? value : undefined;
}

/** An id that an entry may have, `-` and `+` excluded, or undefined; `missing` is the sequence where the text has none. */
export function parseId(text: ByteString, missing: 0n | 'max' = 0n): string | undefined {
  if (text.length > 127) return undefined;
  // Redis reads a C string: what follows a NUL is not seen.
  const [seen = ''] = text.split('\0', 1);
  const dash = seen.indexOf('-');
  const ms = uint64(dash < 0 ? seen : seen.slice(0, dash));
  const sequence = dash < 0 ? (missing === 'max' ? maxUint64 : 0n) : uint64(seen.slice(dash + 1));
  return ms === undefined || sequence === undefined ? undefined : `${ms}-${sequence}`;
}

/** An id argument; `-` and `+` are errors. */
export function idArgument(text: ByteString): string {
  const id = parseId(text);
  if (id === undefined) throw invalidId();
  return id;
}

/** The `ms-*` form of XADD: its milliseconds, or undefined for any other text. */
export function openIdArgument(text: ByteString): bigint | undefined {
  return text.endsWith('-*') ? uint64(text.slice(0, -2)) : undefined;
}

/** One end of an interval: an id, `-`, `+`, or an id that is left out (`(1-1`). */
export function intervalArgument(text: ByteString, end: 'start' | 'end'): string {
  const isExclusive = text.length > 1 && text.startsWith('(');
  if (!isExclusive && (text === '-' || text.startsWith('-\0'))) return minId;
  if (!isExclusive && (text === '+' || text.startsWith('+\0'))) return maxId;
  const id = parseId(isExclusive ? text.slice(1) : text, end === 'start' ? 0n : 'max');
  if (id === undefined) throw invalidId();
  if (!isExclusive) return id;
  const moved = end === 'start' ? nextId(id) : previousId(id);
  if (moved === undefined) throw new CommandError(`ERR invalid ${end} ID for the interval`);
  return moved;
}

/** Index of the first entry with this id or a later one. */
export function indexFrom(items: readonly { readonly id: string }[], id: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds((items[middle] as { readonly id: string }).id, id) >= 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The entry of this id. */
export function itemAt(items: readonly StreamItem[], id: string): StreamItem | undefined {
  const item = items[indexFrom(items, id)];
  return item?.id === id ? item : undefined;
}

/** Entries from `start` to `end`, both included. */
export function itemsBetween<T extends { readonly id: string }>(items: readonly T[], start: string, end: string): T[] {
  const from = indexFrom(items, start);
  const to = indexFrom(items, end);
  return items.slice(from, items[to]?.id === end ? to + 1 : to);
}
