/** What stream commands share: an empty stream, replies of entries, and the counting of what a group has read. */
import type { StreamGroup, StreamItem } from '../../model/element.ts';
import type { StreamEntry } from '../entry.ts';
import type { Reply } from '../reply.ts';
import { compareIds, maxId, minId } from './stream-ids.ts';

/** A stream without entries, not yet put anywhere. */
export const newStream = (): StreamEntry => ({
  type: 'stream', items: [], lastId: minId, maxDeletedId: minId, entriesAdded: 0, groups: new Map(), expiresAtMs: null, owner: null,
});

/** `[id, [field, value, …]]`. */
export function itemReply(item: StreamItem): Reply {
  return [item.id, item.fields.flat()];
}

const firstId = (stream: StreamEntry): string => stream.items[0]?.id ?? minId;

/** Whether an entry was deleted from `start` on: counting what lies ahead is then not exact. */
function hasTombstoneFrom(stream: StreamEntry, start: string): boolean {
  const { maxDeletedId } = stream;
  if (stream.items.length === 0 || maxDeletedId === minId || compareIds(firstId(stream), maxDeletedId) > 0) return false;
  return compareIds(start, maxDeletedId) <= 0 && compareIds(maxDeletedId, maxId) <= 0;
}

/** How many entries were ever added up to `id`, where that can be told; null otherwise. */
function entriesUpTo(stream: StreamEntry, id: string): number | null {
  const { items, entriesAdded, maxDeletedId, lastId } = stream;
  if (entriesAdded === 0) return 0;
  const toLast = compareIds(id, lastId);
  if (items.length === 0 && toLast < 1) return entriesAdded;
  if (toLast === 0) return entriesAdded;
  if (toLast > 0) return null;
  if (maxDeletedId !== minId && compareIds(maxDeletedId, firstId(stream)) >= 0) return null;
  const toFirst = compareIds(id, firstId(stream));
  if (toFirst < 0) return entriesAdded - items.length;
  return toFirst === 0 ? entriesAdded - items.length + 1 : null;
}

/** A group's `entries-read` after this entry has been delivered. */
export function entriesReadAfter(stream: StreamEntry, entriesRead: number | null, id: string): number | null {
  if (entriesRead !== null && !hasTombstoneFrom(stream, id)) return entriesRead + 1;
  return stream.entriesAdded > 0 ? entriesUpTo(stream, id) : entriesRead;
}

/** How many entries a group has still to read; null where it cannot be told. */
export function lagOf(stream: StreamEntry, group: StreamGroup): number | null {
  if (stream.entriesAdded === 0) return 0;
  const read = group.entriesRead !== null && !hasTombstoneFrom(stream, group.lastDeliveredId) ? group.entriesRead : entriesUpTo(stream, group.lastDeliveredId);
  return read === null ? null : stream.entriesAdded - read;
}
