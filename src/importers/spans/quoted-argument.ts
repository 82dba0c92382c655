import { bytesOf, utf8ByteString, type ByteString } from '../../lib/bytes.ts';

/*
 * Keys in a statement, as redis-cli and MONITOR write arguments: plain where nothing in them can be taken for something else, else in
 * double quotes, with `\"`, `\\` and `\xNN` for each byte that is not printable.
 */

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b' };

/** Whether a key can stand in a statement as it is: no separators, and nothing that stands for what is left out. */
const isPlain = (text: string): boolean => text !== '' && /^[^\s"';?[\]\\\u0000-\u001f\u007f]+$/.test(text) && !text.endsWith('...');

/** A key as text that {@link unquoted} turns back into it. */
export function quoted(key: ByteString): string {
  const text = bytesOf(key).toString('utf8');
  if (!text.includes('\ufffd') && isPlain(text)) return text;
  const escaped = key.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}

/** The key of a text that may be quoted: a text that is not, or not completely, is the key itself, in UTF-8. */
export function unquoted(text: string): ByteString {
  const end = endOfQuoted(text, 0);
  if (end !== text.length) return utf8ByteString(text);
  return utf8ByteString(text.slice(1, -1)).replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Where the quoted text that begins at `from` ends (after its quote); −1 where none begins, or it has no end. */
export function endOfQuoted(text: string, from: number): number {
  if (text[from] !== '"') return -1;
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return -1;
}
