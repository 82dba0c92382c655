import { contentHash } from '../lib/content-hash.ts';
import { bytesOf, type ByteString } from '../lib/bytes.ts';

/** A value without parts. */
export type Scalar = string | number | boolean | null;

/**
 * What is compared: bodies, headers, values, members, all in one form. Text that is itself JSON, a signed token and so on is
 * `embedded`: compared by what it says, while being text is still asserted.
 */
export type Tree = Leaf | ObjectTree | ListTree | BagTree | EmbeddedTree | BinaryTree;

/** `long`: a JSON number with more digits than a double holds, kept as its text. */
export interface Leaf { readonly kind: 'leaf'; readonly value: Scalar; readonly long?: true }
export interface ObjectTree { readonly kind: 'object'; readonly entries: ReadonlyMap<string, Tree> }
/** `lines`: the items are lines of one text. */
export interface ListTree { readonly kind: 'list'; readonly items: readonly Tree[]; readonly lines?: true }
/** Members without an order: sets, and sorted sets as `{ member, score }`. */
export interface BagTree { readonly kind: 'bag'; readonly items: readonly BagItem[] }
/** `label`: what makes it the same member in another bag. */
export interface BagItem { readonly label: string; readonly tree: Tree }
/** `raw` is the text as it was; `signature` the last part of a signed token, which follows from the rest. */
export interface EmbeddedTree { readonly kind: 'embedded'; readonly format: 'json' | 'signed'; readonly inner: Tree; readonly raw: string; readonly signature?: string }
export interface BinaryTree { readonly kind: 'binary'; readonly hash: string; readonly sizeBytes: number }

/** A leaf. */
export function leaf(value: Scalar): Leaf {
  return { kind: 'leaf', value };
}

/** An object of these entries. */
export function objectTree(entries: Iterable<readonly [string, Tree]>): ObjectTree {
  return { kind: 'object', entries: new Map(entries) };
}

/** The JSON type of a tree, the part of a value that noise can never hide. */
export function typeOf(tree: Tree): string {
  switch (tree.kind) {
    case 'leaf': return tree.long ? 'number' : tree.value === null ? 'null' : typeof tree.value;
    case 'embedded': return `${tree.format} text`;
    case 'list': return tree.lines ? 'string' : 'array';
    case 'bag': return 'set';
    case 'object': case 'binary': return tree.kind;
  }
}

/** One text for equal trees and another for unequal ones: names sorted, bags sorted. */
export function canonical(tree: Tree): string {
  switch (tree.kind) {
    case 'leaf': return tree.long ? `n${String(tree.value)}` : JSON.stringify(tree.value);
    case 'object': return `{${[...tree.entries].map(([name, child]) => `${JSON.stringify(name)}:${canonical(child)}`).sort().join(',')}}`;
    case 'list': return `${tree.lines ? 'l' : ''}[${tree.items.map(canonical).join(',')}]`;
    case 'bag': return `<${tree.items.map((item) => canonical(item.tree)).sort().join(',')}>`;
    case 'embedded': return `${tree.format}(${canonical(tree.inner)}${tree.signature === undefined ? '' : `.${tree.signature}`})`;
    case 'binary': return `b${tree.hash}`;
  }
}

/** Leaves below a tree; an empty object or list counts as one. */
export function leafCount(tree: Tree): number {
  const sum = (trees: Iterable<Tree>): number => {
    let total = 0;
    for (const child of trees) total += leafCount(child);
    return Math.max(1, total);
  };
  switch (tree.kind) {
    case 'leaf': case 'binary': return 1;
    case 'object': return sum(tree.entries.values());
    case 'list': return sum(tree.items);
    case 'bag': return sum(tree.items.map((item) => item.tree));
    case 'embedded': return leafCount(tree.inner) + (tree.signature === undefined ? 0 : 1);
  }
}

