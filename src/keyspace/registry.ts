import type { ByteString } from '../lib/bytes.ts';
import type { CommandSpec } from './command.ts';
import { bitCommands } from './commands/bits.ts';
import { connectionCommands } from './commands/connection.ts';
import { expiryCommands } from './commands/expiry.ts';
import { genericCommands } from './commands/generic.ts';
import { hashCommands } from './commands/hashes.ts';
import { hyperloglogCommands } from './commands/hyperloglog.ts';
import { introspectionCommand } from './commands/introspection.ts';
import { listCommands } from './commands/lists.ts';
import { objectCommands } from './commands/object.ts';
import { pubsubCommands } from './commands/pubsub.ts';
import { scanCommands } from './commands/scan.ts';
import { serverCommands } from './commands/server.ts';
import { setCommands } from './commands/sets.ts';
import { sortCommands } from './commands/sort.ts';
import { sortedSetCommands } from './commands/sorted-sets.ts';
import { streamCommands } from './commands/streams.ts';
import { stringCommands } from './commands/strings.ts';
import { transactionCommands } from './commands/transactions.ts';
import { CommandError } from './reply.ts';
import { refusal, refusalReasons, unknownOnPurpose, UnsupportedCommand } from './unsupported.ts';

export { UnsupportedCommand } from './unsupported.ts';

/** Every command of the keyspace, by the group that docs show it under. */
const groups: readonly (readonly [title: string, specs: readonly CommandSpec[]])[] = [
  ['Strings', stringCommands], ['Bits', bitCommands], ['Hashes', hashCommands], ['Lists', listCommands], ['Sets', setCommands],
  ['Sorted sets', sortedSetCommands], ['Streams', streamCommands], ['HyperLogLog', hyperloglogCommands],
  ['Keys', [...genericCommands, ...expiryCommands, ...scanCommands, ...sortCommands, ...objectCommands]],
  ['Transactions', transactionCommands], ['Pub/sub', pubsubCommands], ['Connection', connectionCommands],
  ['Server', [...serverCommands, introspectionCommand({ specs: () => byName.values(), find: (name) => byName.get(name), keysOf })]],
];

const byName: ReadonlyMap<string, CommandSpec> = new Map(groups.flatMap(([, specs]) => specs.map((spec) => [spec.name, spec] as const)));
/** Clients write names in upper or in lower case: both are found without making a new string. */
const bySpelling: ReadonlyMap<string, CommandSpec> = new Map([...byName].flatMap(([name, spec]) => [[name, spec], [name.toUpperCase(), spec]] as const));

/** Commands of Redis 7.0 that the keyspace refuses, in lower case, a subcommand as `container|subcommand`; with the reason. */
export const refusedCommands: ReadonlyMap<string, string> = new Map([...refusalReasons].filter(([name]) => !byName.has(name)));

/** The command of this name (any case), or undefined. */
export function commandSpec(name: ByteString): CommandSpec | undefined {
  return bySpelling.get(name) ?? bySpelling.get(name.toLowerCase());
}

/** Whether a command of this name may change elements. */
export function isWrite(name: ByteString): boolean {
  return commandSpec(name)?.flags.includes('write') === true;
}

/**
 * The keys a command (name first) names in its arguments, in their order; `all` where it depends on the list of all keys. None for a
 * command the keyspace does not have. What SORT's patterns reach is not among them.
 */
export function keysOf(args: readonly ByteString[]): readonly ByteString[] | 'all' {
  const spec = commandSpec(args[0] ?? '');
  if (spec === undefined) return [];
  if (spec.wholeKeyspace === true) return 'all';
  if (typeof spec.keys === 'function') return spec.keys(args.slice(1));
  const [first, last, step] = spec.keys;
  if (first === 0) return [];
  const end = Math.min(last < 0 ? args.length + last : last, args.length - 1);
  const keys: ByteString[] = [];
  for (let i = first; i <= end; i += step) keys.push(args[i] ?? '');
  return keys;
}

/**
 * The spec of a command (name first) whose name, arity and subcommand are right. Throws {@link UnsupportedCommand} where the keyspace
 * does not have it, with Redis' own text where Redis would not know it either.
 */
export function checkCommand(args: readonly ByteString[]): CommandSpec {
  const spec = commandSpec(args[0] ?? '');
  if (spec === undefined) throw missingCommand(args);
  const subcommand = spec.subcommands === undefined || args.length < 2 ? undefined : subcommandOf(spec, args[1] ?? '');
  const { arity } = subcommand ?? spec;
  if (arity > 0 ? args.length !== arity : args.length < -arity) {
    throw new CommandError(`ERR wrong number of arguments for '${subcommand === undefined ? spec.name : `${spec.name}|${subcommand.name}`}' command`);
  }
  return spec;
}

function subcommandOf(spec: CommandSpec, name: ByteString): { readonly name: string; readonly arity: number } {
  const found = spec.subcommands?.find((one) => one.name === name.toLowerCase());
  if (found !== undefined) return found;
  const unknown = `ERR unknown subcommand '${untilNul(name).slice(0, 128)}'. Try ${spec.name.toUpperCase()} HELP.`;
  if (unknownOnPurpose.has(`${spec.name}|${name.toLowerCase()}`)) throw new CommandError(unknown);
  const full = `${spec.name} ${name}`.toUpperCase();
  const reason = refusedCommands.get(`${spec.name}|${name.toLowerCase()}`);
  if (reason !== undefined) throw refusal(full, reason);
  throw new UnsupportedCommand(full, unknown);
}

function missingCommand(args: readonly ByteString[]): UnsupportedCommand {
  const [name = '', ...rest] = args;
  const reason = refusedCommands.get(name.toLowerCase());
  if (reason !== undefined) return refusal(name.toUpperCase(), reason);
  let shown = '';
  for (const arg of rest) {
    if (shown.length >= 128) break;
    shown += `'${untilNul(arg).slice(0, 128 - shown.length)}' `;
  }
  const message = `unknown command '${untilNul(name).slice(0, 128)}', with args beginning with: ${shown}`;
  return new UnsupportedCommand(name.toUpperCase(), `ERR ${message.replace(/[\r\n]/g, ' ')}`);
}

/** Whether a command (name first) may wait until a key holds something. */
export function mayBlock(args: readonly ByteString[]): boolean {
  const spec = commandSpec(args[0] ?? '');
  if (spec?.flags.includes('blocking') !== true) return false;
  return !spec.name.startsWith('xread') || args.some((arg) => arg.toUpperCase() === 'BLOCK');
}

/** C's view of a text. */
function untilNul(text: ByteString): ByteString {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** What is served and what is refused, for documentation: names in upper case, subcommands after a space. */
export function commandSupport(): {
  readonly supported: readonly string[];
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  readonly groups: readonly { readonly title: string; readonly commands: readonly string[] }[];
} {
  const shown = groups.map(([title, specs]) => ({ title, commands: specs.flatMap(shownNames).sort() })).filter(({ commands }) => commands.length > 0);
  return {
    supported: shown.flatMap(({ commands }) => commands).sort(),
    refused: [...refusedCommands].map(([name, reason]) => ({ name: name.replace('|', ' ').toUpperCase(), reason })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    groups: shown,
  };
}

function shownNames(spec: CommandSpec): string[] {
  const name = spec.name.toUpperCase();
  return spec.subcommands === undefined ? [name] : spec.subcommands.map((one) => `${name} ${one.name.toUpperCase()}`);
}
