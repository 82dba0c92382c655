import type { ByteString } from '../lib/bytes.ts';
import { BytesReply, CommandError, OK, VerbatimReply, type ServedCommand, type ServedReply } from '../gateways/redis/served-command.ts';
import { slotNumber, type ElementApi } from './element-api.ts';
import type { EmbeddedStateNode } from './embedded-state-node.ts';
import { jsonBytes, jsonOf, revisionNameOf } from './node-wire.ts';
import { registerOperationOf } from './register-json.ts';
import type { RegisterOperation } from './slot-register.ts';
import type { RevisionName, StateNodeStats, StoredRevision } from './state-node.ts';

/** What the commands of a node work on. */
export interface ServedNode {
  readonly node: EmbeddedStateNode;
  readonly elements: ElementApi;
  readonly life: string;
  /** Sections of INFO in order: `[title, fields]`. */
  info(stats: StateNodeStats): readonly (readonly [title: string, fields: Readonly<Record<string, string | number>>])[];
}

/** The commands of a state node: elements by key for redis-cli, and FS.* for its client. */
export function nodeCommands(served: ServedNode): ServedCommand[] {
  const commands = [...elementCommands(served), ...revisionCommands(served), ...registerCommands(served), ...reportCommands(served)];
  const lines = commands.map(({ name, syntax, summary }) => `${[name, syntax].join(' ').trim()} -- ${summary}`);
  const help: ServedCommand = { ...plain, name: 'FS.HELP', arity: 1, syntax: '', summary: 'What this server answers.', run: () => [...lines, 'PING, HELLO, SELECT 0, CLIENT, COMMAND, QUIT -- as in Redis.'] };
  return [...commands, help];
}

const plain = { keys: [0, 0, 0], writes: false } as const;
const oneKey = { keys: [1, 1, 1], writes: false } as const;
const manyKeys = { keys: [1, -1, 1], writes: false } as const;

function elementCommands({ elements, node }: ServedNode): ServedCommand[] {
  const read = async (key: ByteString): Promise<BytesReply | null> => {
    const found = await elements.read(key);
    return found === undefined ? null : new BytesReply(found.bytes);
  };
  const count = async (keys: readonly ByteString[], one: (key: ByteString) => Promise<boolean>): Promise<number> => {
    let sum = 0;
    for (const key of keys) if (await one(key)) sum += 1;
    return sum;
  };
  return [
    { ...oneKey, name: 'GET', arity: 2, syntax: 'key', summary: 'The bytes of an element.', run: ([key = '']) => read(key) },
    { ...manyKeys, name: 'MGET', arity: -2, syntax: 'key [key ...]', summary: 'The bytes of elements.', run: (keys) => Promise.all(keys.map(read)) },
    {
      ...oneKey, writes: true, name: 'SET', arity: 3, syntax: 'key bytes', summary: 'Writes an element: a new revision, and its head.',
      run: async ([key = '', bytes = '']) => {
        await elements.put(key, ownBytes(bytes));
        return OK;
      },
    },
    { ...manyKeys, writes: true, name: 'DEL', arity: -2, syntax: 'key [key ...]', summary: 'Takes elements away.', run: (keys) => count(keys, (key) => elements.delete(key)) },
    { ...manyKeys, name: 'EXISTS', arity: -2, syntax: 'key [key ...]', summary: 'How many of the elements there are.', run: (keys) => count(keys, async (key) => (await elements.version(key)) !== undefined) },
    { ...oneKey, name: 'STRLEN', arity: 2, syntax: 'key', summary: 'The length of an element in bytes.', run: async ([key = '']) => (await elements.read(key))?.bytes.length ?? 0 },
    { ...plain, name: 'DBSIZE', arity: 1, syntax: '', summary: 'How many elements have a head.', run: () => node.headCount },
  ];
}

