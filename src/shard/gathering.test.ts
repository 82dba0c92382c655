import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownersOf, slotOf, tagHash } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import { slotCount, type Member } from '../model/shard-map.ts';
import { gatheringLimit, gatherTags } from './gathering.ts';
import { placeElements } from './placement.ts';
import { SlotTable } from './slot-table.ts';
import { workloadOf } from './workload.ts';

const key = (element: number): string => `redis:0/e:${element}`;

function heatmapOf(groups: readonly (readonly number[])[], weights: readonly number[] = [], source = 'plan'): Heatmap {
  const counts = new Map<number, number>();
  for (const [index, group] of groups.entries()) for (const element of group) counts.set(element, (counts.get(element) ?? 0) + (weights[index] ?? 1));
  const elements = [...counts].map(([element, count]) => ({ key: key(element), pRead: [1], pWrite: [0], expected: [count], low: [count], high: [count] }));
  return { kind: 'heatmap', formatVersion: heatmapFormatVersion, source, startMs: 0, bucketMs: 1, buckets: 1, elements, groups: groups.map((group, index) => ({ keys: group.map(key), weight: weights[index] ?? 1 })) };
}

/** Slots lie on the members in turn. */
function tableOf(members: number, replicas: number): SlotTable {
  const table = new SlotTable(replicas);
  for (let slot = 0; slot < slotCount; slot++) for (let place = 0; place < replicas; place++) table.put(slot, place, (slot + place) % members);
  return table;
}

/** Elements whose preferred owner is a member of {@link tableOf}. */
function elementsAt(member: number, table: SlotTable): number[] {
  return Array.from({ length: 60 }, (_, element) => element).filter((element) => table.at(slotOf(key(element)), 0) === member);
}

const groupsOf = fc.array(fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 40 });

test('copies are as many as allowed, at members that own nothing of the slot, each once, and not of wide tags', () => {
  fc.assert(fc.property(groupsOf, fc.integer({ min: 2, max: 6 }), fc.nat(12), (groups, members, mostCopies) => {
    const workload = workloadOf(heatmapOf(groups, groups.map(() => 3)));
    const table = tableOf(members, 2);
    const copies = gatherTags({ workload, table, members, wide: [0], mostCopies });
    expect([...copies.values()].flat().length).toBeLessThanOrEqual(mostCopies);
    expect(copies.has(0)).toBe(false);
    for (const [tag, further] of copies) {
      expect(new Set(further).size).toBe(further.length);
      expect(further.filter((member) => table.holds((workload.hashes[tag] as number) >>> 16, member) || member >= members)).toEqual([]);
    }
  }), { numRuns: 25 });
});

test('a tag that requests read with others gets a copy where these are; one read once is not worth it', () => {
  const table = tableOf(4, 1);
  const [first, second, far] = [...elementsAt(0, table).slice(0, 2), elementsAt(2, table)[0]] as [number, number, number];
  const gathered = (weight: number): (readonly [number, number[]])[] => {
    const workload = workloadOf(heatmapOf([[first, second, far]], [weight]));
    return [...gatherTags({ workload, table, members: 4, wide: [], mostCopies: 10 })].map(([tag, further]) => [workload.hashes[tag] as number, further] as const);
  };
  expect(gathered(5)).toEqual([[tagHash(key(far)), [0]]]);
  expect(gathered(1)).toEqual([]);
});

test('a copy that was there stays down to half of the gain', () => {
  const table = tableOf(4, 1);
  const far = elementsAt(2, table)[0] as number;
  const workload = workloadOf(heatmapOf([[...elementsAt(0, table).slice(0, 2), far]], [0.7]));
  const options = { workload, table, members: 4, wide: [], mostCopies: 10 };
  expect(gatherTags(options).size).toBe(0);
  expect([...gatherTags({ ...options, had: (hash, member) => hash === tagHash(key(far)) && member === 0 }).values()]).toEqual([[0]]);
});

test('a known plan has such copies, within its bound and behind the slot\'s owners; a forecast has none', () => {
  const groups = Array.from({ length: 3000 }, (_, index) => [0, 1, 2, 3, 4].map((step) => ((index % 600) + step * step * 37) % 900));
  const members: Member[] = Array.from({ length: 6 }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1 }));
  const place = (source: string): ReturnType<typeof placeElements> => placeElements(heatmapOf(groups, [], source), members, undefined, { replicas: 2, everywhere: 0 });
  const { map } = place('plan');
  const extra = [...map.overrides.values()].reduce((sum, set) => sum + (map.sets[set]?.length ?? 0) - 2, 0);
  expect(extra).toBeGreaterThan(20);
  expect(extra).toBeLessThanOrEqual(900 * 2 * 0.07 + 16 * 4);
  for (let element = 0; element < 900; element++) expect(ownersOf(map, key(element)).slice(0, 2)).toEqual(map.sets[map.slots[slotOf(key(element))] ?? 0]);
  expect(place('forecast').map.overrides.size).toBeLessThanOrEqual(16);
});

test('the replica sets of gathered tags fit into a directory of 256 KiB', () => {
  for (const [members, replicas] of [[8, 2], [16, 3], [32, 2], [64, 2], [64, 3], [500, 3]] as const) {
    const tags = gatheringLimit(members, replicas);
    expect(tags).toBeGreaterThanOrEqual(0);
    expect(Math.min(tags, members ** (replicas + 1)) * (4 + 2 * (replicas + 2))).toBeLessThanOrEqual(60 * 1024);
  }
  expect(gatheringLimit(8, 2)).toBe(8192);
});
