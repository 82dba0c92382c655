/*
 * Which names of two runs are one name with another generated part: state keys, fields, members, channels. Four passes, each over
 * what the ones before left: names of one mask that hold the same; names of one structure that hold the same; names of one mask in order;
 * names of one structure that hold the same kind of thing. Structure alone says little (`stats:added`, `stats:removed`), so there
 * two names must differ in nothing but tokens of one shape, and each must be the only one that fits the other.
 */
import { pairLeftovers } from './align.ts';
import { canonical, type Tree } from './tree.ts';
import { mask } from './value-class.ts';

/** What is known about the names of one collection. */
export interface NamedContents {
  /** What is under a name; null: nothing that helps. */
  readonly content: (name: string, side: 'baseline' | 'candidate') => Tree | null;
  /** Whether two names differ in nothing but generated parts. */
  readonly fits: (baseline: string, candidate: string) => boolean;
}

/** Most comparisons of two names for one structure; where there are more, none of them is certain. */
const mostFits = 40_000;

/** Pairs the names that only one side has. */
export function pairNames(left: readonly string[], right: readonly string[], { content, fits }: NamedContents): [string, string][] {
  const pairs: [string, string][] = [];
  let rest: readonly [readonly string[], readonly string[]] = [left, right];
  const take = (found: readonly [string, string][]): void => {
    const [mine, theirs] = [new Set(found.map(([name]) => name)), new Set(found.map(([, name]) => name))];
    pairs.push(...found);
    rest = [rest[0].filter((name) => !mine.has(name)), rest[1].filter((name) => !theirs.has(name))];
  };
  const masked = (name: string): string => mask(name, { numbers: true });
  const text = (name: string, side: 'baseline' | 'candidate'): string => textWithoutName(content(name, side), name);
  take(pairLeftovers(...rest, { shape: (name, side) => `${masked(name)}\n${text(name, side)}`, text: () => '' }));
  take(onlyFits(...rest, { group: (name, side) => `${structureOf(name)}\n${text(name, side)}`, fits }));
  take(pairLeftovers(...rest, { shape: masked, text: () => '' }));
  take(onlyFits(...rest, { group: (name, side) => `${structureOf(name)}\n${kindOf(content(name, side))}`, fits }));
  return pairs;
}

/** Pairs of one group in which each is the only one that fits the other. */
export function onlyFits<T>(left: readonly T[], right: readonly T[], { group, fits }: {
  readonly group: (item: T, side: 'baseline' | 'candidate') => string;
  readonly fits: (baseline: T, candidate: T) => boolean;
}): [T, T][] {
  if (left.length === 0 || right.length === 0) return [];
  const groups = new Map<string, { mine: T[]; theirs: T[] }>();
  for (const item of left) {
    const id = group(item, 'baseline');
    const found = groups.get(id);
    if (found === undefined) groups.set(id, { mine: [item], theirs: [] });
    else found.mine.push(item);
  }
  for (const item of right) groups.get(group(item, 'candidate'))?.theirs.push(item);
  return [...groups.values()].flatMap(({ mine, theirs }) => {
    if (mine.length * theirs.length > mostFits) return [];
    const fitting = mine.map((item) => theirs.filter((other) => fits(item, other)));
    const counts = new Map<T, number>();
    for (const other of fitting.flat()) counts.set(other, (counts.get(other) ?? 0) + 1);
    return mine.flatMap((item, index): [T, T][] => {
      const [other, second] = fitting[index] as T[];
      return other === undefined || second !== undefined || counts.get(other) !== 1 ? [] : [[item, other]];
    });
  });
}

/** A name without what stands between its separators: `redis:0/job:aB3:log` and `redis:0/job:k_9:log` have one structure. */
export function structureOf(name: string): string {
  return name.replace(/[\w-]+/g, 'w');
}

/** What is under a name, without ids and without what it repeats of the name. */
function textWithoutName(content: Tree | null, name: string): string {
  if (content === null) return '';
  let text = canonical(content);
  for (const piece of name.split(/[^\w-]+/)) if (piece.length >= 4) text = text.replaceAll(piece, '‹name›');
  return mask(text, { numbers: true });
}

/** What kind of thing is under a name: the names of its fields, the types of its values. */
function kindOf(content: Tree | null): string {
  switch (content?.kind) {
    case undefined: return '';
    case 'leaf': return content.value === null ? 'null' : typeof content.value;
    case 'object': return `{${[...content.entries].map(([name, tree]) => `${mask(name, { numbers: true })}:${kindOf(tree)}`).sort().join()}}`;
    case 'list': return `[${[...new Set(content.items.map(kindOf))].sort().join()}]`;
    case 'bag': return `<${[...new Set(content.items.map(({ tree }) => kindOf(tree)))].sort().join()}>`;
    case 'embedded': return `${content.format}(${kindOf(content.inner)})`;
    case 'binary': return 'binary';
  }
}
