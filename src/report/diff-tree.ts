import { alignLists, pairLeftovers } from './align.ts';
import { onlyFits, pairNames, structureOf } from './pair-names.ts';
import { anyIndex, type Segment } from './paths.ts';
import { canonical, leaf, typeOf, type BagItem, type BagTree, type EmbeddedTree, type ListTree, type ObjectTree, type Tree } from './tree.ts';
import { mask } from './value-class.ts';

/** What happened at one place. `name`: only where names are paired, an entry is there under another name. */
export type ChangeKind = 'value' | 'type' | 'missing' | 'extra' | 'order' | 'name';

/** One place where two trees differ. */
export interface TreeChange {
  readonly change: ChangeKind;
  readonly segments: readonly Segment[];
  readonly baseline: Tree | null;
  readonly candidate: Tree | null;
  /** The bag's member that the place is in. */
  readonly label?: string;
}

/** How two trees are walked. */
export interface WalkOptions {
  readonly emit: (change: TreeChange) => void;
  /** Lists that are compared as bags. */
  readonly unordered?: (segments: readonly Segment[]) => boolean;
  /**
   * For learning which ids correspond: entries whose names differ only in generated parts are taken for one another (a `name`
   * change), and both parts of signed tokens are told. Says whether two names at a place differ in nothing but generated parts.
   */
  readonly fits?: (baseline: string, candidate: string, place: readonly Segment[]) => boolean;
}

/** Tells every place where two trees differ; nothing when they are equal. */
export function diffTrees(baseline: Tree, candidate: Tree, segments: readonly Segment[], options: WalkOptions): void {
  if (baseline.kind === 'object' && candidate.kind === 'object') return diffObjects(baseline, candidate, segments, options);
  if (baseline.kind === 'list' && candidate.kind === 'list' && baseline.lines === candidate.lines) return diffLists(baseline, candidate, segments, options);
  if (baseline.kind === 'bag' && candidate.kind === 'bag') return diffBags(baseline, candidate, segments, options);
  if (baseline.kind === 'embedded' && candidate.kind === 'embedded' && baseline.format === candidate.format) {
    return diffEmbedded(baseline, candidate, segments, options);
  }
  if (baseline.kind === 'leaf' && candidate.kind === 'leaf' && baseline.value === candidate.value && baseline.long === candidate.long) return;
  if (baseline.kind === 'binary' && candidate.kind === 'binary' && baseline.hash === candidate.hash) return;
  const change = typeOf(baseline) === typeOf(candidate) ? 'value' : 'type';
  options.emit({ change, segments, baseline, candidate });
}

function diffObjects(baseline: ObjectTree, candidate: ObjectTree, segments: readonly Segment[], options: WalkOptions): void {
  const missing: string[] = [];
  for (const [name, tree] of baseline.entries) {
    const other = candidate.entries.get(name);
    if (other === undefined) missing.push(name);
    else diffTrees(tree, other, [...segments, name], options);
  }
  const extra = [...candidate.entries.keys()].filter((name) => !baseline.entries.has(name));
  const { fits } = options;
  const pairs = fits === undefined ? [] : pairNames(missing, extra, {
    content: (name, side) => (side === 'baseline' ? baseline : candidate).entries.get(name) ?? null,
    fits: (name, other) => fits(name, other, [...segments, name]),
  });
  for (const [name, otherName] of pairs) {
    options.emit({ change: 'name', segments: [...segments, name], baseline: leaf(name), candidate: leaf(otherName) });
    diffTrees(baseline.entries.get(name) as Tree, candidate.entries.get(otherName) as Tree, [...segments, name], options);
  }
  const paired = new Set(pairs.flat());
  for (const name of missing) {
    if (!paired.has(name)) options.emit({ change: 'missing', segments: [...segments, name], baseline: baseline.entries.get(name) as Tree, candidate: null });
  }
  for (const name of extra) {
    if (!paired.has(name)) options.emit({ change: 'extra', segments: [...segments, name], baseline: null, candidate: candidate.entries.get(name) as Tree });
  }
}

function diffLists(baseline: ListTree, candidate: ListTree, segments: readonly Segment[], options: WalkOptions): void {
  const left = baseline.items.map(canonical);
  const right = candidate.items.map(canonical);
  if (left.length === right.length && left.every((text, index) => text === right[index])) return;
  if (options.unordered?.(segments)) {
    const bag = (items: readonly Tree[], labels: readonly string[]): BagTree => ({ kind: 'bag', items: items.map((tree, index) => ({ label: labels[index] as string, tree })) });
    return diffBags(bag(baseline.items, left), bag(candidate.items, right), segments, options);
  }
  if (left.length === right.length && sameMultiset(left, right)) {
    options.emit({ change: 'order', segments, baseline, candidate });
    return;
  }
  for (const step of alignLists(left, right, (index, side) => outline((side === 'baseline' ? baseline : candidate).items[index] as Tree))) {
    const before = step.baseline === null ? null : baseline.items[step.baseline] as Tree;
    const after = step.candidate === null ? null : candidate.items[step.candidate] as Tree;
    const place = [...segments, step.baseline ?? step.candidate ?? 0];
    if (before !== null && after !== null) diffTrees(before, after, place, options);
    else options.emit({ change: before === null ? 'extra' : 'missing', segments: place, baseline: before, candidate: after });
  }
}

