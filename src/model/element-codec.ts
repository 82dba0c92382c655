import { ByteFormatError, ByteReader, ByteWriter } from '../lib/byte-cursor.ts';
import type { ByteString } from '../lib/bytes.ts';
import type { ElementValue, StreamGroup, StreamItem } from './element.ts';
import { ForeshardError } from './errors.ts';

/**
 * The payload of a Redis element: format byte, type byte, then the value. Lengths and counts are varints, strings are their bytes,
 * numbers are IEEE doubles (scores may be infinite or -0). One value has one encoding, so equal payloads have equal hashes.
 * The format byte never begins valid UTF-8, so an encoded element cannot be taken for a text body.
 */
const formatByte = 0xf8;

const typeBytes: Readonly<Record<ElementValue['type'], number>> = { string: 1, hash: 2, list: 3, set: 4, zset: 5, stream: 6 };

/** The payload bytes of a value. Exact for every byte, every double and every order. */
export function encodeValue(value: ElementValue): Uint8Array {
  const writer = new ByteWriter(value.type === 'string' ? value.value.length + 16 : 256);
  writer.byte(formatByte);
  writer.byte(typeBytes[value.type]);
  switch (value.type) {
    case 'string': writer.text(value.value); break;
    case 'hash': writePairs(writer, value.fields); break;
    case 'list': writeTexts(writer, value.items); break;
    case 'set': writeTexts(writer, value.members); break;
    case 'zset': writeScored(writer, value.members); break;
    case 'stream': writeStream(writer, value); break;
  }
  return writer.finish();
}

/**
 * The value of payload bytes.
 * @throws ForeshardError `payload_corrupt` for anything {@link encodeValue} does not write; allocates in proportion to the bytes given
 */
export function decodeValue(bytes: Uint8Array): ElementValue {
  try {
    const reader = new ByteReader(bytes);
    const format = reader.byte();
    if (format !== formatByte) throw new ByteFormatError(`format byte ${format} is not known to this release`);
    const value = readValue(reader);
    reader.end();
    return value;
  } catch (error) {
    if (!(error instanceof ByteFormatError)) throw error;
    throw new ForeshardError('payload_corrupt', `The payload is no state element: ${error.message}.`, { cause: error });
  }
}

/** Whether these bytes begin as {@link encodeValue} begins. */
export function looksEncoded(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === formatByte && (bytes[1] as number) >= 1 && (bytes[1] as number) <= 6;
}

function readValue(reader: ByteReader): ElementValue {
  const type = reader.byte();
  switch (type) {
    case typeBytes.string: return { type: 'string', value: reader.text() };
    case typeBytes.hash: return { type: 'hash', fields: readPairs(reader) };
    case typeBytes.list: return { type: 'list', items: readTexts(reader) };
    case typeBytes.set: return { type: 'set', members: readTexts(reader) };
    case typeBytes.zset: return { type: 'zset', members: readItems(reader, 9, () => [reader.text(), reader.double()] as const) };
    case typeBytes.stream: return readStream(reader);
    default: throw new ByteFormatError(`type byte ${type} is not known to this release`);
  }
}

type StreamValue = Extract<ElementValue, { readonly type: 'stream' }>;

function writeStream(writer: ByteWriter, stream: StreamValue): void {
  writer.text(stream.lastId);
  writer.text(stream.maxDeletedId);
  writer.double(stream.entriesAdded);
  writer.varint(stream.items.length);
  for (const item of stream.items) {
    writer.text(item.id);
    writePairs(writer, item.fields);
  }
  writer.varint(stream.groups.length);
  for (const group of stream.groups) writeGroup(writer, group);
}

function readStream(reader: ByteReader): StreamValue {
  const lastId = reader.text();
  const maxDeletedId = reader.text();
  const entriesAdded = reader.double();
  const items = readItems(reader, 2, (): StreamItem => ({ id: reader.text(), fields: readPairs(reader) }));
  const groups = readItems(reader, 5, () => readGroup(reader));
  return { type: 'stream', items, lastId, maxDeletedId, entriesAdded, groups };
}

function writeGroup(writer: ByteWriter, group: StreamGroup): void {
  writer.text(group.name);
  writer.text(group.lastDeliveredId);
  writer.byte(group.entriesRead === null ? 0 : 1);
  if (group.entriesRead !== null) writer.double(group.entriesRead);
  writer.varint(group.consumers.length);
  for (const consumer of group.consumers) {
    writer.text(consumer.name);
    writer.double(consumer.seenAtMs);
  }
  writer.varint(group.pending.length);
  for (const entry of group.pending) {
    writer.text(entry.id);
    writer.text(entry.consumer);
    writer.double(entry.deliveredAtMs);
    writer.double(entry.deliveries);
  }
}

function readGroup(reader: ByteReader): StreamGroup {
  const name = reader.text();
  const lastDeliveredId = reader.text();
  const flag = reader.byte();
  if (flag > 1) throw new ByteFormatError(`flag ${flag}`);
  const entriesRead = flag === 1 ? reader.double() : null;
  const consumers = readItems(reader, 9, () => ({ name: reader.text(), seenAtMs: reader.double() }));
  const pending = readItems(reader, 18, () => ({
    id: reader.text(), consumer: reader.text(), deliveredAtMs: reader.double(), deliveries: reader.double(),
  }));
  return { name, lastDeliveredId, entriesRead, consumers, pending };
}

function writeTexts(writer: ByteWriter, texts: readonly ByteString[]): void {
  writer.varint(texts.length);
  for (const text of texts) writer.text(text);
}

function readTexts(reader: ByteReader): ByteString[] {
  return readItems(reader, 1, () => reader.text());
}

function writePairs(writer: ByteWriter, pairs: readonly (readonly [ByteString, ByteString])[]): void {
  writer.varint(pairs.length);
  for (const [name, value] of pairs) {
    writer.text(name);
    writer.text(value);
  }
}

function readPairs(reader: ByteReader): (readonly [ByteString, ByteString])[] {
  return readItems(reader, 2, () => [reader.text(), reader.text()] as const);
}

function writeScored(writer: ByteWriter, members: readonly (readonly [ByteString, number])[]): void {
  writer.varint(members.length);
  for (const [member, score] of members) {
    writer.text(member);
    writer.double(score);
  }
}

function readItems<T>(reader: ByteReader, itemBytes: number, read: () => T): T[] {
  const items: T[] = [];
  for (let left = reader.count(itemBytes); left > 0; left--) items.push(read());
  return items;
}
