import type { RevisionName } from './state-node.ts';

/** Up to so many items are compared with each other: a table would cost more. */
const fewItems = 16;

/** Items without repetitions, and how to undo that. */
export interface DistinctItems<T> {
  readonly items: readonly T[];
  /** For each original item its place among the distinct ones; undefined: none is repeated. */
  readonly places: readonly number[] | undefined;
}

/**
 * Finds the distinct ones of these revisions. Where none is repeated, which is usual, nothing is copied.
 * @param hashes for each item a number that is the same for the same key
 */
export function distinctItems<T extends RevisionName>(items: readonly T[], hashes: readonly number[]): DistinctItems<T> {
  if (items.length <= fewItems && !hasRepetition(items, hashes)) return { items, places: undefined };
  const byKey = new Map<string, number[]>();
  const distinct: T[] = [];
  const places = items.map((item) => {
    const known = byKey.get(item.key);
    const place = known?.find((candidate) => (distinct[candidate] as T).revision === item.revision);
    if (place !== undefined) return place;
    const fresh = distinct.push(item) - 1;
    if (known === undefined) byKey.set(item.key, [fresh]);
    else known.push(fresh);
    return fresh;
  });
  return distinct.length === items.length ? { items, places: undefined } : { items: distinct, places };
}

function hasRepetition(items: readonly RevisionName[], hashes: readonly number[]): boolean {
  for (let a = 1; a < items.length; a++) {
    for (let b = 0; b < a; b++) if (hashes[a] === hashes[b] && isSame(items[a] as RevisionName, items[b] as RevisionName)) return true;
  }
  return false;
}

function isSame(a: RevisionName, b: RevisionName): boolean {
  return a.revision === b.revision && a.key === b.key;
}
