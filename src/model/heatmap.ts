import type { StateKey } from './state-key.ts';

/** The format of Heatmap files this release writes. */
export const heatmapFormatVersion = 1;

/** The forecast for one state element; arrays have one value a time bucket. */
export interface HeatmapElement {
  readonly key: StateKey;
  /** Probability of at least one read (write) in the bucket. */
  readonly pRead: readonly number[];
  readonly pWrite: readonly number[];
  /** Expected accesses, and the interval that holds 80 % of outcomes. */
  readonly expected: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** The State Access Heatmap: who will be touched how much, and how sure that is. */
export interface Heatmap {
  readonly kind: 'heatmap';
  readonly formatVersion: number;
  /** Where it came from: a known plan, or a forecaster by name. */
  readonly source: string;
  /** Start of the first bucket, Unix milliseconds. */
  readonly startMs: number;
  readonly bucketMs: number;
  readonly buckets: number;
  /** Hottest first. */
  readonly elements: readonly HeatmapElement[];
  /** Groups of elements that one request touches together, heaviest first, for placement. */
  readonly groups: readonly { readonly keys: readonly StateKey[]; readonly weight: number }[];
}
