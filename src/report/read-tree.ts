import { bytesOf, type ByteString } from '../lib/bytes.ts';
import { withoutCodePlaces } from './code-places.ts';
import { unpacked } from './compressed.ts';
import { compressedText, signedText, type SignedPart, type SignedText } from './signed.ts';
import { binaryTree, leaf, objectTree, type EmbeddedTree, type Scalar, type Tree } from './tree.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longer text is compared by its hash: a tree of it, its lines and its tokens would take many times its size. */
const longestText = 8 * 1024 * 1024;

/** Bytes as UTF-8 text; undefined when they are not (or hold a NUL, which text does not), and for more than 8 MB. */
export function decodeText(bytes: ByteString): string | undefined {
  if (bytes.length > longestText || bytes.includes('\0')) return undefined;
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return utf8.decode(bytesOf(bytes));
  } catch {
    return undefined;
  }
}

/** Bytes of a value, a member, a field: text (with what is embedded in it), what is compressed in them, or binary. */
export function bytesTree(bytes: ByteString, depth = 0): Tree {
  if (isHyperLogLog(bytes)) return binaryTree(bytes.slice(0, 8) + bytes.slice(16));
  const text = decodeText(bytes);
  return text === undefined ? unpackedTree(bytes, bytes, depth) ?? binaryTree(bytes) : textTree(text, depth);
}

/** Bytes 8 to 15 of a HyperLogLog cache its count: a PFCOUNT, which only reads, changes them. */
function isHyperLogLog(bytes: ByteString): boolean {
  return bytes.length >= 16 && bytes.startsWith('HYLL') && bytes.charCodeAt(4) <= 1;
}

/** How deep JSON within JSON within JSON is followed. */
const deepestNesting = 8;

/** A text as a tree: JSON, signed and compressed text inside it is opened. */
export function textTree(text: string, depth = 0): Tree {
  if (depth < deepestNesting && text.length >= 2) {
    const first = text.charCodeAt(0);
    if (first === 0x7b || first === 0x5b || first === 0x20 || first === 0x0a) {
      const inner = parseJson(text, depth + 1);
      if (inner !== undefined) return { kind: 'embedded', format: 'json', inner, raw: text };
    }
    const signed = signedText(text);
    if (signed !== undefined) return signedTree(signed, depth);
    const compressed = compressedText(text);
    if (compressed !== undefined) return unpackedTree(text, compressed, depth) ?? leaf(text);
  }
  return leaf(withoutCodePlaces(text));
}

/** JSON objects and arrays as a tree; undefined for anything else, a bare number or string included. */
export function parseJson(text: string, depth = 0): Tree | undefined {
  const trimmed = text.trim();
  const last = trimmed.at(-1);
  if (!((trimmed[0] === '{' && last === '}') || (trimmed[0] === '[' && last === ']'))) return undefined;
  try {
    return jsonTree(JSON.parse(/\d{16}/.test(trimmed) ? keepLongNumbers(trimmed) : trimmed), depth);
  } catch {
    return undefined; // not JSON, or nested deeper than the stack: compared as text
  }
}

const longMark = '\u{F8FF}foreshard-long:';

/** JSON.parse would round numbers of 16 digits and more: they travel as marked strings. */
function keepLongNumbers(text: string): string {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, (token) =>
    (token[0] !== '"' && /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${longMark}${token}"` : token));
}

/** A parsed JSON value as a tree. */
export function jsonTree(value: unknown, depth = 0): Tree {
  if (typeof value === 'string') {
    return value.startsWith(longMark) ? { kind: 'leaf', value: value.slice(longMark.length), long: true } : textTree(value, depth);
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => jsonTree(item, depth)) };
  if (typeof value === 'object' && value !== null) return objectTree(Object.entries(value).map(([name, child]) => [name, jsonTree(child, depth)] as const));
  return leaf(value as Scalar);
}

function signedTree({ parts, raw, signature }: SignedText, depth: number): EmbeddedTree {
  const trees = parts.map(([name, part]) => [name, partTree(part, depth)] as const);
  const [only] = trees;
  const inner = trees.length === 1 && only !== undefined ? only[1] : objectTree(trees);
  return { kind: 'embedded', format: 'signed', inner, raw, ...signature === undefined ? {} : { signature } };
}

function partTree(part: SignedPart, depth: number): Tree {
  switch (part.kind) {
    case 'seconds': return leaf(part.seconds);
    case 'text': return textTree(part.text, depth + 1);
    case 'bytes': {
      const text = decodeText(part.bytes);
      return (text === undefined ? undefined : parseJson(text, depth + 1)) ?? bytesTree(part.bytes, depth + 1);
    }
  }
}

function unpackedTree(raw: string, bytes: ByteString, depth: number): EmbeddedTree | undefined {
  const found = depth < deepestNesting ? unpacked(bytes) : undefined;
  return found && { kind: 'embedded', format: raw === bytes ? found.format : `base64 ${found.format}`, inner: bytesTree(found.bytes, depth + 1), raw };
}
