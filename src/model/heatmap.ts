import type { StateKey } from './state-key.ts';

/** The format of Heatmap files this release writes. */
export const heatmapFormatVersion = 2;

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
  /** Why; left out where the plan says all there is. */
  readonly why?: HeatmapReason;
}

/** What an element's forecast rests on. */
export interface HeatmapReason {
  /** Routes that elements like it are reached by, with the share of accesses; those that matter most. */
  readonly routes: readonly { readonly route: string; readonly share: number }[];
  /** Accesses a bucket, recent ones counting more. */
  readonly rate: number;
  /** Accesses so far. */
  readonly total: number;
  /** Unix ms of the last one. */
  readonly lastAt: number;
}

/** How a method did on past moments of a series. */
export interface SeriesScore {
  readonly name: string;
  /** Past moments at which it was asked. */
  readonly origins: number;
  readonly mae: number;
  /** Its mean absolute error ÷ that of "as a day ago"; null: that was never wrong. */
  readonly relativeMae: number | null;
  /** Share of the values within its 80 % interval. */
  readonly coverage: number;
}

/** The forecast of one series: requests of a route, or a resource of a member. */
export interface HeatmapSeries {
  readonly name: string;
  readonly kind: 'rate' | 'resource';
  /** The method chosen, and in words why. */
  readonly model: string;
  readonly why: string;
  readonly scores: readonly SeriesScore[];
  /** By bucket: the median, and the interval that holds 80 % of outcomes. */
  readonly median: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** The last values before the forecast, oldest first. */
  readonly observed: readonly number[];
}

/** How the probabilities of elements were made. */
export interface HeatmapModel {
  readonly access: 'read' | 'write';
  /** Buckets ahead. */
  readonly horizon: number;
  readonly method: string;
  /** On windows held back: the chosen method and its rivals. */
  readonly scores: readonly { readonly method: string; readonly brier: number; readonly brierSkill: number; readonly logLoss: number; readonly ece: number; readonly cases: number }[];
}

/** Room that a member will have. */
export interface MemberHeadroom {
  readonly member: string;
  readonly metric: string;
  /** By bucket, 0 to 1: what the upper end of the forecast leaves free. */
  readonly headroom: readonly number[];
}

/** A call relation between services. */
export interface HeatmapEdge {
  readonly from: string;
  readonly to: string;
  readonly callsPerRequest: number;
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
  /** Elements that are known but not listed, all together: how many, and accesses expected in each bucket. */
  readonly rest?: { readonly elements: number; readonly expected: readonly number[] };
  /** By group of elements: share of its accesses that will go to elements never seen before. */
  readonly unseen?: readonly { readonly group: string; readonly share: number }[];
  readonly series?: readonly HeatmapSeries[];
  readonly models?: readonly HeatmapModel[];
  readonly members?: readonly MemberHeadroom[];
  readonly graph?: { readonly nodes: readonly { readonly name: string; readonly requests: number }[]; readonly edges: readonly HeatmapEdge[] };
  /** What the reader should know: what was read, what was left out, what could not be forecast. */
  readonly notes?: readonly string[];
}
