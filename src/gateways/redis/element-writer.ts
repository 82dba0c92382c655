import type { ByteString } from '../../lib/bytes.ts';
import type { Element, ElementValue, StreamGroup } from '../../model/element.ts';
import type { ControlCommand } from './upstream-control.ts';

/** Arguments a command may have before it is split: servers refuse more than a million. */
const maxArguments = 1000;

/** The commands that make an element what it is on a server where its key does not exist. `expiresAtMs` is on the server's clock. */
export function writeCommands(key: ByteString, element: Element): ControlCommand[] {
  const commands = valueCommands(key, element.value);
  if (element.expiresAtMs !== null) commands.push(['PEXPIREAT', key, String(Math.floor(element.expiresAtMs))]);
  return commands;
}

function valueCommands(key: ByteString, value: ElementValue): ControlCommand[] {
  switch (value.type) {
    case 'string': return [['SET', key, value.value]];
    case 'hash': return split('HSET', key, value.fields.flat(), 2);
    case 'list': return split('RPUSH', key, value.items, 1);
    case 'set': return split('SADD', key, value.members, 1);
    case 'zset': return split('ZADD', key, value.members.flatMap(([member, score]) => [scoreText(score), member]), 2);
    case 'stream': return streamCommands(key, value);
  }
}

function split(name: string, key: ByteString, args: readonly ByteString[], step: number): ControlCommand[] {
  const commands: ControlCommand[] = [];
  const size = maxArguments - (maxArguments % step);
  for (let from = 0; from < args.length; from += size) commands.push([name, key, ...args.slice(from, from + size)]);
  return commands;
}

function scoreText(score: number): string {
  return score === Infinity ? '+inf' : score === -Infinity ? '-inf' : String(score);
}

function streamCommands(key: ByteString, stream: Extract<ElementValue, { type: 'stream' }>): ControlCommand[] {
  const commands: ControlCommand[] = stream.items.map((item) => ['XADD', key, item.id, ...item.fields.flat()]);
  // A stream may be empty: it is made with one item that is taken away again.
  if (stream.items.length === 0) commands.push(['XADD', key, '0-1', 'a', 'b'], ['XDEL', key, '0-1']);
  commands.push(['XSETID', key, stream.lastId, 'ENTRIESADDED', String(stream.entriesAdded), 'MAXDELETEDID', stream.maxDeletedId]);
  for (const group of stream.groups) commands.push(...groupCommands(key, group));
  return commands;
}

function groupCommands(key: ByteString, group: StreamGroup): ControlCommand[] {
  const read = group.entriesRead === null ? [] : ['ENTRIESREAD', String(group.entriesRead)];
  const commands: ControlCommand[] = [['XGROUP', 'CREATE', key, group.name, group.lastDeliveredId, 'MKSTREAM', ...read]];
  for (const consumer of group.consumers) commands.push(['XGROUP', 'CREATECONSUMER', key, group.name, consumer.name]);
  for (const pending of group.pending) {
    commands.push(['XCLAIM', key, group.name, pending.consumer, '0', pending.id, 'TIME', String(pending.deliveredAtMs), 'RETRYCOUNT', String(pending.deliveries), 'FORCE', 'JUSTID']);
  }
  return commands;
}
