import { bytesOf, type ByteString } from '../lib/bytes.ts';
import { plain, type Tree } from './tree.ts';

/** Longest value shown in a difference; the rest is said to be there. */
const longestShown = 600;

/** Bytes of a binary value shown from the first one on that differs. */
const shownBytes = 16;

/** A value for people, on one line, cut where it is long. `other`: what it differs from. */
export function show(tree: Tree | null, other: Tree | null = null): string | undefined {
  if (tree === null) return undefined;
  if (tree.kind === 'binary') return `${tree.sizeBytes} bytes, ${other?.kind === 'binary' ? fromDifference(tree.bytes, other.bytes) : `sha256 ${tree.hash.slice(0, 12)}…`}`;
  const text = tree.kind === 'leaf' && tree.long ? String(tree.value) : JSON.stringify(plain(tree));
  return shorten(text);
}

function fromDifference(bytes: ByteString, other: ByteString): string {
  let at = 0;
  while (at < bytes.length && bytes[at] === other[at]) at++;
  const shown = bytesOf(bytes.slice(at, at + shownBytes)).toString('hex').replace(/..(?=.)/g, '$& ');
  return `from byte ${at} on: ${shown}${at + shownBytes < bytes.length ? ' …' : ''}`;
}

/** A text cut to what fits a line of a report. */
export function shorten(text: string, length: number = longestShown): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

/** A text with control characters escaped, so that nothing recorded can steer a terminal. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001F\u007F-\u009F]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
