/** Reading and changing sorted sets so that their sorted order, once made, is kept up rather than made again. */
import type { ByteString } from '../../lib/bytes.ts';
import type { Database } from '../database.ts';
import { compareScored, sortedMembers, type ZsetEntry } from '../entry.ts';
import { DoubleReply, type Reply } from '../reply.ts';

/** A member of a sorted set with its score. */
export type Scored = readonly [member: ByteString, score: number];

/** After more changes than this in one command, sorting again at the next read is cheaper than moving every one into place. */
const fewChanges = 8;

/** Index of the first item for which `isAtOrAfter` holds, where it holds for all after it; the length when there is none. */
export function partitionPoint(items: readonly Scored[], isAtOrAfter: (item: Scored) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtOrAfter(items[middle] as Scored)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where a member stands, or would stand. */
export function rankOf(sorted: readonly Scored[], item: Scored): number {
  return partitionPoint(sorted, (other) => compareScored(other, item) >= 0);
}

/** Sets scores of members. The observer must have been told. */
export function setScores(entry: ZsetEntry, changes: readonly Scored[]): void {
  if (changes.length > fewChanges) entry.sorted = null;
  for (const [member, score] of changes) {
    const current = entry.scores.get(member);
    if (current === score) continue;
    entry.scores.set(member, score);
    // The array may be shared with copies of the entry, so it is replaced.
    let { sorted } = entry;
    if (sorted === null) continue;
    if (current !== undefined) {
      sorted = sorted.slice();
      sorted.splice(rankOf(sorted, [member, current]), 1);
    }
    entry.sorted = sorted.toSpliced(rankOf(sorted, [member, score]), 0, [member, score]);
  }
}

/** Removes members that are there, tells the observer of each, and the database afterwards. */
export function removeMembers(db: Database, key: ByteString, entry: ZsetEntry, members: readonly Scored[]): void {
  if (members.length === 0) return;
  const sorted = members.length > fewChanges || entry.sorted === null ? null : entry.sorted.slice();
  for (const item of members) {
    db.noteWrite(key, item[0]);
    entry.scores.delete(item[0]);
    sorted?.splice(rankOf(sorted, item), 1);
  }
  entry.sorted = sorted;
  db.changed(key, entry);
}

/** The sorted members of a key, none where it does not exist. */
export function sortedAt(db: Database, key: ByteString): readonly Scored[] {
  const entry = db.readTyped(key, 'zset');
  return entry === undefined ? [] : sortedMembers(entry);
}

/** Members, with their scores where asked for: in pairs of their own on RESP3, flat on RESP2. */
export function membersReply(items: readonly Scored[], withScores: boolean, protocol: 2 | 3): readonly Reply[] {
  if (!withScores) return items.map(([member]) => member);
  const pairs = items.map(([member, score]): readonly Reply[] => [member, new DoubleReply(score)]);
  return protocol === 3 ? pairs : pairs.flat();
}
