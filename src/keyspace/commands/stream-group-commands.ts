/** XGROUP, XACK and XPENDING. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec, SubcommandSpec } from '../command.ts';
import type { StreamEntry } from '../entry.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, NULL_ARRAY, OK, SimpleReply, syntaxError, type Reply } from '../reply.ts';
import { at, errorText, isOption } from './arguments.ts';
import { commit } from './collections.ts';
import { newStream } from './stream-entry.ts';
import { editGroup, noSuchKeyOrGroup, saveGroup, type GroupEdit } from './stream-groups.ts';
import { idArgument, intervalArgument, itemsBetween, minId } from './stream-ids.ts';

type Run = CommandSpec['run'];

/** A subcommand of XGROUP or XINFO; `args` are those after its name, `spelling` its name as given, for errors. */
export interface StreamSubcommand extends SubcommandSpec {
  readonly run: (context: CommandContext, args: readonly ByteString[], spelling: ByteString) => Reply;
}

/** XGROUP or XINFO: subcommands about one key, and HELP. */
export function streamContainer(name: string, flags: CommandSpec['flags'], subcommands: readonly StreamSubcommand[], help: readonly string[]): CommandSpec {
  const lines = [`${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`, ...help, 'HELP', '    Prints this help.'];
  const all: readonly StreamSubcommand[] = [...subcommands, { name: 'help', arity: 2, run: () => lines.map((line) => new SimpleReply(line)) }];
  const run: Run = (context, args) => {
    const subcommand = all.find((one) => isOption(args[0], one.name.toUpperCase()));
    if (subcommand === undefined) throw new CommandError(`ERR unknown subcommand '${errorText(args[0] ?? '').slice(0, 128)}'. Try ${name.toUpperCase()} HELP.`);
    return subcommand.run(context, args.slice(1), at(args, 0));
  };
  return { name, arity: -2, flags, keys: (args) => args.slice(1, 2), subcommands: all, run };
}

/** What Redis says of a subcommand's arguments that it cannot make sense of. */
export const subcommandSyntaxError = (container: string, subcommand: ByteString): CommandError => new CommandError(`ERR unknown subcommand or wrong number of arguments for '${subcommand}'. Try ${container} HELP.`);

const missingKey = (): CommandError => new CommandError('ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.');

interface GroupOptions {
  readonly makeStream: boolean;
  readonly entriesRead: number | null;
}

function groupOptions(args: readonly ByteString[], allowed: { readonly makeStream: boolean; readonly spelling: ByteString }): GroupOptions {
  let makeStream = false;
  let entriesRead: number | null = null;
  for (let i = 0; i < args.length; i++) {
    if (allowed.makeStream && isOption(args[i], 'MKSTREAM')) {
      makeStream = true;
    } else if (isOption(args[i], 'ENTRIESREAD') && i + 1 < args.length) {
      const value = numberArgument(at(args, ++i));
      if (value < -1) throw new CommandError('ERR value for ENTRIESREAD must be positive or -1');
      entriesRead = value === -1 ? null : value;
    } else {
      throw subcommandSyntaxError('XGROUP', allowed.spelling);
    }
  }
  return { makeStream, entriesRead };
}

const idOrLast = (text: ByteString, stream: StreamEntry | undefined): string => (text === '$' ? stream?.lastId ?? minId : idArgument(text));

function create({ db }: CommandContext, args: readonly ByteString[], spelling: ByteString): Reply {
  const { makeStream, entriesRead } = groupOptions(args.slice(3), { makeStream: true, spelling });
  const key = at(args, 0);
  const name = at(args, 1);
  const existing = db.writable(key, 'stream');
  if (existing === undefined && !makeStream) throw missingKey();
  if (args.length > 6) throw subcommandSyntaxError('XGROUP', spelling);
  const lastDeliveredId = idOrLast(at(args, 2), existing);
  const stream = existing ?? newStream();
  if (stream.groups.has(name)) throw new CommandError('BUSYGROUP Consumer Group name already exists');
  db.noteWrite(key);
  stream.groups.set(name, { name, lastDeliveredId, entriesRead, consumers: [], pending: [] });
  commit(db, key, stream);
  return OK;
}

function requireGroup({ db }: CommandContext, args: readonly ByteString[]): GroupEdit & { readonly key: ByteString } {
  const key = at(args, 0);
  const name = at(args, 1);
  if (db.readTyped(key, 'stream') === undefined) throw missingKey();
  const edit = editGroup(db, key, name);
  if (edit === undefined) throw new CommandError(`NOGROUP No such consumer group '${errorText(name)}' for key name '${errorText(key)}'`);
  return { key, ...edit };
}

function setId(context: CommandContext, args: readonly ByteString[], spelling: ByteString): Reply {
  const { entriesRead } = groupOptions(args.slice(3), { makeStream: false, spelling });
  const edit = requireGroup(context, args);
  if (args.length > 5) throw subcommandSyntaxError('XGROUP', spelling);
  const text = at(args, 2);
  // Unlike CREATE, SETID takes `-` and `+` for ids.
  edit.group.lastDeliveredId = /^[-+](?:$|\0)/.test(text) ? intervalArgument(text, 'start') : idOrLast(text, edit.stream);
  edit.group.entriesRead = entriesRead;
  saveGroup(context.db, edit.key, edit);
  return OK;
}

