/** One step through two aligned lists; null on one side: the other's item has no counterpart. */
export interface AlignStep {
  readonly baseline: number | null;
  readonly candidate: number | null;
}

/** Above this many cells the middle of two lists is paired by position instead of by longest common subsequence. */
const largestTable = 1_000_000;

/**
 * Aligns two lists of texts: equal items by longest common subsequence (dynamic programming, after cutting the common ends),
 * then what lies between: by position where the counts agree, else by `alike` in order.
 */
export function alignLists(left: readonly string[], right: readonly string[], alike: (i: number, j: number) => boolean): AlignStep[] {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let endLeft = left.length;
  let endRight = right.length;
  while (endLeft > start && endRight > start && left[endLeft - 1] === right[endRight - 1]) {
    endLeft--;
    endRight--;
  }
  const steps: AlignStep[] = [];
  let [i, j] = [start, start];
  const anchors = (endLeft - start) * (endRight - start) <= largestTable ? commonSubsequence(left, right, start, endLeft, endRight) : [];
  for (const [atLeft, atRight] of [...anchors, [endLeft, endRight] as const]) {
    steps.push(...alignGap(range(i, atLeft), range(j, atRight), alike));
    [i, j] = [atLeft + 1, atRight + 1];
  }
  return steps;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function alignGap(left: readonly number[], right: readonly number[], alike: (i: number, j: number) => boolean): AlignStep[] {
  if (left.length === right.length) return left.map((baseline, index) => ({ baseline, candidate: right[index] as number }));
  const steps: AlignStep[] = [];
  let next = 0;
  for (const baseline of left) {
    let found = next;
    while (found < right.length && !alike(baseline, right[found] as number)) found++;
    if (found === right.length) {
      steps.push({ baseline, candidate: null });
      continue;
    }
    for (; next < found; next++) steps.push({ baseline: null, candidate: right[next] as number });
    steps.push({ baseline, candidate: right[next++] as number });
  }
  for (; next < right.length; next++) steps.push({ baseline: null, candidate: right[next] as number });
  return steps;
}

function commonSubsequence(left: readonly string[], right: readonly string[], start: number, endLeft: number, endRight: number): (readonly [number, number])[] {
  const width = endRight - start + 1;
  const lengths = new Uint32Array((endLeft - start + 1) * width);
  const at = (i: number, j: number): number => (i - start) * width + (j - start);
  for (let i = endLeft - 1; i >= start; i--) {
    for (let j = endRight - 1; j >= start; j--) {
      lengths[at(i, j)] = left[i] === right[j]
        ? (lengths[at(i + 1, j + 1)] as number) + 1
        : Math.max(lengths[at(i + 1, j)] as number, lengths[at(i, j + 1)] as number);
    }
  }
  const out: (readonly [number, number])[] = [];
  for (let i = start, j = start; i < endLeft && j < endRight;) {
    if (left[i] === right[j]) out.push([i++, j++]);
    else if ((lengths[at(i + 1, j)] as number) >= (lengths[at(i, j + 1)] as number)) i++;
    else j++;
  }
  return out;
}

/**
 * Pairs what is left of two collections without order: items of the same shape, first those whose texts are equal too, then in
 * order. Items whose shape is undefined, or the same as their own text says nothing generated, stay alone.
 */
export function pairLeftovers<T>(left: readonly T[], right: readonly T[], describe: {
  readonly shape: (item: T) => string | undefined;
  readonly text: (item: T, side: 'baseline' | 'candidate') => string;
}): [T, T][] {
  const byShape = new Map<string, T[]>();
  for (const item of right) {
    const shape = describe.shape(item);
    if (shape !== undefined) byShape.set(shape, [...byShape.get(shape) ?? [], item]);
  }
  const pairs: [T, T][] = [];
  const waiting: [T, T[]][] = [];
  for (const item of left) {
    const shape = describe.shape(item);
    const open = shape === undefined ? undefined : byShape.get(shape);
    if (open === undefined) continue;
    const text = describe.text(item, 'baseline');
    const same = open.findIndex((other) => describe.text(other, 'candidate') === text);
    if (same < 0) waiting.push([item, open]);
    else pairs.push([item, ...open.splice(same, 1)] as [T, T]);
  }
  for (const [item, open] of waiting) {
    const other = open.shift();
    if (other !== undefined) pairs.push([item, other]);
  }
  return pairs;
}
