import type { ByteString } from '../../lib/bytes.ts';
import { assign } from '../assign.ts';
import type { Database } from '../database.ts';
import { isIntsetMember, type Entry, type EntryOf, type HashEntry, type ListEntry, type SetEntry, type ZsetEntry } from '../entry.ts';

/** Above so many members Redis gives up the intset encoding. */
const maxIntset = 512;

/** A hash without fields, not yet put anywhere. */
export const newHash = (): HashEntry => ({ type: 'hash', fields: new Map(), expiresAtMs: null, owner: null });
/** A list without items, not yet put anywhere. */
export const newList = (): ListEntry => ({ type: 'list', items: [], expiresAtMs: null, owner: null });
/** A set without members, not yet put anywhere. */
export const newSet = (): SetEntry => ({ type: 'set', members: new Set(), intsOnly: true, expiresAtMs: null, owner: null });
/** A sorted set without members, not yet put anywhere. */
export const newZset = (): ZsetEntry => ({ type: 'zset', scores: new Map(), sorted: null, expiresAtMs: null, owner: null });

/** Makes changes of an entry known: one just made is put, one changed in place is announced and removed if now empty. */
export function commit(db: Database, key: ByteString, entry: Entry): void {
  if (db.peek(key) === entry) db.changed(key, entry);
  else db.put(key, entry);
}

/** Puts the result of a `…STORE` command over whatever was there, expiry included; an empty result deletes the key. */
export function store(db: Database, key: ByteString, entry: EntryOf<'set'> | EntryOf<'zset'>): number {
  const size = entry.type === 'set' ? entry.members.size : entry.scores.size;
  // A compact sorted set keeps whole scores as integers, which have no negative zero.
  if (entry.type === 'zset') for (const [member, score] of entry.scores) if (score === 0) entry.scores.set(member, 0);
  // Redis' compact encoding keeps no sign of zero.
  if (entry.type === 'zset') for (const [member, score] of entry.scores) if (score === 0) entry.scores.set(member, 0);
  if (size === 0) db.delete(key);
  else assign(db, key, entry);
  return size;
}

/** Adds a member, keeping track of whether Redis would still hold an intset; false when it was there. */
export function addMember(entry: SetEntry, member: ByteString): boolean {
  if (entry.members.has(member)) return false;
  entry.members.add(member);
  entry.intsOnly &&= entry.members.size <= maxIntset && isIntsetMember(member);
  return true;
}

/** A fresh set of these members, encoded as Redis would after adding them one by one. */
export function setOf(members: Iterable<ByteString>): SetEntry {
  const entry = newSet();
  for (const member of members) addMember(entry, member);
  return entry;
}
