/** XREAD and XREADGROUP. */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamItem } from '../../model/element.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { StreamEntry } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, MapReply, NULL_ARRAY, syntaxError, type Reply } from '../reply.ts';
import { at, isOption } from './arguments.ts';
import { tryOrBlock } from './blocking.ts';
import { entriesReadAfter, itemReply } from './stream-entry.ts';
import { editGroup, noSuchKeyOrGroup, saveGroup, type GroupDraft, type GroupEdit } from './stream-groups.ts';
import { idArgument, indexFrom, itemAt, maxId, minId, nextId } from './stream-ids.ts';

type Run = CommandSpec['run'];

interface GroupOption {
  readonly name: ByteString;
  readonly consumer: ByteString;
}

interface ReadOptions {
  readonly timeoutMs: number | undefined;
  readonly count: number;
  readonly noAck: boolean;
  readonly group: GroupOption | undefined;
  readonly keys: readonly ByteString[];
  readonly ids: readonly ByteString[];
}

/** A stream to read after an id; `>`: after what its group was given last. */
interface Wanted {
  readonly key: ByteString;
  readonly after: string;
}

/** A waiting read without COUNT gives at most this many entries. */
const waitingCount = 1000;

function parseOptions(args: readonly ByteString[], command: 'XREAD' | 'XREADGROUP'): ReadOptions {
  let timeoutMs: number | undefined;
  let count = 0;
  let noAck = false;
  let group: GroupOption | undefined;
  let streams: readonly ByteString[] | undefined;
  for (let i = 0; i < args.length && streams === undefined; i++) {
    const arg = args[i];
    const left = args.length - 1 - i;
    if (left > 0 && isOption(arg, 'BLOCK')) {
      timeoutMs = numberArgument(at(args, ++i), 'ERR timeout is not an integer or out of range');
      if (timeoutMs < 0) throw new CommandError('ERR timeout is negative');
    } else if (left > 0 && isOption(arg, 'COUNT')) {
      count = Math.max(0, numberArgument(at(args, ++i)));
    } else if (left > 0 && isOption(arg, 'STREAMS')) {
      streams = args.slice(i + 1);
      if (streams.length % 2 !== 0) throw new CommandError('ERR Unbalanced XREAD list of streams: for each stream key an ID or \'$\' must be specified.');
    } else if (left > 1 && isOption(arg, 'GROUP')) {
      if (command === 'XREAD') throw new CommandError('ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.');
      group = { name: at(args, i + 1), consumer: at(args, i + 2) };
      i += 2;
    } else if (isOption(arg, 'NOACK')) {
      if (command === 'XREAD') throw new CommandError('ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.');
      noAck = true;
    } else {
      throw syntaxError();
    }
  }
  if (streams === undefined) throw syntaxError();
  if (command === 'XREADGROUP' && group === undefined) throw new CommandError('ERR Missing GROUP option for XREADGROUP');
  const half = streams.length / 2;
  return { timeoutMs, count, noAck, group, keys: streams.slice(0, half), ids: streams.slice(half) };
}

/** Types, groups and ids of all streams, checked in their order before anything is read. */
function wantedStreams({ db }: CommandContext, { keys, ids, group }: ReadOptions): Wanted[] {
  return keys.map((key, index) => {
    const stream = db.readTyped(key, 'stream');
    if (group !== undefined && stream?.groups.has(group.name) !== true) throw noSuchKeyOrGroup(key, group.name, ' in XREADGROUP with GROUP option');
    const id = at(ids, index);
    if (id === '$') {
      if (group !== undefined) throw new CommandError('ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.');
      return { key, after: stream?.lastId ?? minId };
    }
    if (id === '>') {
      if (group === undefined) throw new CommandError('ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.');
      return { key, after: '>' };
    }
    const after = idArgument(id);
    // To Redis the last id there can be and `>` are one.
    return { key, after: group !== undefined && after === maxId ? '>' : after };
  });
}

/** Entries after `after`, at most `count` of them; 0 for all. */
function itemsAfter(stream: StreamEntry, after: string, count: number): readonly StreamItem[] {
  const start = nextId(after);
  if (start === undefined) return [];
  const from = indexFrom(stream.items, start);
  return stream.items.slice(from, count === 0 ? undefined : from + count);
}

function readPlain({ db }: CommandContext, { key, after }: Wanted, count: number): Reply | undefined {
  const stream = db.read(key);
  if (stream?.type !== 'stream') return undefined;
  const items = itemsAfter(stream, after, count);
  return items.length === 0 ? undefined : items.map(itemReply);
}

