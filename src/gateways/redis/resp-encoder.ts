import type { ByteString } from '../../lib/bytes.ts';
import { DoubleReply, ErrorReply, MapReply, NullArrayReply, PushReply, SetReply, SimpleReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { formatDouble } from '../../keyspace/float.ts';
import { OutputBuffer } from './output-buffer.ts';

export { OutputBuffer, type ByteSink } from './output-buffer.ts';

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;
/** Bulk strings longer than this are handed on as they are. */
const inlineLimit = 500;

/** Appends a reply as Redis writes it for this protocol version; RESP3 types become their nearest RESP2 type on 2. */
export function encodeReply(reply: Reply, protocol: 2 | 3, out: OutputBuffer): void {
  if (typeof reply === 'string') {
    appendBulk(reply, out);
  } else if (typeof reply === 'number') {
    out.append(`:${reply}\r\n`);
  } else if (reply === null) {
    out.append(protocol === 3 ? '_\r\n' : '$-1\r\n');
  } else if (typeof reply === 'boolean') {
    out.append(protocol === 3 ? (reply ? '#t\r\n' : '#f\r\n') : reply ? ':1\r\n' : ':0\r\n');
  } else if (typeof reply === 'bigint') {
    encodeBigint(reply, protocol, out);
  } else {
    encodeObject(reply, protocol, out);
  }
}

function encodeObject(reply: Exclude<Reply, string | number | bigint | boolean | null>, protocol: 2 | 3, out: OutputBuffer): void {
  if (reply instanceof SimpleReply) return out.append(`+${oneLine(reply.text)}\r\n`);
  if (isArray(reply)) return encodeItems('*', reply.length, reply, protocol, out);
  if (reply instanceof ErrorReply) return out.append(`-${oneLine(reply.message)}\r\n`);
  if (reply instanceof NullArrayReply) return out.append(protocol === 3 ? '_\r\n' : '*-1\r\n');
  if (reply instanceof MapReply) {
    return protocol === 3
      ? encodeItems('%', reply.items.length / 2, reply.items, protocol, out)
      : encodeItems('*', reply.items.length, reply.items, protocol, out);
  }
  if (reply instanceof SetReply) return encodeItems(protocol === 3 ? '~' : '*', reply.items.length, reply.items, protocol, out);
  if (reply instanceof PushReply) return encodeItems(protocol === 3 ? '>' : '*', reply.items.length, reply.items, protocol, out);
  if (reply instanceof DoubleReply) return encodeDouble(reply.value, protocol, out);
  encodeVerbatim(reply, protocol, out);
}

function isArray(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

function encodeItems(type: string, count: number, items: readonly Reply[], protocol: 2 | 3, out: OutputBuffer): void {
  out.append(`${type}${count}\r\n`);
  for (const item of items) encodeReply(item, protocol, out);
}

function appendBulk(text: ByteString, out: OutputBuffer): void {
  if (text.length <= inlineLimit) return out.append(`$${text.length}\r\n${text}\r\n`);
  out.append(`$${text.length}\r\n`);
  out.append(text);
  out.append('\r\n');
}

function encodeBigint(value: bigint, protocol: 2 | 3, out: OutputBuffer): void {
  if (value >= int64Min && value <= int64Max) out.append(`:${value}\r\n`);
  else if (protocol === 3) out.append(`(${value}\r\n`);
  else appendBulk(String(value), out);
}

function encodeDouble(value: number, protocol: 2 | 3, out: OutputBuffer): void {
  const text = formatDouble(value);
  if (protocol === 3) out.append(`,${text}\r\n`);
  else appendBulk(text, out);
}

function encodeVerbatim(reply: VerbatimReply, protocol: 2 | 3, out: OutputBuffer): void {
  if (protocol === 2) return appendBulk(reply.text, out);
  out.append(`=${reply.text.length + 4}\r\n${reply.format}:`);
  out.append(reply.text);
  out.append('\r\n');
}

/** A line holds no line breaks: Redis puts spaces in their place. */
function oneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, ' ') : text;
}

/** A command as clients send it: an array of bulk strings. Write it as latin1. */
export function encodeCommand(args: readonly ByteString[]): ByteString {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}
