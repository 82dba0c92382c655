import type { ByteString } from '../lib/bytes.ts';

const star = 42, question = 63, open = 91, close = 93, backslash = 92, caret = 94, dash = 45;

/**
 * Whether a text matches a glob pattern as Redis' `stringmatchlen` reads it: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Bytes, not characters;
 * case matters. An unclosed `[` ends with the pattern; a reversed range is turned round.
 */
export function globMatches(pattern: ByteString, text: ByteString): boolean {
  return matchFrom(pattern, 0, text, 0) === 'yes';
}

/** A matcher to be used for many texts; patterns without special characters compare directly. */
export function globMatcher(pattern: ByteString): (text: ByteString) => boolean {
  if (pattern === '*') return () => true;
  if (!/[*?[\\]/.test(pattern)) return (text) => text === pattern;
  const prefix = /^[^*?[\\]+/.exec(pattern)?.[0] ?? '';
  if (pattern.length === prefix.length + 1 && pattern.endsWith('*')) return (text) => text.startsWith(prefix);
  return (text) => text.startsWith(prefix) && globMatches(pattern, text);
}

/** 'stop': a star further in has tried every rest of the text, so no star before it can do better (keeps it from being exponential). */
type Match = 'yes' | 'no' | 'stop';

function matchFrom(pattern: ByteString, patternStart: number, text: ByteString, textStart: number): Match {
  let p = patternStart;
  let t = textStart;
  while (p < pattern.length && t < text.length) {
    const code = pattern.charCodeAt(p);
    if (code === star) return matchStar(pattern, p, text, t);
    if (code === open) {
      const set = matchSet(pattern, p + 1, text.charCodeAt(t));
      if (!set.matches) return 'no';
      p = set.end;
    } else if (code !== question) {
      if (code === backslash && p + 1 < pattern.length) p++;
      if (pattern.charCodeAt(p) !== text.charCodeAt(t)) return 'no';
    }
    t++;
    p++;
  }
  // Redis looks at trailing stars only after it has consumed something: `**` does not match the empty text.
  if (t === text.length && t > textStart) while (p < pattern.length && pattern.charCodeAt(p) === star) p++;
  return p >= pattern.length && t === text.length ? 'yes' : 'no';
}

function matchStar(pattern: ByteString, starAt: number, text: ByteString, from: number): Match {
  let p = starAt;
  while (pattern.charCodeAt(p + 1) === star) p++;
  if (p + 1 >= pattern.length) return 'yes';
  for (let t = from; t < text.length; t++) {
    const rest = matchFrom(pattern, p + 1, text, t);
    if (rest !== 'no') return rest;
  }
  return 'stop';
}

/** Reads a set from after its `[`; `end` is the index of its `]`, or of the pattern's last character where it is not closed. */
function matchSet(pattern: ByteString, start: number, char: number): { matches: boolean; end: number } {
  let p = start;
  const negated = pattern.charCodeAt(p) === caret;
  if (negated) p++;
  let matches = false;
  for (; ; p++) {
    if (p >= pattern.length) {
      p = pattern.length - 1;
      break;
    }
    const code = pattern.charCodeAt(p);
    if (code === backslash && p + 1 < pattern.length) {
      p++;
      if (pattern.charCodeAt(p) === char) matches = true;
    } else if (code === close) {
      break;
    } else if (p + 2 < pattern.length && pattern.charCodeAt(p + 1) === dash) {
      const other = pattern.charCodeAt(p + 2);
      if (char >= Math.min(code, other) && char <= Math.max(code, other)) matches = true;
      p += 2;
    } else if (code === char) {
      matches = true;
    }
  }
  return { matches: matches !== negated, end: p };
}
