import { commonSubsequence } from './common-subsequence.ts';

/** One step through two aligned lists; null on one side: the other's item has no counterpart. */
export interface AlignStep {
  readonly baseline: number | null;
  readonly candidate: number | null;
}

/**
 * What versions of one item have in common; undefined for an item that is a version of nothing else. Asked at most once for each
 * item, and only for those that have no equal.
 */
export type OutlineOf = (index: number, side: 'baseline' | 'candidate') => string | undefined;

/**
 * Aligns two lists of texts: equal items by longest common subsequence, then what lies between: by position where the counts
 * agree, else items of one outline in order.
 */
export function alignLists(left: readonly string[], right: readonly string[], outlineOf: OutlineOf): AlignStep[] {
  const steps: AlignStep[] = [];
  // an equal item has no other outline than its text; where too many are equal, not all of them are in the subsequence
  const outline: GapOutline = (index, side) => {
    const found = outlineOf(index, side);
    return found === undefined ? `=${(side === 'baseline' ? left : right)[index] as string}` : `~${found}`;
  };
  let [i, j] = [0, 0];
  for (const [atLeft, atRight] of [...commonSubsequence(left, right), [left.length, right.length] as const]) {
    if (atLeft - i === atRight - j) while (i < atLeft) steps.push({ baseline: i++, candidate: j++ });
    else alignGap({ i, j, atLeft, atRight }, outline, steps);
    if (atLeft < left.length || atRight < right.length) steps.push({ baseline: atLeft, candidate: atRight });
    [i, j] = [atLeft + 1, atRight + 1];
  }
  return steps;
}

type GapOutline = (index: number, side: 'baseline' | 'candidate') => string;

interface Gap { readonly i: number; readonly j: number; readonly atLeft: number; readonly atRight: number }

/** Each of the baseline's items with the candidate's next of the same outline, from left to right. */
function alignGap({ i, j, atLeft, atRight }: Gap, outlineOf: GapOutline, steps: AlignStep[]): void {
  const open = new Map<string, Queue<number>>();
  for (let candidate = j; i < atLeft && candidate < atRight; candidate++) queueIn(open, outlineOf(candidate, 'candidate')).add(candidate);
  let next = j;
  for (let baseline = i; baseline < atLeft; baseline++) {
    const queue = next < atRight ? open.get(outlineOf(baseline, 'baseline')) : undefined;
    while (queue !== undefined && (queue.first() ?? next) < next) queue.take();
    const found = queue?.take();
    if (found === undefined) {
      steps.push({ baseline, candidate: null });
      continue;
    }
    while (next < found) steps.push({ baseline: null, candidate: next++ });
    steps.push({ baseline, candidate: next++ });
  }
  while (next < atRight) steps.push({ baseline: null, candidate: next++ });
}

/**
 * Pairs what is left of two collections without order: items of the same shape, first those whose texts are equal too, then in
 * order. Items whose shape is undefined stay alone. Shape and text are asked at most once for each item.
 */
export function pairLeftovers<T>(left: readonly T[], right: readonly T[], describe: {
  readonly shape: (item: T, side: 'baseline' | 'candidate') => string | undefined;
  readonly text: (item: T, side: 'baseline' | 'candidate') => string;
}): [T, T][] {
  if (left.length === 0 || right.length === 0) return [];
  const byShape = new Map<string, Queue<T>>();
  for (const item of right) queueIn(byShape, describe.shape(item, 'candidate')).add(item);
  const pairs: [T, T][] = [];
  const waiting: [T, OpenItems<T>][] = [];
  const opened = new Map<string, OpenItems<T>>();
  for (const item of left) {
    const shape = describe.shape(item, 'baseline');
    const queue = shape === undefined ? undefined : byShape.get(shape);
    if (shape === undefined || queue === undefined) continue;
    let open = opened.get(shape);
    if (open === undefined) opened.set(shape, (open = new OpenItems(queue, (other) => describe.text(other, 'candidate'))));
    const same = open.takeEqual(describe.text(item, 'baseline'));
    if (same === undefined) waiting.push([item, open]);
    else pairs.push([item, same]);
  }
  for (const [item, open] of waiting) {
    const other = open.takeFirst();
    if (other !== undefined) pairs.push([item, other]);
  }
  return pairs;
}

/** Items of one shape that have no counterpart yet. */
class OpenItems<T> {
  readonly #inOrder: Queue<{ item: T; taken: boolean }> = new Queue();
  readonly #byText = new Map<string, Queue<{ item: T; taken: boolean }>>();

  constructor(items: Queue<T>, textOf: (item: T) => string) {
    for (let item = items.take(); item !== undefined; item = items.take()) {
      const entry = { item, taken: false };
      this.#inOrder.add(entry);
      queueIn(this.#byText, textOf(item)).add(entry);
    }
  }

  takeEqual(text: string): T | undefined {
    const entry = this.#byText.get(text)?.take();
    if (entry !== undefined) entry.taken = true;
    return entry?.item;
  }

  takeFirst(): T | undefined {
    let entry = this.#inOrder.take();
    while (entry?.taken) entry = this.#inOrder.take();
    return entry?.item;
  }
}

/** First in, first out, each in constant time: `Array.shift` moves all that is left. */
class Queue<T> {
  readonly #items: T[] = [];
  #next = 0;

  add(item: T): void {
    this.#items.push(item);
  }

  first(): T | undefined {
    return this.#items[this.#next];
  }

  take(): T | undefined {
    return this.#items[this.#next++];
  }
}

function queueIn<T>(queues: Map<string, Queue<T>>, name: string | undefined): Queue<T> {
  let queue = name === undefined ? undefined : queues.get(name);
  if (queue === undefined) {
    queue = new Queue();
    if (name !== undefined) queues.set(name, queue);
  }
  return queue;
}