function destroy({ db }: CommandContext, args: readonly ByteString[]): Reply {
  const key = at(args, 0);
  const stream = db.writable(key, 'stream');
  if (stream === undefined) throw missingKey();
  db.noteWrite(key);
  if (!stream.groups.delete(at(args, 1))) return 0;
  db.changed(key, stream);
  return 1;
}

function createConsumer(context: CommandContext, args: readonly ByteString[]): Reply {
  const edit = requireGroup(context, args);
  const consumer = at(args, 2);
  if (edit.group.consumers.has(consumer)) return 0;
  edit.group.consumers.set(consumer, context.now);
  saveGroup(context.db, edit.key, edit);
  return 1;
}

function deleteConsumer(context: CommandContext, args: readonly ByteString[]): Reply {
  const edit = requireGroup(context, args);
  const consumer = at(args, 2);
  const own = [...edit.group.pending].filter(([, entry]) => entry.consumer === consumer);
  for (const [id] of own) edit.group.pending.delete(id);
  edit.group.consumers.delete(consumer);
  saveGroup(context.db, edit.key, edit);
  return own.length;
}

const xgroup = streamContainer('xgroup', ['write'], [
  { name: 'create', arity: -5, run: create },
  { name: 'setid', arity: -5, run: setId },
  { name: 'destroy', arity: 4, run: destroy },
  { name: 'createconsumer', arity: 5, run: createConsumer },
  { name: 'delconsumer', arity: 5, run: deleteConsumer },
], [
  'CREATE <key> <groupname> <id|$> [option]', '    Create a new consumer group. Options are:', '    * MKSTREAM', '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read', '      Set the group\'s entries_read counter (internal use).',
  'CREATECONSUMER <key> <groupname> <consumer>', '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>', '    Remove the specified consumer.',
  'DESTROY <key> <groupname>', '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]', '    Set the current group ID and entries_read counter.',
]);

const xack: Run = ({ db }, args) => {
  const key = at(args, 0);
  const edit = editGroup(db, key, at(args, 1));
  if (edit === undefined) return 0;
  let acknowledged = 0;
  for (const id of args.slice(2).map(idArgument)) if (edit.group.pending.delete(id)) acknowledged++;
  saveGroup(db, key, edit);
  return acknowledged;
};

interface PendingQuery {
  readonly minIdleMs: number;
  readonly start: string;
  readonly end: string;
  readonly count: number;
  readonly consumer: ByteString | undefined;
}

/** `[IDLE ms] start end count [consumer]`; undefined for the summary. */
function pendingQuery(args: readonly ByteString[]): PendingQuery | undefined {
  if (args.length === 0) return undefined;
  if (args.length < 3 || args.length > 6) throw syntaxError();
  const hasIdle = isOption(args[0], 'IDLE');
  const minIdleMs = hasIdle ? numberArgument(at(args, 1)) : 0;
  if (hasIdle && args.length < 5) throw syntaxError();
  const [startText = '', endText = '', countText = '', consumer] = hasIdle ? args.slice(2) : args;
  const count = Math.max(0, numberArgument(countText));
  return { minIdleMs, start: intervalArgument(startText, 'start'), end: intervalArgument(endText, 'end'), count, consumer };
}

const xpending: Run = (context, args) => {
  const query = pendingQuery(args.slice(2));
  const key = at(args, 0);
  const name = at(args, 1);
  const group = context.db.readTyped(key, 'stream')?.groups.get(name);
  if (group === undefined) throw noSuchKeyOrGroup(key, name);
  const { pending } = group;
  if (query === undefined) {
    if (pending.length === 0) return [0, null, null, NULL_ARRAY];
    const counts = group.consumers.map((consumer) => [consumer.name, pending.filter((entry) => entry.consumer === consumer.name).length] as const);
    return [pending.length, pending[0]?.id ?? null, pending.at(-1)?.id ?? null, counts.filter(([, count]) => count > 0).map(([consumer, count]) => [consumer, String(count)])];
  }
  return itemsBetween(pending, query.start, query.end)
    .filter((entry) => (query.consumer === undefined || entry.consumer === query.consumer) && context.now - entry.deliveredAtMs >= query.minIdleMs)
    .slice(0, query.count)
    .map((entry) => [entry.id, entry.consumer, Math.max(0, context.now - entry.deliveredAtMs), entry.deliveries]);
};

/** XGROUP, XACK and XPENDING. */
export const streamGroupCommands: readonly CommandSpec[] = [
  xgroup,
  { name: 'xack', arity: -4, flags: ['write', 'fast'], keys: [1, 1, 1], run: xack },
  { name: 'xpending', arity: -3, flags: ['readonly'], keys: [1, 1, 1], run: xpending },
];
