import type { AccessEvent } from '../model/access-event.ts';
import { heatmapFormatVersion, type Heatmap, type HeatmapElement } from '../model/heatmap.ts';
import type { StateKey } from '../model/state-key.ts';
import { AccessHistory, type Expectation } from './access-history.ts';

/** Options of {@link heatmapFromFrequency}. */
export interface FrequencyHeatmapOptions {
  /** Length of a window, and of the one bucket that is forecast, in ms. Left out: a twenty-fourth of the time the events span. */
  readonly bucketMs?: number;
  /** Windows after which an access counts half; 8 when left out. */
  readonly halfLifeWindows?: number;
  /** Elements kept, hottest first; all when left out. */
  readonly limit?: number;
  /** Groups for placement; none when left out, since events do not say which of them belong together. */
  readonly groups?: Heatmap['groups'];
}

/** Idle windows that are looked at one by one; longer silence only ages. */
const idleWindows = 64;

/**
 * The heatmap of the window after the last event, from how recently and how often each element was accessed before. Events come in
 * order of time; one that comes late counts for the open window. The rank is P(access) × expected accesses.
 */
export function heatmapFromFrequency(events: Iterable<AccessEvent>, options: FrequencyHeatmapOptions = {}): Heatmap {
  const list = options.bucketMs === undefined ? [...events] : events;
  const bucketMs = options.bucketMs ?? spanMs(list as readonly AccessEvent[]) / 24;
  const halfLife = options.halfLifeWindows ?? 8;
  const reads = new AccessHistory(halfLife);
  const writes = new AccessHistory(halfLife);
  let windowEnd = Number.NaN;
  for (const event of list) {
    if (Number.isNaN(windowEnd)) windowEnd = event.at + bucketMs;
    if (event.at >= windowEnd) {
      const passed = Math.floor((event.at - windowEnd) / bucketMs) + 1;
      const watched = Math.min(passed, idleWindows);
      for (let window = 0; window < watched; window++) closeBoth(reads, writes, window === watched - 1 ? passed - watched : 0);
      windowEnd += passed * bucketMs;
    }
    (event.access === 'read' ? reads : writes).count(event.key);
  }
  closeBoth(reads, writes, 0);
  const elements = ranked(reads, writes).slice(0, options.limit ?? Number.POSITIVE_INFINITY);
  return {
    kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'frequency', startMs: Number.isNaN(windowEnd) ? 0 : windowEnd,
    bucketMs, buckets: 1, elements, groups: options.groups ?? [],
  };
}

function closeBoth(reads: AccessHistory, writes: AccessHistory, idle: number): void {
  reads.close(idle);
  writes.close(idle);
}

function spanMs(events: readonly AccessEvent[]): number {
  const first = events[0]?.at ?? 0;
  return Math.max(24, events.reduce((last, event) => Math.max(last, event.at), first) - first + 1);
}

function ranked(reads: AccessHistory, writes: AccessHistory): HeatmapElement[] {
  const both = new Map<StateKey, { read?: Expectation; write?: Expectation }>();
  for (const read of reads.expectations()) both.set(read.key, { read });
  for (const write of writes.expectations()) both.set(write.key, { ...both.get(write.key), write });
  const scored = [...both].map(([key, { read, write }]) => {
    const pRead = read?.probability ?? 0;
    const pWrite = write?.probability ?? 0;
    const expected = (read?.expected ?? 0) + (write?.expected ?? 0);
    const pAny = 1 - (1 - pRead) * (1 - pWrite);
    const [low, high] = intervalOf(pAny, expected);
    return { rank: pAny * expected, element: { key, pRead: [pRead], pWrite: [pWrite], expected: [expected], low: [low], high: [high] } };
  });
  return scored.sort((a, b) => b.rank - a.rank || (a.element.key < b.element.key ? -1 : 1)).map(({ element }) => element);
}

/** The middle 80 % of a count that is zero with 1 − p and else Poisson-like around its mean, by the normal approximation. */
function intervalOf(probability: number, expected: number): [low: number, high: number] {
  const mean = Math.max(1, expected / probability);
  const spread = 1.2816 * Math.sqrt(mean);
  const low = 1 - probability >= 0.1 ? 0 : Math.min(expected, Math.max(0, mean - spread));
  const high = 1 - probability >= 0.9 ? expected : Math.max(expected, mean + spread);
  return [low, high];
}