function sameMultiset(left: readonly string[], right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return [...left].sort().every((text, index) => text === sorted[index]);
}

function diffBags(baseline: BagTree, candidate: BagTree, segments: readonly Segment[], options: WalkOptions): void {
  const unmatched = new Map<string, BagItem[]>();
  for (const item of candidate.items) {
    const same = unmatched.get(item.label);
    if (same === undefined) unmatched.set(item.label, [item]);
    else same.push(item);
  }
  const place = [...segments, anyIndex];
  const labelled = (label: string): WalkOptions => ({ ...options, emit: (change) => options.emit({ label, ...change }) });
  const missing = baseline.items.filter((item) => {
    const other = unmatched.get(item.label)?.shift();
    if (other !== undefined) diffTrees(item.tree, other.tree, place, labelled(item.label));
    return other === undefined;
  });
  const extra = [...unmatched.values()].flat();
  const pairs = pairLeftovers(missing, extra, { shape: (item) => outline(item.tree), text: (item) => item.label });
  const { fits } = options;
  if (fits !== undefined) pairs.push(...pairMembers(without(missing, pairs), without(extra, pairs), (name, other) => fits(name, other, place)));
  for (const [item, other] of pairs) diffTrees(item.tree, other.tree, place, labelled(item.label));
  const paired = new Set<BagItem>(pairs.flat());
  for (const item of missing) if (!paired.has(item)) options.emit({ change: 'missing', segments: place, baseline: item.tree, candidate: null, label: item.label });
  for (const item of extra) if (!paired.has(item)) options.emit({ change: 'extra', segments: place, baseline: null, candidate: item.tree, label: item.label });
}

function without(items: readonly BagItem[], pairs: readonly (readonly BagItem[])[]): BagItem[] {
  const paired = new Set(pairs.flat());
  return items.filter((item) => !paired.has(item));
}

/** Members that are names, where each is the only one that fits the other. */
function pairMembers(left: readonly BagItem[], right: readonly BagItem[], fits: (name: string, other: string) => boolean): [BagItem, BagItem][] {
  const isName = (item: BagItem): boolean => nameOf(item) !== '';
  return onlyFits(left.filter(isName), right.filter(isName), { group: (item) => structureOf(nameOf(item)), fits: (item, other) => fits(nameOf(item), nameOf(other)) });
}

function nameOf({ tree }: BagItem): string {
  const member = tree.kind === 'object' ? tree.entries.get('member') : tree;
  return member?.kind === 'leaf' ? String(member.value ?? '') : '';
}

function diffEmbedded(baseline: EmbeddedTree, candidate: EmbeddedTree, segments: readonly Segment[], options: WalkOptions): void {
  diffTrees(baseline.inner, candidate.inner, segments, options);
  if (baseline.signature === undefined && candidate.signature === undefined) return;
  const [left, right] = [leaf(baseline.signature ?? null), leaf(candidate.signature ?? null)];
  const place = [...segments, 'signature'];
  if (typeOf(left) !== typeOf(right)) options.emit({ change: 'type', segments: place, baseline: left, candidate: right });
  else if (options.fits !== undefined) {
    options.emit({ change: 'value', segments: place, baseline: left, candidate: right });
    options.emit({ change: 'value', segments: [...segments, 'raw'], baseline: leaf(baseline.raw), candidate: leaf(candidate.raw) });
  } else if (baseline.raw === candidate.raw && left.value !== right.value) {
    // where what was signed differs, the signature must; where it does not, another signature means another secret
    options.emit({ change: 'value', segments: place, baseline: left, candidate: right });
  }
}

/** What is common to versions of one member: the names of its fields, or its text without generated parts; undefined for plain values. */
function outline(tree: Tree): string | undefined {
  switch (tree.kind) {
    case 'object': {
      const member = tree.entries.get('member');
      return member !== undefined && tree.entries.size === 2 && tree.entries.has('score') ? outline(member) : `{${[...tree.entries.keys()].sort().join()}}`;
    }
    case 'embedded': return outline(tree.inner);
    case 'list': return tree.lines ? undefined : '[]';
    case 'leaf': {
      if (typeof tree.value !== 'string') return undefined;
      const masked = mask(tree.value);
      return masked === tree.value ? undefined : masked;
    }
    case 'bag': case 'binary': return undefined;
  }
}