function revisionCommands({ node }: ServedNode): ServedCommand[] {
  return [
    {
      ...plain, name: 'FS.READ', arity: -1, syntax: '["revision key" ...]', summary: 'Of each revision its content hash (64 digits) with its bytes behind it, or null.',
      run: (names) => node.readHeld(names).map((held, index) => {
        if (held !== undefined) return new BytesReply(held.bytes, held.hash);
        revisionIn(names[index] as ByteString);
        return null;
      }),
    },
    {
      ...plain, writes: true, name: 'FS.WRITE', arity: -1, syntax: '["revision key" hash bytes ...]', summary: 'Keeps revisions: all of them or none.',
      run: async (args) => {
        await node.write(storedRevisions(args));
        return OK;
      },
    },
    {
      ...plain, writes: true, name: 'FS.DROP', arity: -1, syntax: '["revision key" ...]', summary: 'Forgets revisions.',
      run: async (args) => {
        await node.drop(args.map(revisionIn));
        return OK;
      },
    },
    {
      ...plain, name: 'FS.LIST', arity: 2, syntax: 'slot', summary: 'The revisions of a slot: number, key, hash and length of each.',
      run: async ([slot = '']) => (await node.list(slotIn(slot))).flatMap(({ key, revision, hash, sizeBytes }) => [revision, key, hash, sizeBytes]),
    },
    { ...plain, name: 'FS.DIGEST', arity: -1, syntax: '[slot ...]', summary: 'Of each slot a digest of its revisions.', run: (slots) => node.digest(slots.map(slotIn)) },
  ];
}

function registerCommands({ node, life }: ServedNode): ServedCommand[] {
  return [
    { ...plain, name: 'FS.REGISTERS', arity: 1, syntax: '', summary: 'Slots whose registers anybody has used.', run: () => node.registers() },
    { ...plain, name: 'FS.LIFE', arity: 1, syntax: '', summary: 'Which life this is: another one after each start.', run: () => life },
    {
      ...plain, writes: true, name: 'FS.APPLY', arity: -3, syntax: 'member life [operation ...]', summary: "Runs operations on the registers of slots, as JSON; `member` is the map's name for this node.",
      run: async ([member = '', life = '', ...operations]) => (await node.apply(life, operations.map(operationIn), member)).map(jsonBytes),
    },
  ];
}

function reportCommands({ node, info }: ServedNode): ServedCommand[] {
  return [
    { ...plain, name: 'FS.STATS', arity: 1, syntax: '', summary: 'What this node has done and holds, as JSON.', run: async () => jsonBytes(await node.stats()) },
    {
      ...plain, name: 'INFO', arity: -1, syntax: '[section ...]', summary: 'What this node has done and holds, as lines.',
      run: async (wanted): Promise<ServedReply> => {
        const names = new Set(wanted.map((name) => name.toLowerCase()));
        const every = names.size === 0 || ['all', 'default', 'everything'].some((name) => names.has(name));
        const sections = info(await node.stats()).filter(([title]) => every || names.has(title.toLowerCase()));
        return new VerbatimReply(sections.map(([title, fields]) => `# ${title}\r\n${Object.entries(fields).map(([name, value]) => `${name}:${value}\r\n`).join('')}`).join('\r\n'));
      },
    },
  ];
}

/** A copy of its own: what is stored must not keep a shared block of memory alive. */
function ownBytes(text: ByteString): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, 'latin1');
  return bytes;
}

/** Revisions as they came: whether their bytes have the hash is for the node to check, before it keeps any. */
function storedRevisions(args: readonly ByteString[]): StoredRevision[] {
  if (args.length % 3 !== 0) throw new CommandError('ERR every revision needs its name, hash and bytes');
  return Array.from({ length: args.length / 3 }, (_, index) => {
    const [name = '', hash = '', text = ''] = args.slice(index * 3, index * 3 + 3);
    const { key, revision } = revisionIn(name);
    return { revision, key, hash, bytes: ownBytes(text) };
  });
}

function revisionIn(text: ByteString): RevisionName {
  const name = revisionNameOf(text);
  if (name === undefined) throw new CommandError(`ERR '${text.slice(0, 32)}' names no revision: it takes a number, a space, and the key, in one argument`);
  return name;
}

function slotIn(text: ByteString): number {
  const slot = slotNumber(text);
  if (slot === undefined) throw new CommandError(`ERR '${text.slice(0, 32)}' is not a slot from 0 to 65535`);
  return slot;
}

function operationIn(text: ByteString): RegisterOperation {
  let value: unknown;
  try {
    value = jsonOf(text);
  } catch {
    throw new CommandError('ERR an operation is not JSON');
  }
  const operation = registerOperationOf(value);
  if (typeof operation === 'string') throw new CommandError(`ERR not an operation on a register: ${operation}`);
  return operation;
}
