import { byteString, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { quoted } from './spans/quoted-argument.ts';
import { redisKeyPlaces, type KeyPlace, type Words } from './spans/redis-keys.ts';
import { keysAttribute, operationAttribute } from './spans/state-attributes.ts';

/*
 * For services that trace Redis with @opentelemetry/instrumentation-ioredis or -redis. Their own serializer hides the keys of MGET, HGETALL, UNLINK, TTL and others, and
 * shows values of EVAL. This one shows the keys of every command and nothing else. It imports nothing of OpenTelemetry: types are by structure.
 */

/** An argument of a command, as Redis clients have them. */
export type CommandArgument = unknown;

/** The part of OpenTelemetry's Span that is used. */
export interface AttributeSpan {
  setAttribute(name: string, value: string | string[]): unknown;
}

/** What {@link foreshardRedis} gives: spread it into the configuration of the instrumentation. */
export interface RedisPreset {
  /** What the span's `db.query.text` (once `db.statement`) says: the command, its keys, `?` for what is between them, `[n other arguments]` after them. */
  readonly dbStatementSerializer: (command: string, args: readonly CommandArgument[]) => string;
  /** For ioredis: sets `foreshard.state.keys` and `foreshard.state.op`. */
  readonly requestHook: (span: AttributeSpan, request: { readonly cmdName: string; readonly cmdArgs: readonly CommandArgument[] }) => void;
  /** For node-redis, which has no request hook: the same. */
  readonly responseHook: (span: AttributeSpan, command: string, args: readonly CommandArgument[]) => void;
}

/** Keys shown of one command at most: a span is no place for a bulk load. */
const mostKeys = 200;
/** Words that say that a key follows, and commands whose second word says what the third is: never values, and without them no reader finds the keys. */
const keywords: ReadonlySet<string> = new Set(['streams', 'store', 'storedist']);
const containers: ReadonlySet<string> = new Set(['object', 'memory', 'xinfo', 'xgroup', 'debug']);
/** Where a command says how many keys it has. */
const numberedFrom: ReadonlyMap<string, number> = new Map([
  ...['eval', 'evalsha', 'fcall', 'eval_ro', 'evalsha_ro', 'fcall_ro', 'blmpop', 'bzmpop', 'zunionstore', 'zinterstore', 'zdiffstore'].map((name) => [name, 2] as const),
  ...['zunion', 'zinter', 'zdiff', 'zintercard', 'sintercard', 'lmpop', 'zmpop'].map((name) => [name, 1] as const),
]);

/**
 * Settings for OpenTelemetry's Redis instrumentations that put the keys of every command into its span and never a value:
 * `new IORedisInstrumentation(foreshardRedis())`.
 */
export function foreshardRedis(): RedisPreset {
  const told = new WeakSet<AttributeSpan>();
  const tell = (span: AttributeSpan, command: string, args: readonly CommandArgument[]): void => {
    if (told.has(span)) return;
    told.add(span);
    const words = wordsOf(command, args);
    const places = placesOf(words).filter(({ index }) => words[index] !== undefined);
    if (places.length === 0) return;
    const keys = places.map(({ index }) => quoted(words[index] as ByteString));
    const [first] = places as [KeyPlace, ...KeyPlace[]];
    span.setAttribute(keysAttribute, keys);
    span.setAttribute(operationAttribute, places.every(({ access }) => access === first.access) ? first.access : places.map(({ access }) => access));
  };
  return {
    dbStatementSerializer: (command, args) => statementOf(command, args),
    requestHook: (span, { cmdName, cmdArgs }) => tell(span, cmdName, cmdArgs),
    responseHook: (span, command, args) => tell(span, command, args),
  };
}

function statementOf(command: string, args: readonly CommandArgument[]): string {
  const words = wordsOf(command, args);
  const name = /^[\w.-]{1,40}$/.test(command) ? command : '?';
  const keys = new Set(placesOf(words).flatMap(({ index }) => (words[index] === undefined ? [] : [index])));
  const isShown = (index: number): boolean => keys.has(index) || isStructure(words, index, keys);
  let last = words.length - 1;
  while (last > 0 && !isShown(last)) last--;
  const shown = words.slice(1, last + 1).map((word, at) => (isShown(at + 1) ? (keys.has(at + 1) ? quoted(word as ByteString) : (word as string)) : '?'));
  const left = words.length - 1 - last;
  return [name, ...shown, ...(left === 0 ? [] : [`[${left} other arguments]`])].join(' ');
}

function placesOf(words: Words): readonly KeyPlace[] {
  const places = redisKeyPlaces(words);
  return typeof places === 'string' ? [] : places.slice(0, mostKeys);
}

function isStructure(words: Words, index: number, keys: ReadonlySet<number>): boolean {
  const name = (words[0] ?? '').toLowerCase();
  const word = (words[index] ?? '').toLowerCase();
  if (numberedFrom.get(name) === index) return /^\d{1,6}$/.test(word);
  return keys.has(index + 1) && ((index === 1 && containers.has(name)) || keywords.has(word));
}

function wordsOf(command: string, args: readonly CommandArgument[]): Words {
  return [command, ...(Array.isArray(args) ? args : []).flat(3).map(wordOf)];
}

function wordOf(argument: unknown): ByteString | undefined {
  if (typeof argument === 'string') return utf8ByteString(argument);
  if (argument instanceof Uint8Array) return byteString(argument);
  return typeof argument === 'number' || typeof argument === 'bigint' ? String(argument) : undefined;
}
