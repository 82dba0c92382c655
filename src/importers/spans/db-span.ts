import { utf8ByteString, type ByteString } from '../../lib/bytes.ts';
import { defaultRedisServer, parseStateKey, redisStateKey, type StateKey } from '../../model/state-key.ts';
import type { InputProblems } from '../problems.ts';
import { unquoted } from './quoted-argument.ts';
import { isRedisWrite } from './redis-keys.ts';
import { textAttribute, type Attributes, type TraceSpan } from './span.ts';
import { keysAttribute, operationAttribute } from './state-attributes.ts';
import { keysOfStatement } from './statement.ts';

/** One access that a span shows. */
export interface ShownAccess {
  readonly key: StateKey;
  readonly access: 'read' | 'write';
}

const redisSystems: ReadonlySet<string> = new Set(['redis', 'valkey', 'keydb', 'dragonfly']);
const memcachedReads: ReadonlySet<string> = new Set(['get', 'gets', 'mg', 'get_many', 'get_multi']);
const memcachedWrites: ReadonlySet<string> = new Set(['set', 'add', 'replace', 'append', 'prepend', 'cas', 'incr', 'decr', 'touch', 'delete', 'gat', 'gats', 'ms', 'md', 'ma']);

/** The state key of a memcached key: memcached has no databases. */
function memcachedStateKey(name: ByteString): StateKey {
  return `memcached:0/${name}`;
}

/**
 * The accesses of a span to state in Redis, Valkey or memcached, or to what `foreshard.state.keys` names; undefined for any other span.
 * Keys that are hidden are noted by command in the problems.
 */
export function accessesOf(span: TraceSpan, problems: InputProblems): readonly ShownAccess[] | undefined {
  const { attributes } = span;
  const system = textAttribute(attributes, 'db.system.name', 'db.system')?.toLowerCase();
  const told = attributes.get(keysAttribute);
  if (told !== undefined) {
    const keys = typeof told === 'string' ? [told] : Array.isArray(told) ? (told as readonly string[]) : [];
    return toldAccesses({ attributes, system, keys, problems });
  }
  if (system === undefined) return undefined;
  const isRedis = redisSystems.has(system);
  if (!isRedis && system !== 'memcached') return undefined;
  const statement = textAttribute(attributes, 'db.query.text', 'db.statement') ?? operationOf(attributes);
  if (statement === undefined) return [];
  return isRedis ? redisAccesses(statement, attributes, problems) : memcachedAccesses(statement, problems);
}

/**
 * Whole state keys where the span is of no database: an SDK may tell of any state. Names in the database where it is of one.
 */
function toldAccesses(options: { readonly attributes: Attributes; readonly system: string | undefined; readonly keys: readonly string[]; readonly problems: InputProblems }): ShownAccess[] {
  const { attributes, system, keys, problems } = options;
  const operation = attributes.get(operationAttribute);
  const command = operationOf(attributes)?.split(' ').at(-1) ?? '';
  const byCommand = isRedisWrite(command);
  return keys.flatMap((text, index) => {
    const key = toldKey(text, system, attributes);
    const told = Array.isArray(operation) ? (operation as readonly string[])[index] : operation;
    const access = told ?? (byCommand === undefined ? undefined : byCommand ? 'write' : 'read');
    if (key !== undefined && (access === 'read' || access === 'write')) return [{ key, access }];
    problems.note('keys left out', key === undefined ? `${keysAttribute} holds no state key` : `${operationAttribute} is neither read nor write`);
    return [];
  });
}

function toldKey(text: string, system: string | undefined, attributes: Attributes): StateKey | undefined {
  const name = unquoted(text);
  if (system !== undefined && redisSystems.has(system)) return redisStateKey(defaultRedisServer, databaseOf(attributes), name);
  if (system === 'memcached') return memcachedStateKey(name);
  return parseStateKey(name) === undefined ? undefined : name;
}

function redisAccesses(statement: string, attributes: Attributes, problems: InputProblems): ShownAccess[] {
  const shown = keysOfStatement(statement);
  for (const [command, count] of shown.hidden) problems.note('keys hidden', command, count);
  for (const command of shown.unknown) if (!isConnection(command)) problems.note('commands not known', command);
  const database = databaseOf(attributes);
  return shown.keys.map(({ key, access }) => ({ key: redisStateKey(defaultRedisServer, database, key), access }));
}

/** `get a b`, `set key 0 60 5`: clients that give a statement write it as the text protocol has it. */
function memcachedAccesses(statement: string, problems: InputProblems): ShownAccess[] {
  const [name = '', ...words] = (statement.split(/[\r\n]/, 1)[0] ?? '').trim().split(/\s+/);
  const command = name.toLowerCase();
  const access = memcachedReads.has(command) ? 'read' : memcachedWrites.has(command) ? 'write' : undefined;
  if (access === undefined) {
    problems.note('commands not known', command);
    return [];
  }
  const keys = /^g(et|at)s?/.test(command) ? words.slice(command.startsWith('gat') ? 1 : 0) : words.slice(0, 1);
  const shown = keys.filter((word) => word !== '?' && !word.startsWith('['));
  if (shown.length < Math.max(1, keys.length)) problems.note('keys hidden', command.toUpperCase(), Math.max(1, keys.length) - shown.length);
  return shown.map((key) => ({ key: memcachedStateKey(utf8ByteString(key)), access }));
}

function operationOf(attributes: Attributes): string | undefined {
  return textAttribute(attributes, 'db.operation.name', 'db.operation');
}

/** `db.namespace` is the index of the database, for Redis; some append it to the name of a server. */
function databaseOf(attributes: Attributes): number {
  const text = textAttribute(attributes, 'db.redis.database_index', 'db.namespace', 'db.name') ?? '';
  return /^(?:.*[|/])?(\d{1,6})$/.test(text) ? Number(/\d+$/.exec(text)?.[0]) : 0;
}

/** What clients send of their own accord; ioredis' and node-redis' connection spans have no command at all. */
function isConnection(command: string): boolean {
  return /^(CONNECT|REDIS-CONNECT|PIPELINE|BATCH|MULTI|TRANSACTION|EXEC)$/.test(command);
}
