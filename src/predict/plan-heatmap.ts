import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import type { RequestRecord } from '../model/recording.ts';
import { accessGroups } from './access-groups.ts';
import { countAccess, elementsOf, type AccessCounts } from './observed-heatmap.ts';
import { accessEvents } from './recording-items.ts';

/** Options of {@link heatmapFromPlan}. */
export interface PlanHeatmapOptions {
  /** Time buckets; 12 when left out. */
  readonly buckets?: number;
}

/**
 * The heatmap of replaying these requests. The plan itself is the future, so nothing is estimated: probabilities are 0 or 1 and
 * expectations are counts. Buckets divide the time from the first request to the last evenly.
 */
export function heatmapFromPlan(requests: readonly RequestRecord[], options: PlanHeatmapOptions = {}): Heatmap {
  const buckets = Math.max(1, options.buckets ?? 12);
  const startMs = requests.reduce((least, record) => Math.min(least, record.at), requests[0]?.at ?? 0);
  const lastMs = requests.reduce((most, record) => Math.max(most, record.at), startMs);
  const bucketMs = Math.max(1, Math.ceil((lastMs - startMs + 1) / buckets));
  const counts: AccessCounts = new Map();
  for (const { key, access, at } of accessEvents(requests)) countAccess(counts, key, { access, bucket: Math.min(buckets - 1, Math.floor((at - startMs) / bucketMs)), buckets });
  return { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'plan', startMs, bucketMs, buckets, elements: elementsOf(counts), groups: accessGroups(requests) };
}
