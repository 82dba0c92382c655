/** The three kinds of range of a sorted set: by rank, by score and by member. */
import type { ByteString } from '../../lib/bytes.ts';
import { strtod } from '../float.ts';
import { CommandError } from '../reply.ts';
import { partitionPoint, type Scored } from './zset-entry.ts';

/** A range over the sorted members, from below and from above. Both tests are monotonic in the order they are about. */
export interface ZsetRange {
  readonly isEmpty: boolean;
  readonly reachesMin: (item: Scored) => boolean;
  readonly withinMax: (item: Scored) => boolean;
  /** By member: only sets of equal scores are in that order, and Redis walks small ones whatever their scores. */
  readonly byMember: boolean;
}

/** Up to so many members Redis keeps a listpack, in which it looks for a member range one by one. */
const listpackEntries = 128;

interface Bound {
  readonly value: number;
  readonly exclusive: boolean;
}

function scoreBound(text: ByteString): Bound {
  const exclusive = text.startsWith('(');
  // Read as a C string by strtod: it ends at the first NUL, may start with spaces, and is 0 when empty.
  const digits = (exclusive ? text.slice(1) : text).split('\0', 1)[0] ?? '';
  const value = digits === '' ? 0 : strtod(digits.replace(/^[ \t\n\v\f\r]+/, ''));
  if (value === undefined || Number.isNaN(value)) throw new CommandError('ERR min or max is not a float');
  return { value, exclusive };
}

/** A range of scores: `1.5`, `(1.5`, `-inf`, `+inf`. */
export function scoreRange(minText: ByteString, maxText: ByteString): ZsetRange {
  const min = scoreBound(minText);
  const max = scoreBound(maxText);
  return {
    isEmpty: min.value > max.value || (min.value === max.value && (min.exclusive || max.exclusive)),
    reachesMin: ([, score]) => (min.exclusive ? score > min.value : score >= min.value),
    withinMax: ([, score]) => (max.exclusive ? score < max.value : score <= max.value),
    byMember: false,
  };
}

type LexBound = '-' | '+' | { readonly value: ByteString; readonly exclusive: boolean };

function lexBound(text: ByteString): LexBound {
  const [first] = text;
  if (first === '(' || first === '[') return { value: text.slice(1), exclusive: first === '(' };
  if ((first === '-' || first === '+') && (text.length === 1 || text[1] === '\0')) return first;
  throw new CommandError('ERR min or max not valid string range item');
}

/** Less than, equal to or greater than 0, as the bounds compare. */
function compareBounds(a: LexBound, b: LexBound): number {
  if (a === b) return 0;
  if (a === '-' || b === '+') return -1;
  if (a === '+' || b === '-') return 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** A range of members: `[a`, `(a`, `-`, `+`. */
export function lexRange(minText: ByteString, maxText: ByteString): ZsetRange {
  const min = lexBound(minText);
  const max = lexBound(maxText);
  const order = compareBounds(min, max);
  const isExclusive = (bound: LexBound): boolean => typeof bound === 'object' && bound.exclusive;
  return {
    isEmpty: order > 0 || (order === 0 && (isExclusive(min) || isExclusive(max))),
    reachesMin: ([member]) => typeof min === 'string' ? min === '-' : min.exclusive ? member > min.value : member >= min.value,
    withinMax: ([member]) => typeof max === 'string' ? max === '+' : max.exclusive ? member < max.value : member <= max.value,
    byMember: true,
  };
}

/** The members in a range, from the highest down when reversed; `offset` of them are left out and at most `limit` given. */
export function selectRange(sorted: readonly Scored[], range: ZsetRange, options: { readonly reverse?: boolean; readonly offset?: number; readonly limit?: number } = {}): readonly Scored[] {
  const { reverse = false, offset = 0, limit = -1 } = options;
  if (offset < 0) return [];
  const inRange = contiguous(sorted, range, { reverse, offset });
  return limit < 0 ? inRange : inRange.slice(0, limit);
}

function contiguous(sorted: readonly Scored[], range: ZsetRange, options: { readonly reverse: boolean; readonly offset: number }): readonly Scored[] {
  const { reverse, offset } = options;
  const first = sorted[0];
  const last = sorted.at(-1);
  if (range.isEmpty || first === undefined || last === undefined || !range.reachesMin(last) || !range.withinMax(first)) return [];
  if (range.byMember && sorted.length <= listpackEntries) return walked(reverse ? sorted.toReversed() : sorted, range, options);
  const from = partitionPoint(sorted, range.reachesMin);
  const to = partitionPoint(sorted, (item) => !range.withinMax(item));
  const slice = sorted.slice(from, Math.max(from, to));
  return (reverse ? slice.reverse() : slice).slice(offset);
}

/** What Redis gives of members that are in no order: from the first inside the near bound, `offset` passed over unseen, to the last before one beyond the far bound. */
function walked(items: readonly Scored[], range: ZsetRange, { reverse, offset }: { readonly reverse: boolean; readonly offset: number }): readonly Scored[] {
  const [near, far] = reverse ? [range.withinMax, range.reachesMin] : [range.reachesMin, range.withinMax];
  const start = items.findIndex(near);
  const first = items[start];
  if (first === undefined || !far(first)) return [];
  const rest = items.slice(start + offset);
  const end = rest.findIndex((item) => !far(item));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The members from rank `start` to `stop`, inclusive; negative ranks count from the end. */
export function selectRanks(sorted: readonly Scored[], start: number, stop: number, reverse = false): readonly Scored[] {
  const from = Math.max(0, start < 0 ? sorted.length + start : start);
  const to = Math.min(sorted.length, (stop < 0 ? sorted.length + stop : stop) + 1);
  if (from >= to) return [];
  return reverse ? sorted.slice(sorted.length - to, sorted.length - from).reverse() : sorted.slice(from, to);
}
