/** XINFO. */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamGroup } from '../../model/element.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { StreamEntry } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, MapReply, type Reply } from '../reply.ts';
import { at, errorText, isOption } from './arguments.ts';
import { itemReply, lagOf } from './stream-entry.ts';
import { streamContainer, subcommandSyntaxError } from './stream-group-commands.ts';
import { minId } from './stream-ids.ts';
import { countNodes } from './stream-nodes.ts';

/** How many entries XINFO STREAM FULL shows where it is not told. */
const defaultFullCount = 10;

function requireStream({ db }: CommandContext, args: readonly ByteString[]): StreamEntry {
  const stream = db.readTyped(at(args, 0), 'stream');
  if (stream === undefined) throw new CommandError('ERR no such key');
  return stream;
}

/** Redis keeps groups in a radix tree, so it lists them by name. */
function groupsByName(stream: StreamEntry): StreamGroup[] {
  return [...stream.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const take = <T>(items: readonly T[], count: number): readonly T[] => (count === 0 ? items : items.slice(0, count));

function streamInfo(context: CommandContext, args: readonly ByteString[], spelling: ByteString): Reply {
  const stream = requireStream(context, args);
  const full = fullCount(args.slice(1), spelling);
  const { listpacks, treeNodes } = countNodes(stream.items);
  const common: Reply[] = [
    'length', stream.items.length, 'radix-tree-keys', listpacks, 'radix-tree-nodes', treeNodes, 'last-generated-id', stream.lastId,
    'max-deleted-entry-id', stream.maxDeletedId, 'entries-added', stream.entriesAdded, 'recorded-first-entry-id', stream.items[0]?.id ?? minId,
  ];
  if (full !== undefined) {
    return new MapReply([...common, 'entries', take(stream.items, full).map(itemReply), 'groups', groupsByName(stream).map((group) => fullGroup(stream, group, full))]);
  }
  const first = stream.items[0];
  const last = stream.items.at(-1);
  return new MapReply([
    ...common, 'groups', stream.groups.size,
    'first-entry', first === undefined ? null : itemReply(first), 'last-entry', last === undefined ? null : itemReply(last),
  ]);
}

/** `[FULL [COUNT count]]`: how many entries to show, 0 for all; undefined without FULL. */
function fullCount(args: readonly ByteString[], spelling: ByteString): number | undefined {
  if (args.length === 0) return undefined;
  const hasCount = args.length === 3 && isOption(args[1], 'COUNT');
  if (!isOption(args[0], 'FULL') || (args.length !== 1 && !hasCount)) throw subcommandSyntaxError('XINFO', spelling);
  const count = hasCount ? numberArgument(at(args, 2)) : defaultFullCount;
  return count < 0 ? defaultFullCount : count;
}

function fullGroup(stream: StreamEntry, group: StreamGroup, count: number): Reply {
  const consumers = group.consumers.map((consumer): Reply => {
    const own = group.pending.filter((entry) => entry.consumer === consumer.name);
    return new MapReply([
      'name', consumer.name, 'seen-time', consumer.seenAtMs, 'pel-count', own.length,
      'pending', take(own, count).map((entry) => [entry.id, entry.deliveredAtMs, entry.deliveries]),
    ]);
  });
  return new MapReply([
    'name', group.name, 'last-delivered-id', group.lastDeliveredId, 'entries-read', group.entriesRead, 'lag', lagOf(stream, group),
    'pel-count', group.pending.length, 'pending', take(group.pending, count).map((entry) => [entry.id, entry.consumer, entry.deliveredAtMs, entry.deliveries]),
    'consumers', consumers,
  ]);
}

function groupsInfo(context: CommandContext, args: readonly ByteString[]): Reply {
  const stream = requireStream(context, args);
  return groupsByName(stream).map((group) => new MapReply([
    'name', group.name, 'consumers', group.consumers.length, 'pending', group.pending.length,
    'last-delivered-id', group.lastDeliveredId, 'entries-read', group.entriesRead, 'lag', lagOf(stream, group),
  ]));
}

function consumersInfo(context: CommandContext, args: readonly ByteString[]): Reply {
  const group = requireStream(context, args).groups.get(at(args, 1));
  if (group === undefined) throw new CommandError(`NOGROUP No such consumer group '${errorText(at(args, 1))}' for key name '${errorText(at(args, 0))}'`);
  return group.consumers.map((consumer) => new MapReply([
    'name', consumer.name, 'pending', group.pending.filter((entry) => entry.consumer === consumer.name).length, 'idle', Math.max(0, context.now - consumer.seenAtMs),
  ]));
}

/** XINFO. */
export const streamInfoCommands: readonly CommandSpec[] = [
  streamContainer('xinfo', ['readonly'], [
    { name: 'stream', arity: -3, run: streamInfo },
    { name: 'groups', arity: 3, run: groupsInfo },
    { name: 'consumers', arity: 4, run: consumersInfo },
  ], [
    'CONSUMERS <key> <groupname>', '    Show consumers of <groupname>.',
    'GROUPS <key>', '    Show the stream consumer groups.',
    'STREAM <key> [FULL [COUNT <count>]', '    Show information about the stream.',
  ]),
];
