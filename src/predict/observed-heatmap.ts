import { heatmapFormatVersion, type Heatmap, type HeatmapElement } from '../model/heatmap.ts';
import type { StateKey } from '../model/state-key.ts';
import type { TrafficItem } from '../model/traffic.ts';

/** What happened, as a heatmap: probabilities are 0 or 1, expectations are counts. Accesses outside its time are left out. */
export async function observedHeatmap(stream: AsyncIterable<readonly TrafficItem[]>, like: Pick<Heatmap, 'startMs' | 'bucketMs' | 'buckets'>): Promise<Heatmap> {
  const { startMs, bucketMs, buckets } = like;
  const counts = new Map<StateKey, { readonly reads: number[]; readonly writes: number[]; total: number }>();
  for await (const batch of stream) {
    for (const item of batch) {
      const bucket = Math.floor((item.at - startMs) / bucketMs);
      if (item.kind !== 'access' || bucket < 0 || bucket >= buckets) continue;
      countAccess(counts, item.key, { access: item.access, bucket, buckets });
    }
  }
  return { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'observed', startMs, bucketMs, buckets, elements: elementsOf(counts), groups: [] };
}

/** Accesses by element and bucket. */
export type AccessCounts = Map<StateKey, { readonly reads: number[]; readonly writes: number[]; total: number }>;

/** Counts one access. */
export function countAccess(counts: AccessCounts, key: StateKey, { access, bucket, buckets }: { readonly access: 'read' | 'write'; readonly bucket: number; readonly buckets: number }): void {
  let count = counts.get(key);
  if (count === undefined) counts.set(key, (count = { reads: zeros(buckets), writes: zeros(buckets), total: 0 }));
  const list = access === 'read' ? count.reads : count.writes;
  list[bucket] = (list[bucket] ?? 0) + 1;
  count.total += 1;
}

/** Elements of a heatmap that is certain, the most accessed first. */
export function elementsOf(counts: AccessCounts): HeatmapElement[] {
  return [...counts].sort((a, b) => b[1].total - a[1].total || (a[0] < b[0] ? -1 : 1)).map(([key, { reads, writes }]) => {
    const expected = reads.map((count, bucket) => count + (writes[bucket] ?? 0));
    return { key, pRead: reads.map(certain), pWrite: writes.map(certain), expected, low: expected, high: expected };
  });
}

function certain(count: number): number {
  return count > 0 ? 1 : 0;
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}
