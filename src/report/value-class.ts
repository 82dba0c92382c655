import { typeOf, type Tree } from './tree.ts';

/** What kind of value a place holds from run to run. Whichever it is, the JSON type is asserted too. */
export type ValueClass = 'timestamp' | 'uuid' | 'token' | 'number' | 'pattern' | 'binary' | 'any';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;
const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/;

/** A moment and how it is written; `format` is part of what noise asserts. */
export interface Moment { readonly ms: number; readonly format: string }

/** The moment a text or number stands for; undefined when it is none. Epoch numbers: seconds to nanoseconds, 2001 to 2096. */
export function momentOf(value: unknown): Moment | undefined {
  if (typeof value === 'number') return epoch(value);
  if (typeof value !== 'string' || value.length > 40) return undefined;
  if (/^\d{10,19}(?:\.\d+)?$/.test(value)) {
    const moment = epoch(Number(value));
    return moment && { ...moment, format: `${moment.format} text` };
  }
  if (iso.test(value)) {
    const ms = Date.parse(value.replace(' ', 'T').replace(',', '.'));
    return Number.isNaN(ms) ? undefined : { ms, format: isoFormat(value) };
  }
  if (httpDate.test(value)) return { ms: Date.parse(value), format: 'http date' };
  return undefined;
}

function isoFormat(value: string): string {
  const zone = value.endsWith('Z') ? 'Z' : /[+-]\d\d:?\d\d$/.test(value) && value.length > 10 ? 'offset' : 'local';
  return value.length === 10 ? 'date' : `iso ${value[10]}${zone}${/[.,]\d/.test(value) ? ' fraction' : ''}`;
}

function epoch(value: number): Moment | undefined {
  for (const [scale, format] of [[1e-3, 'epoch s'], [1, 'epoch ms'], [1e3, 'epoch us'], [1e6, 'epoch ns']] as const) {
    const ms = value / scale;
    if (ms >= 1e12 && ms < 4e12) return { ms, format: Number.isInteger(value) ? format : `${format} fraction` };
  }
  return undefined;
}

/** The shape of a generated id, and its length where that is part of the shape; undefined for a word or a number. */
export function shapeOf(token: string): { readonly shape: 'uuid' | 'ulid' | 'hex' | 'token' | 'decimal'; readonly strict: boolean } | undefined {
  if (uuid.test(token)) return { shape: 'uuid', strict: true };
  if (/^\d+$/.test(token)) return { shape: 'decimal', strict: token.length >= 4 };
  if (token.length < 8 || /^\d{4}-?\d\d-?\d\d(?:T|$)/.test(token)) return undefined;
  if (ulid.test(token)) return { shape: 'ulid', strict: true };
  if (/^(?:[0-9a-f]+|[0-9A-F]+)$/.test(token)) return { shape: 'hex', strict: /\d/.test(token) && (token.length >= 16 || changesOfKind(token) >= 2) };
  if (!/^[\w\-+/=~%]+$/.test(token)) return undefined;
  return { shape: 'token', strict: looksRandom(token) };
}

/** Letters and digits (or cases) change places too often for a word, or for a path such as `/v1/prices`. */
function looksRandom(token: string): boolean {
  const changes = changesOfKind(token);
  return /\d/.test(token) && !token.includes('/') ? changes >= 2 && changes * 6 >= token.length : changes >= 4 && changes * 4 >= token.length;
}

/** How often lower case, upper case and digits follow one another. */
function changesOfKind(token: string): number {
  let [changes, before] = [-1, ''];
  for (let index = 0; index < token.length; index++) {
    const kind = kindOf(token.charCodeAt(index));
    if (kind === '' || kind === before) continue;
    changes++;
    before = kind;
  }
  return changes;
}

function kindOf(code: number): 'lower' | 'upper' | 'digit' | '' {
  if (code >= 97 && code <= 122) return 'lower';
  if (code >= 65 && code <= 90) return 'upper';
  return code >= 48 && code <= 57 ? 'digit' : '';
}

