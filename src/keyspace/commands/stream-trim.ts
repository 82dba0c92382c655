/** The options that XADD and XTRIM share, and trimming. */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamItem } from '../../model/element.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError } from '../reply.ts';
import { at, isOption } from './arguments.ts';
import { compareIds, idArgument, indexFrom, openIdArgument } from './stream-ids.ts';
import { nodeEnd } from './stream-nodes.ts';

/** What to keep of a stream. `limit`: how many entries an approximate trim may remove, 0 for any number. */
export type Trim = ({ readonly strategy: 'maxlen'; readonly maxLength: number } | { readonly strategy: 'minid'; readonly minId: string })
  & { readonly approximate: boolean; readonly limit: number };

/** Without LIMIT an approximate trim stops after 100 nodes of 100 entries. */
const defaultLimit = 10_000;

/** Parses options from `index` on. For XADD it stops at the id; `next` is where it stopped. */
export function trimOptions(args: readonly ByteString[], index: number, command: 'xadd' | 'xtrim'): { readonly trim: Trim | undefined; readonly createStream: boolean; readonly next: number } {
  let threshold: { strategy: 'maxlen'; maxLength: number } | { strategy: 'minid'; minId: string } | undefined;
  let approximate = false;
  let limit: number | undefined;
  let createStream = true;
  let i = index;
  for (; i < args.length; i++) {
    const arg = at(args, i);
    const hasMore = i + 1 < args.length;
    if (hasMore && (isOption(arg, 'MAXLEN') || isOption(arg, 'MINID'))) {
      if (threshold !== undefined) throw new CommandError('ERR syntax error, MAXLEN and MINID options at the same time are not compatible');
      const sign = i + 2 < args.length ? args[i + 1] : undefined;
      approximate = sign === '~';
      i += sign === '~' || sign === '=' ? 2 : 1;
      threshold = isOption(arg, 'MAXLEN') ? { strategy: 'maxlen', maxLength: nonNegative(at(args, i), 'MAXLEN') } : { strategy: 'minid', minId: idArgument(at(args, i)) };
    } else if (hasMore && isOption(arg, 'LIMIT')) {
      limit = nonNegative(at(args, ++i), 'LIMIT');
    } else if (command === 'xadd' && isOption(arg, 'NOMKSTREAM')) {
      createStream = false;
    } else if (command === 'xadd') {
      // An id that is none is reported before options that do not go together.
      if (arg !== '*' && openIdArgument(arg) === undefined) idArgument(arg);
      break;
    } else {
      throw syntaxError();
    }
  }
  return { trim: combined({ threshold, approximate, limit, command }), createStream, next: i };
}

function combined({ threshold, approximate, limit, command }: {
  readonly threshold: { readonly strategy: 'maxlen'; readonly maxLength: number } | { readonly strategy: 'minid'; readonly minId: string } | undefined;
  readonly approximate: boolean;
  readonly limit: number | undefined;
  readonly command: 'xadd' | 'xtrim';
}): Trim | undefined {
  if (threshold === undefined && limit !== undefined && limit > 0) throw new CommandError('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy');
  if (threshold === undefined && command === 'xtrim') throw new CommandError('ERR syntax error, XTRIM must be called with a trimming strategy');
  if (limit !== undefined && !approximate) throw new CommandError('ERR syntax error, LIMIT cannot be used without the special ~ option');
  return threshold && { ...threshold, approximate, limit: approximate ? limit ?? defaultLimit : 0 };
}

function nonNegative(text: ByteString, option: string): number {
  const value = numberArgument(text);
  if (value < 0) throw new CommandError(`ERR The ${option} argument must be >= 0.`);
  return value;
}

/** How many entries a trim removes from the front. */
export function trimCount(items: readonly StreamItem[], trim: Trim): number {
  if (!trim.approximate) return trim.strategy === 'maxlen' ? Math.max(0, items.length - trim.maxLength) : indexFrom(items, trim.minId);
  let removed = 0;
  while (removed < items.length) {
    const end = nodeEnd(items, removed);
    if (trim.limit > 0 && end > trim.limit) break;
    const isBeyond = trim.strategy === 'maxlen' ? items.length - end >= trim.maxLength : compareIds(items[end - 1]?.id ?? '', trim.minId) < 0;
    if (!isBeyond) break;
    removed = end;
  }
  return removed;
}
