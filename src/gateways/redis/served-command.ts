import type { ByteString } from '../../lib/bytes.ts';
import { CommandError, ErrorReply, MapReply, OK, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteOutput } from './byte-output.ts';
import type { ConnectionState } from './connection-state.ts';
import { encodeReply, OutputBuffer } from './resp-encoder.ts';

export { CommandError, ErrorReply, MapReply, OK, SimpleReply, VerbatimReply };

/** A bulk string of bytes, with a short text in front of them or none. */
export class BytesReply {
  readonly bytes: Uint8Array;
  readonly prefix: ByteString;
  constructor(bytes: Uint8Array, prefix: ByteString = '') {
    this.bytes = bytes;
    this.prefix = prefix;
  }
}

/** What a served command answers: a reply of Redis, bytes, or an array of such. */
export type ServedReply = Reply | BytesReply | readonly (BytesReply | null)[];

/** A command that a `CommandServer` has. */
export interface ServedCommand {
  /** In upper case. */
  readonly name: string;
  /** As Redis counts: the name included, negative for `at least`. */
  readonly arity: number;
  /** Place of the first and the last key and the step between them; zeros for none. */
  readonly keys: readonly [first: number, last: number, step: number];
  readonly writes: boolean;
  /** Its arguments, as people write them. */
  readonly syntax: string;
  readonly summary: string;
  /** Arguments are those after the name. @throws CommandError what is answered as it is, ForeshardError what `errorText` of the server makes of it */
  run(args: readonly ByteString[], connection: ConnectionState): ServedReply | Promise<ServedReply>;
}

/** Appends a reply as the protocol version writes it. */
export function encodeServed(reply: ServedReply, protocol: 2 | 3, out: ByteOutput): void {
  if (reply instanceof BytesReply) return encodeBytes(reply, out);
  if (!isBytesArray(reply)) {
    const text = new OutputBuffer();
    encodeReply(reply, protocol, text);
    return out.append(text.take());
  }
  out.append(`*${reply.length}\r\n`);
  for (const item of reply) {
    if (item === null) out.append(protocol === 3 ? '_\r\n' : '$-1\r\n');
    else encodeBytes(item, out);
  }
}

function encodeBytes({ bytes, prefix }: BytesReply, out: ByteOutput): void {
  out.append(`$${prefix.length + bytes.length}\r\n${prefix}`);
  out.appendBytes(bytes);
  out.append('\r\n');
}

function isBytesArray(reply: ServedReply): reply is readonly (BytesReply | null)[] {
  return Array.isArray(reply) && reply.some((item) => item instanceof BytesReply);
}

type Commands = ReadonlyMap<string, ServedCommand>;

/** COMMAND and its subcommands for a table of commands. Arguments are those after the name. */
export function describeCommands(commands: Commands, args: readonly ByteString[]): Reply {
  const [subcommand = '', ...names] = args;
  const chosen = names.length === 0 ? [...commands.values()] : names.map((name) => commands.get(name.toUpperCase()));
  switch (subcommand.toUpperCase()) {
    case '': return chosen.map(infoOf);
    case 'COUNT': return commands.size;
    case 'LIST': return [...commands.keys()].map((name) => name.toLowerCase());
    case 'INFO': return chosen.map(infoOf);
    case 'DOCS': return new MapReply(chosen.flatMap((command) => (command === undefined ? [] : [command.name.toLowerCase(), docsOf(command)])));
    default: return new ErrorReply(`ERR unknown subcommand '${subcommand}'. Try FS.HELP.`);
  }
}

/** Name, arity, flags, first key, last key, step, ACL categories, tips, key specifications, subcommands. */
function infoOf(command: ServedCommand | undefined): Reply {
  if (command === undefined) return null;
  return [command.name.toLowerCase(), command.arity, [new SimpleReply(command.writes ? 'write' : 'readonly')], ...command.keys, [], [], [], []];
}

function docsOf({ summary, syntax }: ServedCommand): Reply {
  return new MapReply(['summary', syntax === '' ? summary : `${summary} Arguments: ${syntax}`, 'group', 'generic']);
}

/** Whether a command may be called with so many arguments, the name included. */
export function hasArity({ arity }: ServedCommand, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity;
}
