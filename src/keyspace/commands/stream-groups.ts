/** Consumer groups: looking them up, and changing one by way of a draft, since groups themselves are immutable. */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamGroup } from '../../model/element.ts';
import type { Database } from '../database.ts';
import type { StreamEntry } from '../entry.ts';
import { CommandError } from '../reply.ts';
import { errorText } from './arguments.ts';
import { compareIds } from './stream-ids.ts';

/** An entry delivered and not acknowledged. */
export interface PendingEntry {
  readonly consumer: ByteString;
  readonly deliveredAtMs: number;
  readonly deliveries: number;
}

/** A group being changed; {@link saveGroup} puts it back. */
export interface GroupDraft {
  readonly name: ByteString;
  lastDeliveredId: string;
  entriesRead: number | null;
  readonly consumers: Map<ByteString, number>;
  readonly pending: Map<string, PendingEntry>;
}

/** A change of a group, on a stream this database owns. */
export interface GroupEdit {
  readonly stream: StreamEntry;
  readonly group: GroupDraft;
}

/** A draft of the group, its stream made writable; undefined where key or group does not exist. Throws WRONGTYPE. */
export function editGroup(db: Database, key: ByteString, name: ByteString): GroupEdit | undefined {
  const stream = db.writable(key, 'stream');
  const group = stream?.groups.get(name);
  if (stream === undefined || group === undefined) return undefined;
  return { stream, group: draftOf(group) };
}

/** As {@link editGroup}, for commands that need both. */
export function requireGroup(db: Database, key: ByteString, name: ByteString): GroupEdit {
  const edit = editGroup(db, key, name);
  if (edit === undefined) throw noSuchKeyOrGroup(key, name);
  return edit;
}

/** What a command that needs both answers without them; `where` ends the sentence. */
export const noSuchKeyOrGroup = (key: ByteString, name: ByteString, where = ''): CommandError => new CommandError(`NOGROUP No such key '${errorText(key)}' or consumer group '${errorText(name)}'${where}`);

function draftOf(group: StreamGroup): GroupDraft {
  return {
    name: group.name, lastDeliveredId: group.lastDeliveredId, entriesRead: group.entriesRead,
    consumers: new Map(group.consumers.map(({ name, seenAtMs }) => [name, seenAtMs])),
    pending: new Map(group.pending.map(({ id, consumer, deliveredAtMs, deliveries }) => [id, { consumer, deliveredAtMs, deliveries }])),
  };
}

/** Tells the observer, puts the changed group into its stream, and tells who watches the key. */
export function saveGroup(db: Database, key: ByteString, { stream, group }: GroupEdit): void {
  db.noteWrite(key);
  stream.groups.set(group.name, groupOf(group));
  db.changed(key, stream);
}

function groupOf({ name, lastDeliveredId, entriesRead, consumers, pending }: GroupDraft): StreamGroup {
  const entries = [...pending].map(([id, entry]) => ({ id, ...entry }));
  const isSorted = entries.every((entry, index) => index === 0 || compareIds(entries[index - 1]?.id ?? '', entry.id) < 0);
  return {
    name, lastDeliveredId, entriesRead,
    consumers: [...consumers].map(([consumer, seenAtMs]) => ({ name: consumer, seenAtMs })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    pending: isSorted ? entries : entries.sort((a, b) => compareIds(a.id, b.id)),
  };
}
