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
  const numbers = new Map<number, number>();
  const hashes: number[] = [];
  const loads: number[] = [];
  const elements: number[] = [];
  const numberOf = (hash: number): number => {
    const known = numbers.get(hash);
    if (known !== undefined) return known;
    numbers.set(hash, hashes.length);
    loads.push(0);
    elements.push(0);
    return hashes.push(hash) - 1;
  };
  for (const element of heatmap.elements) {
    const tag = numberOf(tagHash(element.key));
    loads[tag] = (loads[tag] as number) + loadOf(element.expected);
    elements[tag] = (elements[tag] as number) + 1;
  }
  const groups = groupsOf(heatmap, numberOf);
  return { hashes: Uint32Array.from(hashes), loads: Float64Array.from(loads), elements: Float64Array.from(elements), groups };
}

function groupsOf(heatmap: Heatmap, numberOf: (hash: number) => number): TagGroups {
  const starts = new Uint32Array(heatmap.groups.length + 1);
  const weights = new Float64Array(heatmap.groups.length);
  const tags: number[] = [];
  for (const [index, group] of heatmap.groups.entries()) {
    const from = tags.length;
    if (group.keys.length <= mostTagsInGroup) {
      for (const key of group.keys) {
        const tag = numberOf(tagHash(key));
        if (tags.indexOf(tag, from) < 0) tags.push(tag);
      }
    }
    weights[index] = group.weight;
    starts[index + 1] = tags.length;
  }
  return { starts, tags: Uint32Array.from(tags), weights };
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
