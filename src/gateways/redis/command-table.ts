import { MapReply, SetReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { movableKeys, type KeyAccess, type KeyMode } from './command-table-keys.ts';

export type { KeyAccess, KeyMode } from './command-table-keys.ts';

/** Where a run of keys stands, name at 0, and what is done to them. A negative `last` counts from the end. */
type KeySpec = { readonly mode: KeyMode; readonly search: KeySearch; readonly find: KeyFind };
type KeySearch =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'keyword'; readonly word: string; readonly from: number };
type KeyFind =
  | { readonly kind: 'range'; readonly last: number; readonly step: number; readonly limit: number }
  | { readonly kind: 'count'; readonly countAt: number; readonly first: number; readonly step: number };

/** One row of the server's COMMAND table. */
export interface ServerCommand {
  /** Lower-case; a subcommand is `container|name`. */
  readonly name: string;
  readonly flags: ReadonlySet<string>;
  readonly range: { readonly first: number; readonly last: number; readonly step: number };
  readonly specs: readonly KeySpec[];
  readonly subcommands: ReadonlyMap<string, ServerCommand>;
}

/**
 * Which keys a command touches, and how, from the server's own COMMAND reply. From Redis 7 on by its key specs, before that by
 * first key, last key and step, with the write flag for all of them; where keys move, by code (command-table-keys.ts).
 */
export class CommandTable {
  readonly #commands: ReadonlyMap<string, ServerCommand>;

  /** @param reply what the server answered to COMMAND, RESP2 or RESP3 */
  constructor(reply: Reply) {
    const commands = new Map<string, ServerCommand>();
    for (const row of itemsOf(reply)) {
      const command = parseCommand(row);
      if (command !== undefined) commands.set(command.name, command);
    }
    this.#commands = commands;
  }

  /** How many commands the server has. */
  get size(): number {
    return this.#commands.size;
  }

  /** The row of a command (or of its subcommand), name first in any case; undefined for one the server does not have. */
  find(args: readonly ByteString[]): ServerCommand | undefined {
    const name = args[0];
    if (name === undefined) return undefined;
    const command = this.#commands.get(name) ?? this.#commands.get(name.toLowerCase());
    if (command === undefined || command.subcommands.size === 0 || args[1] === undefined) return command;
    return command.subcommands.get(args[1].toLowerCase()) ?? command;
  }

  /** The keys of a command, repeats included. An ill-formed command gives none or too few: the server refuses it. */
  keysOf(args: readonly ByteString[]): KeyAccess[] {
    const command = this.find(args);
    const movable = movableKeys.get(command?.name ?? (args[0] ?? '').toLowerCase());
    if (movable !== undefined) return movable(args);
    if (command === undefined) return [];
    return command.specs.length > 0 ? keysBySpecs(command.specs, args) : keysByRange(command, args);
  }
}

function keysByRange({ range, flags }: ServerCommand, args: readonly ByteString[]): KeyAccess[] {
  const mode: KeyMode = flags.has('write') ? 'update' : 'read';
  const keys: KeyAccess[] = [];
  if (range.first <= 0) return keys;
  const last = range.last < 0 ? args.length + range.last : range.last;
  for (let at = range.first; at <= last && at < args.length; at += Math.max(1, range.step)) keys.push({ key: args[at] as string, mode });
  return keys;
}

function keysBySpecs(specs: readonly KeySpec[], args: readonly ByteString[]): KeyAccess[] {
  const keys: KeyAccess[] = [];
  for (const { mode, search, find } of specs) {
    const begin = search.kind === 'index' ? search.index : keywordAt(args, search.word, search.from);
    if (begin <= 0 || begin >= args.length) continue;
    if (find.kind === 'range') {
      const last = lastOfRange(begin, find, args.length);
      for (let at = begin; at <= last && at < args.length; at += find.step) keys.push({ key: args[at] as string, mode });
    } else {
      const count = Number(args[begin + find.countAt]);
      const first = begin + find.first;
      if (!Number.isSafeInteger(count) || first + (count - 1) * find.step >= args.length) continue;
      for (let nth = 0; nth < count; nth++) keys.push({ key: args[first + nth * find.step] as string, mode });
    }
  }
  return keys;
}

