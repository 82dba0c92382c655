import { heatmapFormatVersion, type Heatmap, type HeatmapElement } from '../model/heatmap.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import { accessEvents } from './access-events.ts';
import { accessGroups } from './co-access.ts';

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
  const counts = new Map<StateKey, { readonly reads: number[]; readonly writes: number[]; total: number }>();
  for (const event of accessEvents(requests)) {
    let count = counts.get(event.key);
    if (count === undefined) counts.set(event.key, (count = { reads: zeros(buckets), writes: zeros(buckets), total: 0 }));
    const list = event.access === 'read' ? count.reads : count.writes;
    const bucket = Math.min(buckets - 1, Math.floor((event.at - startMs) / bucketMs));
    list[bucket] = (list[bucket] ?? 0) + 1;
    count.total += 1;
  }
  const elements = [...counts].sort((a, b) => b[1].total - a[1].total || (a[0] < b[0] ? -1 : 1)).map(([key, { reads, writes }]): HeatmapElement => {
    const expected = reads.map((count, bucket) => count + (writes[bucket] ?? 0));
    return { key, pRead: reads.map(certain), pWrite: writes.map(certain), expected, low: expected, high: expected };
  });
  return { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'plan', startMs, bucketMs, buckets, elements, groups: accessGroups(requests) };
}

function certain(count: number): number {
  return count > 0 ? 1 : 0;
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}
