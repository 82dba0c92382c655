import type { ByteString } from '../../lib/bytes.ts';
import { endOfQuoted, unquoted } from './quoted-argument.ts';
import { isRedisCommand, redisKeyPlaces, type Words } from './redis-keys.ts';

/** A key that a statement shows. */
export interface ShownKey {
  readonly key: ByteString;
  readonly access: 'read' | 'write';
}

/** What a statement of a database span shows. */
export interface ShownKeys {
  readonly keys: readonly ShownKey[];
  /** Keys that were there and are not shown, by command in upper case. */
  readonly hidden: ReadonlyMap<string, number>;
  /** First words that are no command. */
  readonly unknown: readonly string[];
}

/** Instrumentations cut statements far below that. */
const longestStatement = 1 << 20;
/** `[n other arguments]`: as many words are not known. */
const others = /^\[(\d{1,5}) other arguments?\]/;
const mostCommands = 10_000;
/** Words of all commands, those that are said to be hidden included. */
const mostWords = 100_000;

/**
 * The keys in `db.query.text` of a Redis span. Commands stand one a line or are separated by semicolons. `?`, `[n other arguments]` and a cut `…` are words
 * that the instrumentation hides; keys may be in double quotes. What is hidden is counted by command, and never guessed.
 */
export function keysOfStatement(statement: string): ShownKeys {
  const keys: ShownKey[] = [];
  const hidden = new Map<string, number>();
  const unknown: string[] = [];
  const hide = (name: string, count: number): void => void hidden.set(name, (hidden.get(name) ?? 0) + count);
  for (const [index, words] of commandsOf(statement.slice(0, longestStatement)).entries()) {
    const name = unquoted(words[0] ?? '').toUpperCase();
    const places = isAmbiguous(words) ? 'hidden' : redisKeyPlaces(words);
    if (places === 'unknown') {
      if (index === 0) unknown.push(name); // a later line that begins with no command is the rest of a value
    } else if (places === 'hidden' || (places.length === 0 && isBare(words))) hide(name, 1);
    else {
      for (const { index: at, access } of places) {
        const word = words[at];
        if (word === undefined) hide(name, 1);
        else keys.push({ key: unquoted(word), access });
      }
    }
  }
  return { keys, hidden, unknown };
}

/** A command that needs a key and stands alone: the instrumentation writes names only. */
function isBare(words: Words): boolean {
  if (words.length !== 1) return false;
  const places = redisKeyPlaces([words[0], undefined, undefined, undefined, undefined, undefined]);
  return places === 'hidden' || (places !== 'unknown' && places.length > 0);
}

/** `GET my key`: these take one key and nothing else, so one with a space in it stands there, or several: who knows. */
const oneKeyOnly: ReadonlySet<string> = new Set(['get', 'strlen', 'hgetall', 'hlen', 'hkeys', 'hvals', 'llen', 'smembers', 'scard', 'zcard', 'xlen', 'type', 'ttl', 'pttl',
  'expiretime', 'pexpiretime', 'dump', 'incr', 'decr', 'getdel', 'persist']);

/** A script that stands there as it is has spaces in it, so the words after it are anywhere. */
const withScript: ReadonlySet<string> = new Set(['eval', 'eval_ro']);

function isAmbiguous(words: Words): boolean {
  const name = (words[0] ?? '').toLowerCase();
  return (words.length > 2 && oneKeyOnly.has(name)) || (withScript.has(name) && words[1]?.startsWith('"') === false);
}

function commandsOf(statement: string): Words[] {
  const commands: (string | undefined)[][] = [];
  let words: (string | undefined)[] = [];
  let left = mostWords;
  for (const word of wordsOf(statement)) {
    if (left <= 0 || commands.length >= mostCommands) break;
    const before = words.length;
    if (word === '\n' || word === ';') {
      if (words.length > 0) commands.push(words);
      words = [];
    } else if (word.startsWith('[') && others.test(word)) {
      for (let count = Math.min(Number(others.exec(word)?.[1]), left); count > 0; count--) words.push(undefined);
    } else words.push(isHidden(word) ? undefined : word);
    left -= Math.max(1, words.length - before);
  }
  if (words.length > 0) commands.push(words);
  return commands;
}

/** What stands for a word that is not shown, or not as it was: bytes that were no UTF-8 are lost, and two keys may look the same. */
function isHidden(word: string): boolean {
  return word === '?' || word.endsWith('...') || word.includes('\ufffd');
}

/** Words, and `\n` or `;` between commands. */
function* wordsOf(statement: string): Generator<string> {
  const lastEnd = statement.trimEnd().length;
  let canQuote = true;
  const word = /[^\s]+|\n/g;
  for (let found = word.exec(statement); found !== null; found = word.exec(statement)) {
    const text = found[0];
    const end = canQuote && text[0] === '"' ? endOfQuoted(statement, found.index) : 0;
    if (end < 0) canQuote = false; // no quote is closed any more
    if (end > 0 && /^[\s;]?$/.test(statement.charAt(end))) {
      yield statement.slice(found.index, end);
      word.lastIndex = end;
    } else if (text[0] === '[' && others.test(statement.slice(found.index, found.index + 40))) {
      const all = (others.exec(statement.slice(found.index, found.index + 40)) as RegExpExecArray)[0];
      yield all;
      word.lastIndex = found.index + all.length;
    } else yield* partsOf(text, { isLast: word.lastIndex >= lastEnd, next: statement.slice(word.lastIndex, word.lastIndex + 40) });
  }
}

/** `MULTI;GET`: a semicolon separates commands only where a command follows it; keys may hold some. */
function* partsOf(text: string, after: { readonly isLast: boolean; readonly next: string }): Generator<string> {
  let from = 0;
  for (let at = text.indexOf(';'); at >= 0; at = text.indexOf(';', at + 1)) {
    const isAtEnd = at === text.length - 1;
    const following = isAtEnd ? /^\s*([\w.]+)/.exec(after.next)?.[1] : /^[\w.]+/.exec(text.slice(at + 1, at + 30))?.[0];
    if (!(isAtEnd && after.isLast) && (following === undefined || !isRedisCommand(following))) continue;
    if (at > from) yield text.slice(from, at);
    yield ';';
    from = at + 1;
  }
  if (from < text.length) yield text.slice(from);
}
