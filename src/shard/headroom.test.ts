import { describe, expect, test } from 'vitest';
import { heatmapFormatVersion } from '../model/heatmap.ts';
import type { Member } from '../model/shard-map.ts';
import { withHeadroom } from './headroom.ts';
import { placeElements } from './placement.ts';

const members: readonly Member[] = ['a', 'b', 'c'].map((id, index) => ({ id, address: `redis://127.0.0.1:700${index}`, zone: id, capacity: 2 }));

describe('capacity by headroom', () => {
  test('the least of any bucket and resource counts, by id or address', () => {
    const found = withHeadroom(members, [
      { member: 'a', metric: 'cpu', headroom: [0.9, 0.52, 0.8] }, { member: 'a', metric: 'memory', headroom: [0.6] }, { member: '127.0.0.1:7001', metric: 'cpu', headroom: [0.98] },
      { member: 'redis://127.0.0.1:7002', metric: 'cpu', headroom: [0] },
    ]);
    expect(found.map(({ capacity }) => capacity)).toEqual([1, 2, 0.2]);
  });

  test('nothing known: nothing changes; one unknown: the average', () => {
    expect(withHeadroom(members, [])).toEqual(members);
    expect(withHeadroom(members, [{ member: 'elsewhere', metric: 'cpu', headroom: [0.1] }])).toEqual(members);
    expect(withHeadroom(members, [{ member: 'a', metric: 'cpu', headroom: [0.2] }, { member: 'b', metric: 'cpu', headroom: [0.6] }]).map(({ capacity }) => capacity)).toEqual([0.4, 1.2, 0.8]);
  });

  test('a member that will be full gets fewer slots', () => {
    const heatmap = { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'test', startMs: 0, bucketMs: 1, buckets: 1, elements: [], groups: [] } as const;
    const { map } = placeElements(heatmap, withHeadroom(members, [{ member: 'a', metric: 'cpu', headroom: [0.1] }, { member: 'b', metric: 'cpu', headroom: [1] }, { member: 'c', metric: 'cpu', headroom: [1] }]), undefined, { replicas: 1 });
    const owned = members.map((_, index) => map.slots.filter((set) => map.sets[set]?.[0] === index).length);
    expect(owned[0] as number / map.slots.length).toBeCloseTo(0.1 / 2.1, 2);
  });
});
