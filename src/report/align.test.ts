import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignLists, pairLeftovers, type AlignStep } from './align.ts';
import { commonSubsequence } from './common-subsequence.ts';

/** The outline of a text: its letters, where it has digits. */
const outlineOf = (text: string): string | undefined => (/\d/.test(text) ? text.replace(/\d/g, '') : undefined);
const align = (left: readonly string[], right: readonly string[]): AlignStep[] => alignLists(left, right, (index, side) => outlineOf((side === 'baseline' ? left : right)[index] as string));

/** Length of the longest common subsequence of what begins at i and j. */
function longest(left: readonly string[], right: readonly string[], i = 0, j = 0): number {
  if (i >= left.length || j >= right.length) return 0;
  return left[i] === right[j] ? 1 + longest(left, right, i + 1, j + 1) : Math.max(longest(left, right, i + 1, j), longest(left, right, i, j + 1));
}

/** What {@link alignLists} does between equal items, as plainly as it can be said. */
function plainGap(left: readonly string[], right: readonly string[], [i, endLeft]: readonly [number, number], [j, endRight]: readonly [number, number]): AlignStep[] {
  if (i === endLeft) return Array.from({ length: endRight - j }, (_, index) => ({ baseline: null, candidate: j + index }));
  if (endLeft - i === endRight - j) return Array.from({ length: endLeft - i }, (_, index) => ({ baseline: i + index, candidate: j + index }));
  return plainGreedy(left, right, [i, endLeft], [j, endRight]);
}

function plainGreedy(left: readonly string[], right: readonly string[], [i, endLeft]: readonly [number, number], [from, endRight]: readonly [number, number]): AlignStep[] {
  const steps: AlignStep[] = [];
  let j = from;
  for (let baseline = i; baseline < endLeft; baseline++) {
    const outline = outlineOf(left[baseline] as string);
    const found = right.findIndex((text, index) => index >= j && index < endRight && outline !== undefined && outlineOf(text) === outline);
    while (j < found) steps.push({ baseline: null, candidate: j++ });
    steps.push({ baseline, candidate: found < 0 ? null : j++ });
  }
  while (j < endRight) steps.push({ baseline: null, candidate: j++ });
  return steps;
}

function plainPairs(left: readonly Item[], right: readonly Item[]): [Item, Item][] {
  const open = [...right];
  const take = (mine: Item, fits: (other: Item) => boolean): [Item, Item][] => {
    const found = open.findIndex((other) => mine.shape !== undefined && other.shape === mine.shape && fits(other));
    return found < 0 ? [] : [[mine, ...open.splice(found, 1)] as [Item, Item]];
  };
  const equal = left.flatMap((mine) => take(mine, (other) => other.text === mine.text));
  const done = new Set(equal.map(([mine]) => mine));
  return [...equal, ...left.filter((mine) => !done.has(mine)).flatMap((mine) => take(mine, () => true))];
}

interface Item { readonly shape: string | undefined; readonly text: string; readonly at: number }

const text = fc.constantFrom('a', 'b', 'c', 'x1', 'x2', 'x3', 'y1', 'y2', 'z9');
const texts = fc.array(text, { maxLength: 9 });
const items = fc.array(fc.record({ shape: fc.constantFrom('s', 't', undefined), text: fc.constantFrom('1', '2', '3') }), { maxLength: 10 })
  .map((list) => list.map((item, at): Item => ({ ...item, at })));

describe('alignment', () => {
  it('takes as many equal items for one another as there can be, by either method, each after the one before', () => {
    fc.assert(fc.property(texts, texts, (left, right) => {
      const most = longest(left, right);
      for (const limits of [{ cells: 1000, pairs: 1000 }, { cells: 0, pairs: 1000 }]) {
        const pairs = commonSubsequence(left, right, limits);
        expect(pairs).toHaveLength(most);
        expect(pairs.every(([i, j], index) => left[i] === right[j] && (index === 0 || (i > (pairs[index - 1]?.[0] ?? 0) && j > (pairs[index - 1]?.[1] ?? 0))))).toBe(true);
      }
      expect(commonSubsequence(left, right, { cells: 0, pairs: 3 }).every(([i, j]) => left[i] === right[j])).toBe(true);
    }));
  });
  it('does between them what the plain method does', () => {
    fc.assert(fc.property(texts, texts, (left, right) => {
      const anchors = [...commonSubsequence(left, right), [left.length, right.length] as const];
      const expected = anchors.flatMap(([i, j], index) => {
        const [before, beforeRight] = anchors[index - 1] ?? [-1, -1];
        const gap = plainGap(left, right, [before + 1, i], [beforeRight + 1, j]);
        return index === anchors.length - 1 ? gap : [...gap, { baseline: i, candidate: j }];
      });
      expect(align(left, right)).toEqual(expected);
    }));
  });
  it('pairs leftovers as the plain method does', () => {
    fc.assert(fc.property(items, items, (left, right) => {
      expect(pairLeftovers(left, right, { shape: (item) => item.shape, text: (item) => item.text })).toEqual(plainPairs(left, right));
    }));
  });
  it('asks for the outline, the shape and the text of an item once, however many there are', () => {
    const [left, right] = ['a', 'b'].map((side, more) => Array.from({ length: 5000 + more }, (_, index) => `${side}${index}`)) as [string[], string[]];
    let asked = 0;
    const counted = <T>(answer: T): T => {
      asked++;
      return answer;
    };
    expect(alignLists(left, right, (index) => counted(`o${index % 7}`)).filter((step) => step.baseline !== null && step.candidate !== null).length).toBeGreaterThan(4000);
    expect(asked).toBeLessThanOrEqual(10_001);
    asked = 0;
    expect(pairLeftovers(left, right, { shape: () => counted('s'), text: (item) => counted(item) })).toHaveLength(5000);
    expect(asked).toBeLessThanOrEqual(2 * 10_001);
  });
  it('finds what is equal in long lists that are shifted, reordered or all the same few texts', () => {
    const long = Array.from({ length: 5000 }, (_, index) => `line ${(index * 7919) % 5003}`);
    expect(commonSubsequence(long, ['new', ...long.slice(0, 2000), ...long.slice(2001), 'end'])).toHaveLength(4999);
    expect(commonSubsequence(long, [...long.slice(2500), ...long.slice(0, 2500)])).toHaveLength(2500);
    const few = (by: number): string[] => Array.from({ length: 5000 }, (_, index) => `word ${(index * index + by) % 5}`);
    const steps = align(few(1), few(2).slice(1));
    expect(steps.filter((step) => step.baseline !== null)).toHaveLength(5000);
    expect(steps.filter((step) => step.candidate !== null)).toHaveLength(4999);
  });
});
