import type { ByteString } from '../../lib/bytes.ts';
import type { CommandSpec, SubcommandSpec } from '../command.ts';
import { globMatcher } from '../glob.ts';
import { CommandError, MapReply, NULL_ARRAY, SetReply, SimpleReply, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';
import { containerCommand } from './container.ts';

/** The table of commands as COMMAND describes it. */
export interface CommandTable {
  specs(): Iterable<CommandSpec>;
  find(name: ByteString): CommandSpec | undefined;
  /** The keys of a whole command, name first. */
  keysOf(args: readonly ByteString[]): readonly ByteString[] | 'all';
}

/** COMMAND over the given table, so that a server built on the keyspace describes itself as Redis does. */
export function introspectionCommand(table: CommandTable): CommandSpec {
  const allNames = (): string[] => [...table.specs()].map((spec) => spec.name);
  return containerCommand({
    name: 'command', flags: ['loading', 'stale'],
    bare: () => [...table.specs()].map(description),
    subcommands: [
      { name: 'count', arity: 2, run: () => allNames().length },
      { name: 'info', arity: -2, run: (_context, names) => (names.length === 0 ? [...table.specs()].map(description) : names.map((name) => namedDescription(table, name))) },
      { name: 'docs', arity: -2, run: () => new MapReply([]) },
      { name: 'list', arity: -2, run: (_context, args) => listedNames(allNames(), args) },
      { name: 'getkeys', arity: -4, run: (_context, args) => keysOfInvocation(table, args) },
    ],
  });
}

/** Name, arity, flags, first key, last key, step, ACL categories, tips, key specifications, subcommands. */
function description(spec: CommandSpec): Reply {
  const subcommands = (spec.subcommands ?? []).map((one) => description(subcommandSpec(spec, one)));
  const isMovable = typeof spec.keys === 'function' && spec.subcommands === undefined;
  const flags = isMovable && !spec.flags.includes('movablekeys') ? [...spec.flags, 'movablekeys'] : spec.flags;
  const [first, last, step] = typeof spec.keys === 'function' || spec.subcommands !== undefined ? [0, 0, 0] : spec.keys;
  const shownFlags = new SetReply(flags.filter((flag) => flag !== 'random').map((flag) => new SimpleReply(flag)));
  return [spec.name, spec.arity, shownFlags, first, last, step, new SetReply([]), [], [], subcommands];
}

/** A subcommand as a command of its own. Where a container finds its keys by code, trying shows whether this one has a key. */
function subcommandSpec({ name, keys, flags, run }: CommandSpec, subcommand: SubcommandSpec): CommandSpec {
  const finds = (container: CommandSpec['keys']): boolean => (typeof container === 'function' ? container([subcommand.name, 'key']).length > 0 : container[0] !== 0);
  const hasKey = subcommand.name !== 'help' && finds(keys);
  return { name: `${name}|${subcommand.name}`, arity: subcommand.arity, flags, keys: hasKey ? [2, 2, 1] : [0, 0, 0], run };
}

function namedDescription(table: CommandTable, name: ByteString): Reply {
  const [container = '', subcommand] = name.toLowerCase().split('|');
  const spec = table.find(container);
  if (spec === undefined) return NULL_ARRAY;
  if (subcommand === undefined) return description(spec);
  const found = spec.subcommands?.find((one) => one.name === subcommand);
  return found === undefined ? NULL_ARRAY : description(subcommandSpec(spec, found));
}

function listedNames(names: readonly string[], args: readonly ByteString[]): Reply {
  if (args.length === 0) return names;
  if (args.length !== 3 || !isOption(args[0], 'FILTERBY')) throw syntaxError();
  if (isOption(args[1], 'PATTERN')) return names.filter(globMatcher(args[2] ?? ''));
  if (isOption(args[1], 'MODULE') || isOption(args[1], 'ACLCAT')) return [];
  throw syntaxError();
}

function keysOfInvocation(table: CommandTable, args: readonly ByteString[]): Reply {
  const spec = table.find((args[0] ?? '').toLowerCase());
  if (spec === undefined) throw new CommandError('ERR Invalid command specified');
  const hasNoKeys = typeof spec.keys !== 'function' && spec.keys[0] === 0;
  if (hasNoKeys) throw new CommandError('ERR The command has no key arguments');
  if (spec.arity > 0 ? args.length !== spec.arity : args.length < -spec.arity) throw new CommandError('ERR Invalid number of arguments specified for command');
  const keys = table.keysOf(args);
  if (keys === 'all' || keys.length === 0) throw new CommandError('ERR Invalid arguments specified for command');
  return keys;
}
