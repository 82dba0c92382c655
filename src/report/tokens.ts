import { looksGenerated, momentOf, sameShape, shapeOf } from './value-class.ts';

/** Two tokens at one place. */
export interface TokenPair {
  readonly baseline: string;
  readonly candidate: string;
  /** Both are decimal numbers: taken for ids only where the control runs differ too. */
  readonly decimal: boolean;
}

// from the finest pieces to the whole: base64 has `/`, `+` and `=` in it, which separate pieces elsewhere
const separators = [/([^\w-]+)/, /([\s:;,."'|?&#()[\]{}<>@!]+)/, /(\s+)/];

/**
 * The tokens in which two texts differ, when they differ in nothing else: `user/A1…/x` and `user/B2…/x` give A1… and B2….
 * Empty when they differ in something that is not a token, or are moments. `generatedHere`: the place is known to hold generated ids.
 */
export function tokenPairs(baseline: string, candidate: string, generatedHere = false): readonly TokenPair[] {
  if (baseline === candidate) return [];
  const moment = momentOf(baseline);
  if (moment !== undefined && moment.format === momentOf(candidate)?.format) return [];
  for (const separator of separators) {
    const pairs = splitPairs(baseline.split(separator), candidate.split(separator), generatedHere);
    if (pairs !== undefined) return pairs;
  }
  return [];
}

/** A moment inside a name; a date alone is none. */
const moments = /(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?|(?<!\d)\d{10}\.\d{1,9}(?!\d))/;

/** As {@link tokenPairs} for two names: they may have moments in them, which are given as decimals. */
export function namePairs(baseline: string, candidate: string, generatedHere = false): readonly TokenPair[] {
  const [left, right] = [baseline.split(moments), candidate.split(moments)];
  if (left.length === 1 || left.length !== right.length) return tokenPairs(baseline, candidate, generatedHere);
  const pairs: TokenPair[] = [];
  for (let index = 0; index < left.length; index++) {
    const [a, b] = [left[index] as string, right[index] as string];
    if (a === b) continue;
    const found = index % 2 === 0 ? tokenPairs(a, b, generatedHere)
      : momentOf(a)?.format === momentOf(b)?.format ? [{ baseline: a, candidate: b, decimal: true }] : [];
    if (found.length === 0) return [];
    pairs.push(...found);
  }
  return pairs;
}

function splitPairs(left: readonly string[], right: readonly string[], generatedHere: boolean): TokenPair[] | undefined {
  if (left.length !== right.length) return undefined;
  const pairs: TokenPair[] = [];
  for (let index = 0; index < left.length; index++) {
    const [a, b] = [left[index] as string, right[index] as string];
    if (a === b) continue;
    const pair = index % 2 === 1 ? undefined : tokenPair(a, b, generatedHere);
    if (pair === undefined) return undefined;
    pairs.push(pair);
  }
  return pairs;
}

function tokenPair(a: string, b: string, generatedHere: boolean): TokenPair | undefined {
  if (shareGeneratedPiece(a, b)) return undefined;
  if (/^\d+$/.test(a) && /^\d+$/.test(b) && !sameShape(a, b)) {
    return a.length >= 4 && Math.abs(a.length - b.length) <= 2 ? { baseline: a, candidate: b, decimal: true } : undefined;
  }
  // the id itself without a shared prefix such as `ord_`: elsewhere it may stand without
  const prefix = sharedPrefix(a, b);
  const [restA, restB] = [a.slice(prefix), b.slice(prefix)];
  if (prefix > 0 && sameShape(restA, restB, generatedHere)) return { baseline: restA, candidate: restB, decimal: false };
  if (prefix > 0 && /^\d{4,}$/.test(restA) && /^\d{4,}$/.test(restB) && Math.abs(restA.length - restB.length) <= 2) {
    return { baseline: restA, candidate: restB, decimal: true };
  }
  return sameShape(a, b, generatedHere) ? { baseline: a, candidate: b, decimal: false } : undefined;
}

/** `3f9a1c2b7e5d-64` and `3f9a1c2b7e5d-128`: one id, and what differs is not generated. */
function shareGeneratedPiece(a: string, b: string): boolean {
  if (shapeOf(a)?.shape === 'uuid') return false;
  const pieces = b.split(/[-_]/);
  return a.split(/[-_]/).some((piece, index) => piece.length >= 8 && piece.length < a.length && piece === pieces[index] && looksGenerated(piece));
}

function sharedPrefix(a: string, b: string): number {
  if (shapeOf(a)?.shape === 'uuid') return 0;
  const prefix = /^(?:[A-Za-z]+[_-])+/.exec(a)?.[0] ?? '';
  for (let length = prefix.length; length > 0; length = prefix.slice(0, length - 1).search(/[_-][A-Za-z]*$/) + 1) {
    if (b.startsWith(prefix.slice(0, length))) return length;
  }
  return 0;
}

/** Whether a token stands in a text on its own, not inside a longer word or number. */
export function occursIn(text: string, token: string): boolean {
  for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + 1)) {
    if (!isWordChar(text[at - 1]) && !isWordChar(text[at + token.length])) return true;
  }
  return false;
}

function isWordChar(char: string | undefined): boolean {
  return char !== undefined && /[A-Za-z0-9]/.test(char);
}

/** A function that replaces every token of the map where it stands on its own, all at once. */
export function replacer(tokens: ReadonlyMap<string, string>): (text: string) => string {
  if (tokens.size === 0) return (text) => text;
  const alternatives = [...tokens.keys()].sort((a, b) => b.length - a.length).map((token) => token.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${alternatives.join('|')})(?![A-Za-z0-9])`, 'g');
  return (text) => text.replace(pattern, (token) => tokens.get(token) ?? token);
}
