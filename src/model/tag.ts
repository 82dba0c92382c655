import { murmur3 } from '../lib/hash.ts';
import { looksLikeId } from './route.ts';
import type { StateKey } from './state-key.ts';

/*
 * The tag of an element is what it is placed by. Every read and write begins here, so the usual keys (words and numbers between separators) are decided
 * char by char, without a regular expression and without cutting the key; what is neither goes to `looksLikeId`.
 */

const slash = 0x2f;
const colon = 0x3a;

/** Chars that separate parts of a name: `:` `/` `|` `.` `?` `&` `=` and the space. */
const separators = new Set(Array.from(':/|.?&= ', (char) => char.charCodeAt(0)));

/** By char code below 128: 1 a separator, 2 a digit, 4 a letter, `_` or `-`; 0 anything else. */
const charKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  if (separators.has(code)) return 1;
  const char = String.fromCharCode(code);
  return /\d/.test(char) ? 2 : /[\w-]/.test(char) ? 4 : 0;
});

/** Words shorter than this are no ids, as `looksLikeId` has it: they hold no digit, and only longer ones may be hexadecimal or random. */
const shortestRandomWord = 16;

/** Where the tag of the key last looked at begins and ends: two numbers, kept here so that a look-up allocates nothing. */
let tagStart = 0;
let tagEnd = 0;

/**
 * The tag of an element: what it is placed by, so that elements of one entity lie together. It is the text in the first `{…}` of the name
 * (as Redis Cluster has it, whatever the kind), else the key up to and including the last part that is an id (`redis:0/cart:7` for
 * `redis:0/cart:7:items`), else the whole key.
 */
export function tagOf(key: StateKey): string {
  locate(key);
  return key.slice(tagStart, tagEnd);
}

/** What an element is found by: the MurmurHash3 of its tag, an unsigned 32-bit number. */
export function tagHash(key: StateKey): number {
  locate(key);
  return murmur3(key, 0, tagStart, tagEnd);
}

function locate(key: StateKey): void {
  tagStart = 0;
  tagEnd = key.length;
  const name = nameStart(key);
  const open = key.indexOf('{', name);
  if (open >= 0) {
    const close = key.indexOf('}', open + 1);
    if (close > open + 1) {
      tagStart = open + 1;
      tagEnd = close;
      return;
    }
  }
  const end = lastIdEnd(key, name);
  if (end > name) tagEnd = end;
}

/** Where the name begins: behind `kind:scope/`; 0 when the text is no state key. */
function nameStart(key: StateKey): number {
  let at = 0;
  while (at < key.length && key.charCodeAt(at) !== colon) at++;
  if (at === 0) return 0;
  for (at++; at < key.length; at++) if (key.charCodeAt(at) === slash) return at + 1;
  return 0;
}

/** The end of the last part of the name that is an id; -1 without one. */
function lastIdEnd(key: StateKey, name: number): number {
  for (let end = key.length; end > name;) {
    let kinds = 0;
    let start = end;
    for (; start > name; start--) {
      const code = key.charCodeAt(start - 1);
      const kind = code < 128 ? (charKinds[code] as number) : 0;
      if (kind === 1) break;
      kinds |= kind === 0 ? 8 : kind;
    }
    if (start < end && isId(key, start, end, kinds)) return end;
    end = start - 1;
  }
  return -1;
}

function isId(key: StateKey, start: number, end: number, kinds: number): boolean {
  if (kinds === 2) return true;
  if (kinds === 4 && end - start < shortestRandomWord) return false;
  return looksLikeId(key.slice(start, end));
}
