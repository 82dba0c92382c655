import type { ByteString } from '../../lib/bytes.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
const blanks = ' \t\n\v\f\r';
const ends = ' \t\n\r\0';

/**
 * Splits the line of an inline command (`PING`, `SET k "a b"`) as Redis' sdssplitargs does: double quotes with `\xHH` and
 * C escapes, single quotes with `\'` only. Returns undefined for unbalanced quotes.
 */
export function splitInlineArguments(line: ByteString): ByteString[] | undefined {
  const args: ByteString[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && blanks.includes(line.charAt(at))) at++;
    if (at >= line.length || line[at] === '\0') return args;
    const arg = readArgument(line, at);
    if (arg === undefined) return undefined;
    args.push(arg.text);
    at = arg.next;
  }
}

interface Argument { readonly text: ByteString; readonly next: number }

function readArgument(line: ByteString, start: number): Argument | undefined {
  const parts: string[] = [];
  let at = start;
  while (at < line.length && !ends.includes(line.charAt(at))) {
    const char = line.charAt(at);
    if (char !== '"' && char !== "'") {
      parts.push(char);
      at++;
      continue;
    }
    const quoted = char === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
    // A closing quote must be followed by a blank or the end.
    if (quoted === undefined || (quoted.next < line.length && !blanks.includes(line.charAt(quoted.next)))) return undefined;
    parts.push(quoted.text);
    return { text: parts.join(''), next: quoted.next };
  }
  return { text: parts.join(''), next: at };
}

function readDoubleQuoted(line: ByteString, start: number): Argument | undefined {
  const parts: string[] = [];
  let at = start;
  while (at < line.length) {
    const char = line.charAt(at);
    if (char === '"') return { text: parts.join(''), next: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      parts.push(char);
      at++;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4));
    const escaped = line.charAt(at + 1);
    parts.push(hex === null ? (escapes[escaped] ?? escaped) : String.fromCharCode(Number.parseInt(hex[1] as string, 16)));
    at += hex === null ? 2 : 4;
  }
  return undefined;
}

function readSingleQuoted(line: ByteString, start: number): Argument | undefined {
  const parts: string[] = [];
  let at = start;
  while (at < line.length) {
    const char = line.charAt(at);
    if (char === "'") return { text: parts.join(''), next: at + 1 };
    const escapedQuote = char === '\\' && line[at + 1] === "'";
    parts.push(escapedQuote ? "'" : char);
    at += escapedQuote ? 2 : 1;
  }
  return undefined;
}
