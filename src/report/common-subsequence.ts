/*
 * Longest common subsequence of two lists of texts. What only one of them has cannot be in it and is left out first; small rests
 * are solved by dynamic programming, large ones by the method of Hunt and Szymanski (CACM 20, 1977), whose work grows with the
 * number of equal pairs, not with the product of the lengths. Limit: where the same few texts come so often that even those are
 * too many (thousands of equal lines in another order), only the rarer ones are considered, so the result may be shorter than the
 * longest.
 */

/** Positions of two equal items. */
export type EqualPair = readonly [left: number, right: number];

/** Most work done for two lists. */
export interface SubsequenceLimits {
  /** Cells of the table up to which dynamic programming is used. */
  readonly cells: number;
  /** Equal pairs up to which all of them are considered. */
  readonly pairs: number;
}

const usualLimits: SubsequenceLimits = { cells: 1_000_000, pairs: 2_000_000 };

/** Pairs of equal items, from left to right in both lists, as many as there can be. */
export function commonSubsequence(left: readonly string[], right: readonly string[], limits: SubsequenceLimits = usualLimits): EqualPair[] {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (left.length - end > start && right.length - end > start && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  return [
    ...Array.from({ length: start }, (_, index): EqualPair => [index, index]),
    ...middle(new Items(left, right, start, end), limits),
    ...Array.from({ length: end }, (_, index): EqualPair => [left.length - end + index, right.length - end + index]),
  ];
}

/** The parts of two lists between their common ends, without what only one of them has, texts as numbers. */
class Items {
  readonly left: number[] = [];
  readonly right: number[] = [];
  readonly leftPositions: number[] = [];
  readonly rightPositions: number[] = [];

  constructor(left: readonly string[], right: readonly string[], start: number, end: number) {
    const numbers = new Map<string, number>();
    for (let j = start; j < right.length - end; j++) numbers.set(right[j] as string, numbers.get(right[j] as string) ?? numbers.size);
    const both = new Set<number>();
    for (let i = start; i < left.length - end; i++) {
      const number = numbers.get(left[i] as string);
      if (number === undefined) continue;
      both.add(number);
      this.left.push(number);
      this.leftPositions.push(i);
    }
    for (let j = start; both.size > 0 && j < right.length - end; j++) {
      const number = numbers.get(right[j] as string) as number;
      if (!both.has(number)) continue;
      this.right.push(number);
      this.rightPositions.push(j);
    }
  }
}

function middle(items: Items, limits: SubsequenceLimits): EqualPair[] {
  if (items.left.length === 0) return [];
  const found = items.left.length * items.right.length <= limits.cells ? byTable(items) : byPairs(items, limits.pairs);
  return found.map(([i, j]) => [items.leftPositions[i] as number, items.rightPositions[j] as number] as const);
}

function byTable({ left, right }: Items): EqualPair[] {
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      lengths[i * width + j] = left[i] === right[j]
        ? (lengths[(i + 1) * width + j + 1] as number) + 1
        : Math.max(lengths[(i + 1) * width + j] as number, lengths[i * width + j + 1] as number);
    }
  }
  const out: EqualPair[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) out.push([i++, j++]);
    else if ((lengths[(i + 1) * width + j] as number) >= (lengths[i * width + j + 1] as number)) i++;
    else j++;
  }
  return out;
}

/** A chain of pairs, from its last one back. */
interface Chain { readonly i: number; readonly j: number; readonly before: Chain | undefined }

function byPairs(items: Items, mostPairs: number): EqualPair[] {
  const positions = rarestPositions(items, mostPairs);
  const best: Chain[] = []; // by length: the chain that ends furthest to the left
  for (let i = 0; i < items.left.length; i++) {
    const equal = positions.get(items.left[i] as number) ?? [];
    for (let index = equal.length - 1; index >= 0; index--) { // from the right, so that no pair follows another of the same i
      const j = equal[index] as number;
      const length = firstNotBefore(best, j);
      if (best[length]?.j !== j) best[length] = { i, j, before: best[length - 1] };
    }
  }
  const out: EqualPair[] = [];
  for (let chain = best.at(-1); chain !== undefined; chain = chain.before) out.push([chain.i, chain.j]);
  return out.reverse();
}

/** Where each item is on the right; the commonest items, whose pairs would be too many, are left out. */
function rarestPositions({ left, right }: Items, mostPairs: number): Map<number, number[]> {
  const counts = new Map<number, number>();
  for (const number of left) counts.set(number, (counts.get(number) ?? 0) + 1);
  const positions = new Map<number, number[]>();
  for (let j = 0; j < right.length; j++) {
    const list = positions.get(right[j] as number);
    if (list === undefined) positions.set(right[j] as number, [j]);
    else list.push(j);
  }
  const byPairCount = [...positions].map(([number, list]) => [number, list.length * (counts.get(number) ?? 0)] as const).sort((a, b) => a[1] - b[1]);
  let pairs = 0;
  for (const [number, count] of byPairCount) if ((pairs += count) > mostPairs) positions.delete(number);
  return positions;
}

function firstNotBefore(chains: readonly Chain[], j: number): number {
  let [low, high] = [0, chains.length];
  while (low < high) {
    const middleIndex = (low + high) >>> 1;
    if ((chains[middleIndex] as Chain).j < j) low = middleIndex + 1;
    else high = middleIndex;
  }
  return low;
}
