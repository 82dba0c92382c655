/*
 * Items of artefacts as JSON. Bodies and values are byte strings (a char a byte), and JSON writes a byte below 32 as six characters and one above
 * 127 as two: a value of 64 MB could become longer than any string. In items that are long, long byte strings are therefore base64.
 */

/** Begins a string that is base64 of the rest. A string that begins so by chance is encoded too. */
const mark = '\u0000base64:';
const markInJson = JSON.stringify(mark).slice(1, -1);

/** Items with less text are written as JSON writes them. */
const longItem = 1024 * 1024;
/** Strings from this length are encoded. */
const longString = 4096;

/** An item as one line of JSON. Throws a RangeError for what is longer than a string can be. */
export function encodeItem(item: unknown): string {
  if (textLength(item, longItem) >= longItem) return JSON.stringify(item, encodeStrings);
  const plain = JSON.stringify(item);
  return plain.includes(markInJson) ? JSON.stringify(item, encodeStrings) : plain;
}

/** The item of a line. */
export function decodeItem(line: string): unknown {
  return line.includes(markInJson) ? JSON.parse(line, decodeStrings) : JSON.parse(line);
}

/** Characters of all strings in an item, counted up to `enough`. */
function textLength(value: unknown, enough: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    length += textLength(part, enough - length);
    if (length >= enough) break;
  }
  return length;
}

function encodeStrings(_name: string, value: unknown): unknown {
  if (typeof value !== 'string' || (value.length < longString && !value.startsWith(mark))) return value;
  return /[^\u0000-\u00FF]/.test(value) ? value : mark + Buffer.from(value, 'latin1').toString('base64');
}

function decodeStrings(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(mark) ? Buffer.from(value.slice(mark.length), 'base64').toString('latin1') : value;
}
