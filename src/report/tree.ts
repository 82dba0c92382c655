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
/** `raw` is the text as it was (what of it was signed); `signature` the last part of a signed text, which follows from the rest. */
export interface EmbeddedTree { readonly kind: 'embedded'; readonly format: EmbeddedFormat; readonly inner: Tree; readonly raw: string; readonly signature?: string }
export type EmbeddedFormat = 'json' | 'signed' | 'gzip' | 'zlib' | 'base64 gzip' | 'base64 zlib';
export interface BinaryTree { readonly kind: 'binary'; readonly hash: string; readonly sizeBytes: number; readonly bytes: ByteString }

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
    case 'embedded': return `${tree.format} ${tree.format === 'gzip' || tree.format === 'zlib' ? 'data' : 'text'}`;
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

/** A tree in which every text (and every decimal number, as text; bytes, as one text) has gone through `rename`. */
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
    case 'binary': {
      const bytes = rename(tree.bytes);
      return bytes === tree.bytes ? tree : binaryTree(bytes);
    }
  }
}

/** A binary tree. */
export function binaryTree(bytes: ByteString): BinaryTree {
  return { kind: 'binary', hash: contentHash(bytesOf(bytes)), sizeBytes: bytes.length, bytes };
}
