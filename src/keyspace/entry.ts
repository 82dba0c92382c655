import type { ByteString } from '../lib/bytes.ts';
import type { Element, ElementValue, StreamGroup, StreamItem } from '../model/element.ts';

interface EntryBase {
  /** Unix milliseconds; null for never. */
  expiresAtMs: number | null;
  /** The database that may change this entry in place; another one clones it first (copy on write). */
  owner: object | null;
}

/** A string. */
export interface StringEntry extends EntryBase { readonly type: 'string'; value: ByteString }
/** A hash; the Map keeps the order the server gave. */
export interface HashEntry extends EntryBase { readonly type: 'hash'; fields: Map<ByteString, ByteString> }
/** A list, head first. */
export interface ListEntry extends EntryBase { readonly type: 'list'; items: ByteString[] }
/** `intsOnly`: still what Redis calls an intset, listed in numeric order. */
export interface SetEntry extends EntryBase { readonly type: 'set'; members: Set<ByteString>; intsOnly: boolean }
/** `sorted` is the (score, member) order, made when asked for and dropped on change. */
export interface ZsetEntry extends EntryBase { readonly type: 'zset'; scores: Map<ByteString, number>; sorted: (readonly [ByteString, number])[] | null }
/** A stream; its groups are replaced, never changed. */
export interface StreamEntry extends EntryBase {
  readonly type: 'stream';
  items: StreamItem[];
  lastId: string;
  maxDeletedId: string;
  entriesAdded: number;
  groups: Map<ByteString, StreamGroup>;
}

/** A live element of a database. */
export type Entry = StringEntry | HashEntry | ListEntry | SetEntry | ZsetEntry | StreamEntry;
export type EntryOf<T extends Entry['type']> = Extract<Entry, { readonly type: T }>;

const integer = /^(0|-?[1-9]\d{0,18})$/;

/** Whether Redis would keep this member in an intset: a canonical 64-bit integer. */
export function isIntsetMember(member: ByteString): boolean {
  if (!integer.test(member)) return false;
  if (member.length < 16) return true;
  const value = BigInt(member);
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

/** The order of a sorted set: by score, then by member bytes. */
export function compareScored(a: readonly [ByteString, number], b: readonly [ByteString, number]): number {
  return a[1] - b[1] || (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) || 0;
}

/** A live entry that belongs to nobody yet (`owner: null`): it is cloned before its first change, so one may serve many overlays. */
export function entryFromElement(element: Element): Entry {
  const { value } = element;
  const base = { expiresAtMs: element.expiresAtMs, owner: null };
  switch (value.type) {
    case 'string': return { ...base, type: 'string', value: value.value };
    case 'hash': return { ...base, type: 'hash', fields: new Map(value.fields) };
    case 'list': return { ...base, type: 'list', items: [...value.items] };
    case 'set': return { ...base, type: 'set', members: new Set(value.members), intsOnly: value.members.length <= 512 && value.members.every(isIntsetMember) };
    case 'zset': return { ...base, type: 'zset', scores: new Map(value.members), sorted: null };
    case 'stream': return {
      ...base, type: 'stream', items: [...value.items], lastId: value.lastId, maxDeletedId: value.maxDeletedId,
      entriesAdded: value.entriesAdded, groups: new Map(value.groups.map((group) => [group.name, group])),
    };
  }
}

/** The canonical element of a live entry. */
export function elementFromEntry(entry: Entry): Element {
  return { value: valueOf(entry), expiresAtMs: entry.expiresAtMs };
}

function valueOf(entry: Entry): ElementValue {
  switch (entry.type) {
    case 'string': return { type: 'string', value: entry.value };
    case 'hash': return { type: 'hash', fields: [...entry.fields] };
    case 'list': return { type: 'list', items: [...entry.items] };
    case 'set': return { type: 'set', members: setMembers(entry) };
    case 'zset': return { type: 'zset', members: sortedMembers(entry) };
    case 'stream': return {
      type: 'stream', items: [...entry.items], lastId: entry.lastId, maxDeletedId: entry.maxDeletedId,
      entriesAdded: entry.entriesAdded, groups: [...entry.groups.values()],
    };
  }
}

/** Members in the order Redis lists them: numeric for an intset, insertion otherwise. */
export function setMembers(entry: SetEntry): ByteString[] {
  const members = [...entry.members];
  return entry.intsOnly ? members.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)) : members;
}

/** Members and scores in (score, member) order; the array is cached and must not be changed. */
export function sortedMembers(entry: ZsetEntry): (readonly [ByteString, number])[] {
  entry.sorted ??= [...entry.scores].sort(compareScored);
  return entry.sorted;
}

/** Whether two entries hold the same value, whatever their expiry; hashes and sets have no order. */
export function sameValue(a: Entry, b: Entry): boolean {
  return a === b || canonicalText(a) === canonicalText(b);
}

function canonicalText(entry: Entry): string {
  switch (entry.type) {
    case 'hash': return `hash ${JSON.stringify([...entry.fields].sort(([a], [b]) => (a < b ? -1 : 1)))}`;
    case 'set': return `set ${JSON.stringify([...entry.members].sort())}`;
    case 'string': case 'list': case 'zset': case 'stream': return JSON.stringify(valueOf(entry));
  }
}

/** A copy that `owner` may change. */
export function cloneEntry<E extends Entry>(entry: E, owner: object | null): E {
  switch (entry.type) {
    case 'string': return { ...entry, owner };
    case 'hash': return { ...entry, owner, fields: new Map(entry.fields) };
    case 'list': return { ...entry, owner, items: [...entry.items] };
    case 'set': return { ...entry, owner, members: new Set(entry.members) };
    case 'zset': return { ...entry, owner, scores: new Map(entry.scores) };
    case 'stream': return { ...entry, owner, items: [...entry.items], groups: new Map(entry.groups) };
  }
}
