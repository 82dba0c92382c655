import { ownersOf, slotOf, tagHash } from '../model/directory.ts';
import type { Heatmap, HeatmapElement } from '../model/heatmap.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { isForHeat } from './override-plan.ts';
import { loadOf } from './workload.ts';

/** Where an element lives by a map, and what speaks for that. */
export interface ElementHome {
  readonly slot: number;
  /** The epoch of the entry: when its owners last changed. */
  readonly epoch: number;
  /** Ids of its owners, and of those of its slot. */
  readonly members: readonly string[];
  readonly slotOwners: readonly string[];
  /** Why it has these: as its slot, more for its heat, more where requests read it with others, or everywhere. */
  readonly reason: 'slot' | 'hot' | 'near' | 'everywhere';
  /** Its share of the recorded requests, or of all accesses where none are known; and Unix ms of its hottest bucket. */
  readonly share: number;
  readonly isShareOfRequests: boolean;
  readonly peakMs: number;
  /** Of the requests that read it with others the share that one of its owners can answer alone; left out: there are none. */
  readonly together?: number;
}

/** Where an element of a heatmap lives. */
export function elementHome(map: ShardMap, heatmap: Heatmap, element: HeatmapElement): ElementHome {
  const { key, expected } = element;
  const slot = slotOf(key);
  const owners = ownersOf(map, key);
  const ofSlot = map.sets[map.slots[slot] ?? 0] ?? [];
  const ids = (set: readonly number[]): string[] => set.map((member) => map.members[member]?.id ?? '');
  const peak = expected.indexOf(Math.max(...expected));
  const requests = heatmap.groups.reduce((sum, { weight }) => sum + weight, 0);
  const reading = heatmap.groups.filter(({ keys }) => keys.includes(key));
  const accesses = heatmap.elements.reduce((sum, other) => sum + (other.expected[peak] ?? 0), heatmap.rest?.expected[peak] ?? 0);
  const share = requests > 0 ? weightOf(reading) / requests : (expected[peak] ?? 0) / Math.max(accesses, Number.MIN_VALUE);
  const shared = reading.filter(({ keys }) => keys.length > 1);
  const alone = shared.filter(({ keys }) => owners.some((member) => keys.every((other) => ownersOf(map, other).includes(member))));
  return {
    slot, epoch: map.epoch - (map.ages[slot] ?? 0), members: ids(owners), slotOwners: ids(ofSlot),
    reason: !map.overrides.has(tagHash(key)) ? 'slot' : owners.length === map.members.length ? 'everywhere' : isForHeat(owners.length, heatOf(heatmap, element), map.members.length) ? 'hot' : 'near',
    share, isShareOfRequests: requests > 0, peakMs: heatmap.startMs + peak * heatmap.bucketMs,
    ...shared.length === 0 ? {} : { together: weightOf(alone) / weightOf(shared) },
  };
}

/** Its share of all accesses. */
function heatOf({ elements, rest }: Heatmap, element: HeatmapElement): number {
  const total = elements.reduce((sum, { expected }) => sum + loadOf(expected), loadOf(rest?.expected ?? []));
  return loadOf(element.expected) / Math.max(total, Number.MIN_VALUE);
}

function weightOf(groups: Heatmap['groups']): number {
  return groups.reduce((sum, { weight }) => sum + weight, 0);
}
