import { slotOfHash, tagHash } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { slotCount } from '../model/shard-map.ts';

/*
 * What placement looks at, as numbers. Tags are interned once; groups of elements that one request touches become rows of tag numbers (compressed sparse rows), so that
 * the search over them never sees a string.
 */

/** Groups with more tags than this touch every member wherever these lie. */
const mostTagsInGroup = 255;

/** The expected load of tags and slots, and which tags are accessed together. */
export interface Workload {
  /** By tag: its hash. */
  readonly hashes: Uint32Array;
  /** By tag: expected accesses over the whole heatmap. */
  readonly loads: Float64Array;
  /** By tag: elements of the heatmap that have it. */
  readonly elements: Float64Array;
  readonly groups: TagGroups;
}

/** Groups as rows: the tags of group g are `tags[starts[g]]` to `tags[starts[g + 1] - 1]`, each once. */
export interface TagGroups {
  readonly starts: Uint32Array;
  readonly tags: Uint32Array;
  readonly weights: Float64Array;
}

/** Expected accesses of an element over all buckets. */
export function loadOf(expected: readonly number[]): number {
  let sum = 0;
  for (const value of expected) sum += value;
  return sum;
}

/** A heatmap as numbers. */
export function workloadOf(heatmap: Heatmap): Workload {
  const tags = new TagNumbers();
  const loads: number[] = [];
  const elements: number[] = [];
  for (const element of heatmap.elements) {
    const tag = tags.number(element.key);
    loads[tag] = (loads[tag] ?? 0) + loadOf(element.expected);
    elements[tag] = (elements[tag] ?? 0) + 1;
  }
  const groups = groupsOf(heatmap, tags);
  const hashes = Uint32Array.from(tags.hashes);
  return { hashes, loads: Float64Array.from(hashes, (_, tag) => loads[tag] ?? 0), elements: Float64Array.from(hashes, (_, tag) => elements[tag] ?? 0), groups };
}

/** Numbers of tags, in the order in which they are met. */
class TagNumbers {
  readonly hashes: number[] = [];
  /** Groups name the same keys again and again: looking a text up is faster than hashing its tag. */
  readonly #byKey = new Map<string, number>();
  /** By hash as a signed number, which takes no memory of its own. */
  readonly #byHash = new Map<number, number>();

  number(key: string): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const hash = tagHash(key);
    let tag = this.#byHash.get(hash | 0);
    if (tag === undefined) this.#byHash.set(hash | 0, (tag = this.hashes.push(hash) - 1));
    this.#byKey.set(key, tag);
    return tag;
  }
}

function groupsOf(heatmap: Heatmap, numbers: TagNumbers): TagGroups {
  const starts = new Uint32Array(heatmap.groups.length + 1);
  const weights = new Float64Array(heatmap.groups.length);
  const tags = new Uint32Array(heatmap.groups.reduce((sum, { keys }) => sum + keys.length, 0));
  let end = 0;
  for (const [index, group] of heatmap.groups.entries()) {
    const from = end;
    if (group.keys.length <= mostTagsInGroup) {
      for (const key of group.keys) {
        const tag = numbers.number(key);
        if (!within(tags, from, end, tag)) tags[end++] = tag;
      }
    }
    weights[index] = group.weight;
    starts[index + 1] = end;
  }
  return { starts, tags: tags.slice(0, end), weights };
}

/** Whether a value is in a part of a typed array. */
export function within(array: Uint32Array, from: number, to: number, value: number): boolean {
  for (let at = from; at < to; at++) if (array[at] === value) return true;
  return false;
}

/** By slot: what its tags have together, of those that are not left out. */
export function bySlot(workload: Workload, values: Float64Array, leftOut?: ReadonlySet<number>): Float64Array {
  const sums = new Float64Array(slotCount);
  for (const [tag, value] of values.entries()) {
    const slot = slotOfHash(workload.hashes[tag] as number);
    if (leftOut?.has(tag) !== true) sums[slot] = (sums[slot] as number) + value;
  }
  return sums;
}
