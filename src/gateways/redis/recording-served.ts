import { DoubleReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element } from '../../model/element.ts';
import { itemsOf } from './recording-replies.ts';

/** A blocking command that was given something, with what it was answered. */
export interface ServedCommand {
  /** Name first. */
  readonly args: readonly ByteString[];
  readonly reply: Reply;
}

/**
 * What a key held before a waiting command was served from it, or moved something into it, given what it holds now. A script that gives a
 * waiter something is only seen after the waiter has it: this is what the script itself left.
 * @returns undefined where that cannot be told from the reply (stream groups)
 */
export function beforeServed(key: ByteString, now: Element | null, { args, reply }: ServedCommand): Element | null | undefined {
  const name = (args[0] ?? '').toUpperCase();
  const [from, given, score] = itemsOf(reply);
  switch (name) {
    case 'BLPOP': return from === key ? withItems(now, [given as ByteString], 'LEFT') : undefined;
    case 'BRPOP': return from === key ? withItems(now, [given as ByteString], 'RIGHT') : undefined;
    case 'BLMPOP': return from === key ? withItems(now, itemsOf(given) as ByteString[], sideOf(args[3 + Number(args[2])])) : undefined;
    case 'BZPOPMIN': case 'BZPOPMAX': return from === key ? withMembers(now, [[given as ByteString, scoreOf(score)]]) : undefined;
    case 'BZMPOP': return from === key ? withMembers(now, itemsOf(given).map(memberOf)) : undefined;
    case 'BRPOPLPUSH': return typeof reply === 'string' ? beforeMove({ key, now, item: reply, args, from: 'RIGHT', to: 'LEFT' }) : undefined;
    case 'BLMOVE': return typeof reply === 'string' ? beforeMove({ key, now, item: reply, args, from: sideOf(args[3]), to: sideOf(args[4]) }) : undefined;
    default: return undefined;
  }
}

type Side = 'LEFT' | 'RIGHT';

function sideOf(word: ByteString | undefined): Side {
  return word?.toUpperCase() === 'RIGHT' ? 'RIGHT' : 'LEFT';
}

/** Items as they were popped, put back where they came from. */
function withItems(now: Element | null, items: readonly ByteString[], side: Side): Element | undefined {
  const rest = itemsIn(now);
  if (rest === undefined) return undefined;
  const back = side === 'LEFT' ? [...items, ...rest] : [...rest, ...items.toReversed()];
  return { value: { type: 'list', items: back }, expiresAtMs: now?.expiresAtMs ?? null };
}

function beforeMove(move: { readonly key: ByteString; readonly now: Element | null; readonly item: ByteString; readonly args: readonly ByteString[]; readonly from: Side; readonly to: Side }): Element | null | undefined {
  const { key, now, item, args: [, source, destination], from, to } = move;
  const left = key === destination ? withoutItem(now, item, to) : now;
  return key === source && left !== undefined ? withItems(left, [item], from) : left;
}

function withoutItem(now: Element | null, item: ByteString, side: Side): Element | null | undefined {
  const items = itemsIn(now);
  if (items === undefined || items.at(side === 'LEFT' ? 0 : -1) !== item) return undefined; // somebody has taken it since
  const rest = side === 'LEFT' ? items.slice(1) : items.slice(0, -1);
  return rest.length === 0 ? null : { value: { type: 'list', items: rest }, expiresAtMs: now?.expiresAtMs ?? null };
}

function itemsIn(element: Element | null): readonly ByteString[] | undefined {
  if (element === null) return [];
  return element.value.type === 'list' ? element.value.items : undefined;
}

function withMembers(now: Element | null, members: readonly (readonly [ByteString, number])[]): Element | undefined {
  if (now !== null && now.value.type !== 'zset') return undefined;
  const all = [...(now?.value.type === 'zset' ? now.value.members : []), ...members];
  all.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  return { value: { type: 'zset', members: all }, expiresAtMs: now?.expiresAtMs ?? null };
}

function memberOf(reply: Reply): [ByteString, number] {
  const [member, score] = itemsOf(reply);
  return [member as ByteString, scoreOf(score)];
}

function scoreOf(reply: Reply | undefined): number {
  if (reply instanceof DoubleReply) return reply.value;
  return reply === 'inf' ? Infinity : reply === '-inf' ? -Infinity : Number(reply);
}