/** Whether a piece of a name is an id: a uuid, a ULID, a long hexadecimal or random-looking piece. */
export function looksGenerated(part: string): boolean {
  const found = shapeOf(part);
  return found !== undefined && found.shape !== 'decimal' && found.strict;
}

/**
 * Whether two tokens could come from generators of the same shape. `generatedHere`: the place is known to hold generated ids, so
 * they may be short, and one that is no plain word is enough. Decimal ids are another matter: see rename.ts.
 */
export function sameShape(a: string, b: string, generatedHere = false): boolean {
  const left = shapeOf(a);
  const right = shapeOf(b);
  const mayBeIds = generatedHere && !(isPlain(a) && isPlain(b));
  if (mayBeIds && shortId.test(a) && shortId.test(b)) return a.length === b.length;
  if (left === undefined || right === undefined || !(left.strict || right.strict || mayBeIds)) return false;
  if (left.shape === 'decimal' || right.shape === 'decimal') {
    // an all-digit hexadecimal id is rare but real
    return left.shape !== right.shape && a.length === b.length && a.length >= 8 && [left, right].some((side) => side.shape === 'hex' && (side.strict || mayBeIds));
  }
  if (left.shape === 'uuid' || right.shape === 'uuid') return left.shape === right.shape;
  if (left.shape === 'hex' && right.shape === 'hex') return a.length === b.length && (a.toLowerCase() === a) === (b.toLowerCase() === b);
  return Math.abs(a.length - b.length) <= Math.max(3, Math.floor(a.length / 10));
}

const shortId = /^[A-Za-z0-9_-]{4,7}$/;

/** Whether a token is a word in one case or with a capital, such words joined by `-` or `_`, or a number. */
export function isPlain(token: string): boolean {
  return /^\d+$/.test(token) || token.split(/[-_]/).every((word) => /^(?:[A-Z]?[a-z]*|[A-Z]+)$/.test(word));
}

/** A text with every recognisable value replaced by the name of its class, to see whether two texts say the same otherwise. */
export function mask(text: string, options: { readonly numbers: boolean } = { numbers: false }): string {
  const masked = text
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?/g, '‹time›')
    .replace(/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT/g, '‹time›')
    .replace(/[A-Za-z0-9][\w+=-]{7,}/g, (atom) => {
      const prefix = /^(?:[A-Za-z]+[_-])*/.exec(atom)?.[0] ?? '';
      const rest = atom.slice(prefix.length);
      if (looksGenerated(atom) && !looksGenerated(rest)) return '‹id›';
      return looksGenerated(rest) ? `${prefix}‹id›` : /^\d{10,19}$/.test(rest) ? `${prefix}‹number›` : atom;
    });
  return options.numbers ? masked.replace(/\d+(?:\.\d+)?/g, '‹number›') : masked;
}

/** The class that holds both of two values that differ; undefined when not even the JSON type is shared. */
export function commonClass(a: Tree, b: Tree): ValueClass | undefined {
  if (a.kind === 'binary' && b.kind === 'binary') return 'binary';
  if (a.kind !== 'leaf' || b.kind !== 'leaf' || typeOf(a) !== typeOf(b) || a.value === null || b.value === null) return undefined;
  const moments = [momentOf(a.value), momentOf(b.value)] as const;
  if (moments[0] !== undefined && moments[0].format === moments[1]?.format) return 'timestamp';
  if (typeOf(a) === 'number') return 'number';
  if (typeof a.value !== 'string' || typeof b.value !== 'string') return 'any';
  return textClass(a.value, b.value);
}

function textClass(a: string, b: string): ValueClass {
  if (uuid.test(a) && uuid.test(b)) return 'uuid';
  if (sameShape(a, b)) return 'token';
  const number = /^-?\d+(?:\.\d+)?$/;
  if (number.test(a) && number.test(b)) return 'number';
  return mask(a, { numbers: true }) === mask(b, { numbers: true }) ? 'pattern' : 'any';
}