function lastOfRange(begin: number, find: Extract<KeyFind, { kind: 'range' }>, length: number): number {
  if (find.last >= 0) return begin + find.last;
  // A limit of n with last = -1 means: only the first n-th part of what is left (XREAD's keys before its ids).
  if (find.limit >= 2) return begin + Math.floor((length - begin) / find.limit) - 1;
  return length + find.last;
}

function keywordAt(args: readonly ByteString[], word: string, from: number): number {
  const step = from < 0 ? -1 : 1;
  for (let at = from < 0 ? args.length + from : from; at > 0 && at < args.length; at += step) {
    if ((args[at] as string).toLowerCase() === word) return at + 1;
  }
  return -1;
}

function parseCommand(row: Reply): ServerCommand | undefined {
  const items = itemsOf(row);
  const name = textOf(items[0]).toLowerCase();
  if (name === '') return undefined;
  const subcommands = new Map<string, ServerCommand>();
  for (const sub of itemsOf(items[9])) {
    const parsed = parseCommand(sub);
    if (parsed !== undefined) subcommands.set(parsed.name.slice(parsed.name.indexOf('|') + 1), parsed);
  }
  return {
    name,
    flags: new Set(itemsOf(items[2]).map(textOf)),
    range: { first: numberOf(items[3]), last: numberOf(items[4]), step: numberOf(items[5]) },
    specs: itemsOf(items[8]).flatMap(parseSpec),
    subcommands,
  };
}

function parseSpec(reply: Reply): KeySpec[] {
  const fields = fieldsOf(reply);
  const flags = new Set(itemsOf(fields.get('flags')).map(textOf));
  if (flags.has('not_key')) return [];
  const search = parseSearch(fieldsOf(fields.get('begin_search')));
  const find = parseFind(fieldsOf(fields.get('find_keys')));
  if (search === undefined || find === undefined) return [];
  return [{ mode: flags.has('RO') ? 'read' : flags.has('OW') ? 'overwrite' : 'update', search, find }];
}

function parseSearch(fields: ReadonlyMap<string, Reply>): KeySearch | undefined {
  const spec = fieldsOf(fields.get('spec'));
  switch (textOf(fields.get('type'))) {
    case 'index': return { kind: 'index', index: numberOf(spec.get('index')) };
    case 'keyword': return { kind: 'keyword', word: textOf(spec.get('keyword')).toLowerCase(), from: numberOf(spec.get('startfrom')) };
    default: return undefined;
  }
}

function parseFind(fields: ReadonlyMap<string, Reply>): KeyFind | undefined {
  const spec = fieldsOf(fields.get('spec'));
  const step = Math.max(1, numberOf(spec.get('keystep')));
  switch (textOf(fields.get('type'))) {
    case 'range': return { kind: 'range', last: numberOf(spec.get('lastkey')), step, limit: numberOf(spec.get('limit')) };
    case 'keynum': return { kind: 'count', countAt: numberOf(spec.get('keynumidx')), first: numberOf(spec.get('firstkey')), step };
    default: return undefined;
  }
}

/** The items of an array, set or map; none of anything else. */
function itemsOf(reply: Reply | undefined): readonly Reply[] {
  if (reply instanceof SetReply || reply instanceof MapReply) return reply.items;
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

function fieldsOf(reply: Reply | undefined): Map<string, Reply> {
  const items = itemsOf(reply);
  const fields = new Map<string, Reply>();
  for (let at = 0; at + 1 < items.length; at += 2) fields.set(textOf(items[at]), items[at + 1] as Reply);
  return fields;
}

function textOf(reply: Reply | undefined): string {
  return reply instanceof SimpleReply ? reply.text : typeof reply === 'string' ? reply : '';
}

function numberOf(reply: Reply | undefined): number {
  return typeof reply === 'number' ? reply : 0;
}