/** The tree as plain JSON values, for JSONPath queries. */
export function plain(tree: Tree): unknown {
  switch (tree.kind) {
    case 'leaf': return tree.value;
    case 'object': return Object.fromEntries([...tree.entries].map(([name, child]) => [name, plain(child)]));
    case 'list': return tree.items.map(plain);
    case 'bag': return tree.items.map((item) => plain(item.tree));
    case 'embedded': return plain(tree.inner);
    case 'binary': return `${tree.sizeBytes} bytes, sha256 ${tree.hash}`;
  }
}

/** A tree in which every text (and every decimal number, as text) has gone through `rename`. */
export function mapText(tree: Tree, rename: (text: string) => string): Tree {
  switch (tree.kind) {
    case 'leaf': {
      if (typeof tree.value === 'string') {
        const value = rename(tree.value);
        return value === tree.value ? tree : { ...tree, value };
      }
      if (typeof tree.value !== 'number' || !Number.isInteger(tree.value)) return tree;
      const text = rename(String(tree.value));
      return text === String(tree.value) ? tree : leaf(Number(text));
    }
    case 'object': return objectTree([...tree.entries].map(([name, child]) => [rename(name), mapText(child, rename)] as const));
    case 'list': return { ...tree, items: tree.items.map((item) => mapText(item, rename)) };
    case 'bag': return { kind: 'bag', items: tree.items.map((item) => ({ label: rename(item.label), tree: mapText(item.tree, rename) })) };
    case 'embedded': return { ...tree, inner: mapText(tree.inner, rename) }; // raw stays: whether the signed bytes differed
    case 'binary': return tree;
  }
}

/** A binary tree. */
export function binaryTree(bytes: ByteString): BinaryTree {
  return { kind: 'binary', hash: contentHash(bytesOf(bytes)), sizeBytes: bytes.length };
}

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

/** Bytes of a value, a member, a field: text (with what is embedded in it) or binary. */
export function bytesTree(bytes: ByteString): Tree {
  if (isHyperLogLog(bytes)) return binaryTree(bytes.slice(0, 8) + bytes.slice(16));
  const text = decodeText(bytes);
  return text === undefined ? binaryTree(bytes) : textTree(text);
}

/** Bytes 8 to 15 of a HyperLogLog cache its count: a PFCOUNT, which only reads, changes them. */
function isHyperLogLog(bytes: ByteString): boolean {
  return bytes.length >= 16 && bytes.startsWith('HYLL') && bytes.charCodeAt(4) <= 1;
}

/** How deep JSON within JSON within JSON is followed. */
const deepestNesting = 8;

/** A text as a tree: JSON and signed tokens inside it are opened. */
export function textTree(text: string, depth = 0): Tree {
  if (depth < deepestNesting && text.length >= 2) {
    const first = text.charCodeAt(0);
    if (first === 0x7b || first === 0x5b || first === 0x20 || first === 0x0a) {
      const inner = parseJson(text, depth + 1);
      if (inner !== undefined) return { kind: 'embedded', format: 'json', inner, raw: text };
    }
    if (text.startsWith('eyJ')) return signedTree(text, depth) ?? leaf(text);
  }
  return leaf(text);
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

/** `<base64url JSON>.<…>.<signature>` (JWT, itsdangerous) and plain base64 JSON (cookie sessions). */
function signedTree(text: string, depth: number): EmbeddedTree | undefined {
  if (!/^[\w\-+/=.]+$/.test(text)) return undefined;
  const segments = text.split('.');
  const first = base64Json(segments[0] as string, depth);
  if (first === undefined || segments.length > 5) return undefined;
  if (segments.length === 1) return { kind: 'embedded', format: 'signed', inner: first, raw: text };
  const inner = segments.slice(0, -1).map((segment, index) => [['header', 'payload'][index] ?? `part${index}`, base64Json(segment, depth) ?? leaf(segment)] as const);
  return { kind: 'embedded', format: 'signed', inner: objectTree(inner), raw: segments.slice(0, -1).join('.'), signature: segments.at(-1) as string };
}

function base64Json(segment: string, depth: number): Tree | undefined {
  const text = decodeText(Buffer.from(segment, 'base64').toString('latin1'));
  return text === undefined ? undefined : parseJson(text, depth + 1);
}
