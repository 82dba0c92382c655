import type { Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element, ElementValue, StreamGroup, StreamItem } from '../../model/element.ts';
import type { ControlConnection } from './upstream-control.ts';

type StreamValue = Extract<ElementValue, { readonly type: 'stream' }>;

/** A stream from the RESP2 reply of XINFO STREAM … FULL COUNT 0, Redis 6.0 and later. */
export function streamFromFullInfo(items: readonly Reply[]): StreamValue {
  const info = fields(items);
  const entries = list(info.get('entries')).map(itemOf);
  return {
    type: 'stream',
    items: entries,
    lastId: text(info.get('last-generated-id'), '0-0'),
    maxDeletedId: text(info.get('max-deleted-entry-id'), '0-0'), // 7.0
    entriesAdded: number(info.get('entries-added'), entries.length), // 7.0
    groups: list(info.get('groups')).map((group) => groupOf(fields(list(group)))),
  };
}

function groupOf(info: ReadonlyMap<string, Reply>): StreamGroup {
  const read = info.get('entries-read'); // 7.0
  return {
    name: text(info.get('name')),
    lastDeliveredId: text(info.get('last-delivered-id'), '0-0'),
    entriesRead: typeof read === 'number' ? read : null,
    consumers: list(info.get('consumers')).map((consumer) => {
      const about = fields(list(consumer));
      return { name: text(about.get('name')), seenAtMs: number(about.get('seen-time'), 0) };
    }),
    pending: list(info.get('pending') ?? info.get('pel')).map((entry) => {
      const [id, consumer, deliveredAtMs, deliveries] = list(entry);
      return { id: text(id), consumer: text(consumer), deliveredAtMs: number(deliveredAtMs, 0), deliveries: number(deliveries, 1) };
    }),
  };
}

/** A stream of a Redis 5 server, which has no FULL: several round trips; idle times are turned into times by this machine's clock. */
export async function readOldStream(control: ControlConnection, database: number, key: ByteString, expiresAtMs: number | null): Promise<Element | null> {
  const [range, info, groups] = await control.send(database, [['XRANGE', key, '-', '+'], ['XINFO', 'STREAM', key], ['XINFO', 'GROUPS', key]]);
  const about = fields(list(info));
  if (about.size === 0) return null;
  const items = list(range).map(itemOf);
  const value: StreamValue = {
    type: 'stream', items, lastId: text(about.get('last-generated-id'), '0-0'), maxDeletedId: '0-0', entriesAdded: items.length,
    groups: await Promise.all(list(groups).map((group) => oldGroup(control, database, key, fields(list(group))))),
  };
  return { value, expiresAtMs };
}

async function oldGroup(control: ControlConnection, database: number, key: ByteString, info: ReadonlyMap<string, Reply>): Promise<StreamGroup> {
  const name = text(info.get('name'));
  const [consumers, pending] = await control.send(database, [['XINFO', 'CONSUMERS', key, name], ['XPENDING', key, name, '-', '+', '1000000000']]);
  const now = Date.now();
  return {
    name, lastDeliveredId: text(info.get('last-delivered-id'), '0-0'), entriesRead: null,
    consumers: list(consumers).map((consumer) => {
      const about = fields(list(consumer));
      return { name: text(about.get('name')), seenAtMs: now - number(about.get('idle'), 0) };
    }),
    pending: list(pending).map((entry) => {
      const [id, consumer, idle, deliveries] = list(entry);
      return { id: text(id), consumer: text(consumer), deliveredAtMs: now - number(idle, 0), deliveries: number(deliveries, 1) };
    }),
  };
}

function itemOf(reply: Reply): StreamItem {
  const [id, flat] = list(reply);
  const values = list(flat);
  const out: [ByteString, ByteString][] = [];
  for (let at = 0; at + 1 < values.length; at += 2) out.push([text(values[at]), text(values[at + 1])]);
  return { id: text(id), fields: out };
}

function fields(items: readonly Reply[]): Map<string, Reply> {
  const out = new Map<string, Reply>();
  for (let at = 0; at + 1 < items.length; at += 2) out.set(text(items[at]), items[at + 1] as Reply);
  return out;
}

function list(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

function text(reply: Reply | undefined, otherwise = ''): ByteString {
  return typeof reply === 'string' ? reply : otherwise;
}

function number(reply: Reply | undefined, otherwise: number): number {
  return typeof reply === 'number' ? reply : otherwise;
}