function readForGroup(context: CommandContext, { key, after }: Wanted, options: { readonly count: number; readonly noAck: boolean; readonly group: GroupOption; readonly isWaiting: boolean }): Reply | undefined {
  const { db } = context;
  const { group, count, noAck } = options;
  if (options.isWaiting && db.read(key)?.type !== 'stream') throw new CommandError('UNBLOCKED the stream key no longer exists');
  const edit = editGroup(db, key, group.name);
  if (edit === undefined) throw new CommandError('NOGROUP the consumer group this client was blocked on no longer exists');
  const now = context.keyspace.options.now();
  if (after !== '>') {
    edit.group.consumers.set(group.consumer, now);
    const history = redeliver(edit, { after, count, consumer: group.consumer, now });
    saveGroup(db, key, edit);
    return history;
  }
  const items = itemsAfter(edit.stream, edit.group.lastDeliveredId, count);
  if (items.length === 0) return undefined;
  edit.group.consumers.set(group.consumer, now);
  for (const { id } of items) {
    edit.group.entriesRead = entriesReadAfter(edit.stream, edit.group.entriesRead, id);
    edit.group.lastDeliveredId = id;
    if (!noAck) edit.group.pending.set(id, { consumer: group.consumer, deliveredAtMs: now, deliveries: 1 });
  }
  saveGroup(db, key, edit);
  return items.map(itemReply);
}

/** A consumer's own pending entries after an id, given once more; of those deleted since only the id. */
function redeliver({ stream, group }: GroupEdit, options: { readonly after: string; readonly count: number; readonly consumer: ByteString; readonly now: number }): Reply {
  const { after, count, consumer, now } = options;
  const start = nextId(after);
  if (start === undefined) return [];
  const own = pendingIds(group, consumer);
  const ids = own.slice(indexFrom(own, start)).map(({ id }) => id);
  return ids.slice(0, count === 0 ? undefined : count).map((id): Reply => {
    const item = itemAt(stream.items, id);
    if (item === undefined) return [id, NULL_ARRAY];
    group.pending.set(id, { consumer, deliveredAtMs: now, deliveries: (group.pending.get(id)?.deliveries ?? 0) + 1 });
    return itemReply(item);
  });
}

function pendingIds(group: GroupDraft, consumer: ByteString): readonly { readonly id: string }[] {
  return [...group.pending].filter(([, entry]) => entry.consumer === consumer).map(([id]) => ({ id }));
}

function read(command: 'XREAD' | 'XREADGROUP'): Run {
  return (context, args) => {
    const options = parseOptions(args, command);
    const wanted = wantedStreams(context, options);
    const readOne = (one: Wanted, isWaiting: boolean): Reply | undefined => {
      const count = isWaiting && options.count === 0 ? waitingCount : options.count;
      const { group, noAck } = options;
      return group === undefined ? readPlain(context, one, count) : readForGroup(context, one, { group, noAck, count, isWaiting });
    };
    const attempt = (isWaiting: boolean, ready?: ByteString): Reply | undefined => {
      const found: (readonly [ByteString, Reply])[] = [];
      // A waiting reader is woken by one stream and gets that one alone.
      for (const one of isWaiting && ready !== undefined ? wanted.filter(({ key }) => key === ready) : wanted) {
        const items = readOne(one, isWaiting);
        if (items !== undefined) found.push([one.key, items]);
        if (isWaiting && found.length > 0) break;
      }
      if (found.length === 0) return undefined;
      return context.session.protocol === 3 ? new MapReply(found.flat()) : found;
    };
    if (options.timeoutMs === undefined) return attempt(false) ?? NULL_ARRAY;
    return tryOrBlock({ keys: options.keys, timeoutMs: options.timeoutMs, attempt });
  };
}

/** The keys after STREAMS, for the command table. */
function streamKeys(args: readonly ByteString[]): readonly ByteString[] {
  const streams = args.slice(args.findIndex((arg) => isOption(arg, 'STREAMS')) + 1);
  return streams.slice(0, Math.floor(streams.length / 2));
}

/** XREAD and XREADGROUP. */
export const streamReadCommands: readonly CommandSpec[] = [
  { name: 'xread', arity: -4, flags: ['readonly', 'blocking', 'movablekeys'], keys: streamKeys, run: read('XREAD') },
  { name: 'xreadgroup', arity: -7, flags: ['write', 'blocking', 'movablekeys'], keys: streamKeys, run: read('XREADGROUP') },
];
