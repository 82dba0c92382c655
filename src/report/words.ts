import { plain, type Tree } from './tree.ts';

/** Longest value shown in a difference; the rest is said to be there. */
const longestShown = 600;

/** A value for people, on one line, cut where it is long. */
export function show(tree: Tree | null): string | undefined {
  if (tree === null) return undefined;
  if (tree.kind === 'binary') return `${tree.sizeBytes} bytes, sha256 ${tree.hash.slice(0, 12)}…`;
  const text = tree.kind === 'leaf' && tree.long ? String(tree.value) : JSON.stringify(plain(tree));
  return shorten(text);
}

/** A text cut to what fits a line of a report. */
export function shorten(text: string, length: number = longestShown): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

/** A text with control characters escaped, so that nothing recorded can steer a terminal. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001F\u007F-\u009F]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
