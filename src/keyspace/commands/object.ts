import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { Entry } from '../entry.ts';
import { numberArgument, parseInt64 } from '../integers.ts';
import { CommandError, OK, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';
import { containerCommand, type Subcommand } from './container.ts';

/** The limits of Redis 7.0's compact encodings, at their defaults. */
const maxEmbedded = 44, maxListpackValue = 64, maxListpackHash = 512, maxListpackZset = 128;

/**
 * The encoding a Redis 7.0 of default settings would choose for this value written at once. A server that got there by steps may keep
 * a larger encoding: it never goes back to a compact one, and a string that was appended to stays raw.
 */
export function encodingOf(entry: Entry): string {
  switch (entry.type) {
    case 'string': {
      if (parseInt64(entry.value) !== undefined) return 'int';
      return entry.value.length <= maxEmbedded ? 'embstr' : 'raw';
    }
    case 'list': return 'quicklist';
    case 'stream': return 'stream';
    case 'set': return entry.intsOnly ? 'intset' : 'hashtable';
    case 'hash': {
      const isSmall = entry.fields.size <= maxListpackHash
        && [...entry.fields].every(([field, value]) => field.length <= maxListpackValue && value.length <= maxListpackValue);
      return isSmall ? 'listpack' : 'hashtable';
    }
    case 'zset': {
      const isSmall = entry.scores.size <= maxListpackZset && [...entry.scores.keys()].every((member) => member.length <= maxListpackValue);
      return isSmall ? 'listpack' : 'skiplist';
    }
  }
}

/** Roughly the bytes Redis would need: payload plus a fixed overhead for each part. */
function approximateBytes(key: ByteString, entry: Entry): number {
  const perPart = 16;
  let [parts, bytes] = [1, 0];
  const add = (...texts: readonly ByteString[]): void => {
    parts += texts.length;
    for (const text of texts) bytes += text.length;
  };
  switch (entry.type) {
    case 'string': add(entry.value); break;
    case 'list': add(...entry.items); break;
    case 'set': for (const member of entry.members) add(member); break;
    case 'hash': for (const [field, value] of entry.fields) add(field, value); break;
    case 'zset': for (const member of entry.scores.keys()) add(member, '12345678'); break;
    case 'stream': for (const { id, fields } of entry.items) add(id, ...fields.flat()); break;
  }
  return 40 + key.length + bytes + parts * perPart;
}

/** A subcommand about one key, answering null where there is none. */
function aboutKey(name: string, describe: (entry: Entry) => Reply): Subcommand {
  return {
    name, arity: 3,
    run: ({ db }, [key = '']) => {
      const entry = db.read(key);
      return entry === undefined ? null : describe(entry);
    },
  };
}

const isShared = (entry: Entry): boolean => entry.type === 'string' && /^(?:0|[1-9]\d{0,3})$/.test(entry.value);

const object = containerCommand({
  name: 'object', flags: ['readonly'], keys: [2, 2, 1],
  subcommands: [
    aboutKey('encoding', encodingOf),
    aboutKey('refcount', (entry) => (isShared(entry) ? 2147483647 : 1)),
    aboutKey('idletime', () => 0),
    aboutKey('freq', () => {
      throw new CommandError('ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.');
    }),
  ],
});

function memoryUsage({ db }: CommandContext, [key = '', ...rest]: readonly ByteString[]): Reply {
  for (let i = 0; i < rest.length; i += 2) {
    if (!isOption(rest[i], 'SAMPLES') || rest[i + 1] === undefined) throw syntaxError();
    if (numberArgument(rest[i + 1] ?? '') < 0) throw syntaxError();
  }
  const entry = db.read(key);
  return entry === undefined ? null : approximateBytes(key, entry);
}

const memory = containerCommand({
  name: 'memory', flags: ['readonly'], keys: ([subcommand, key]) => (isOption(subcommand, 'USAGE') && key !== undefined ? [key] : []),
  subcommands: [
    { name: 'usage', arity: -3, run: memoryUsage },
    { name: 'purge', arity: 2, run: () => OK },
  ],
});

/** OBJECT and MEMORY. */
export const objectCommands: readonly CommandSpec[] = [object, memory];
