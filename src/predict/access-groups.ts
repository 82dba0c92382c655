import type { Heatmap } from '../model/heatmap.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';

/** Groups kept; lighter ones say little about placement and cost as much. */
const mostGroups = 100_000;

/** Sets of elements that one request touches, with how many requests touch just them; heaviest first. */
export function accessGroups(requests: Iterable<RequestRecord>): Heatmap['groups'] {
  const groups = new Map<string, { keys: StateKey[]; weight: number }>();
  for (const record of requests) {
    const keys = [...new Set(record.touches.map((touch) => touch.key))].sort();
    if (keys.length === 0) continue;
    const name = keys.map((key) => `${key.length}:${key}`).join('');
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { keys, weight: 1 });
    else group.weight += 1;
  }
  return [...groups.values()].sort((a, b) => b.weight - a.weight).slice(0, mostGroups);
}
