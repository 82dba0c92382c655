import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHeatmap, decodeShardMap, encodeHeatmap, encodeShardMap } from './artefact-codec.ts';
import { ForeshardError } from './errors.ts';
import { heatmapFormatVersion, type Heatmap } from './heatmap.ts';
import { shardMapFormatVersion, slotCount, type ShardMap } from './shard-map.ts';

const map: ShardMap = {
  kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 2, epoch: 7,
  members: [{ id: 'a', address: 'embedded', zone: 'x', capacity: 1 }, { id: 'b', address: 'redis://127.0.0.1:1', zone: 'y', capacity: 2.5, life: 'l1' }],
  sets: [[0], [0, 1], [1, 0]], slots: Uint16Array.from({ length: slotCount }, (_, slot) => slot % 3), ages: Uint8Array.from({ length: slotCount }, (_, slot) => slot % 256),
  overrides: new Map([[4294967295, 2]]), changes: new Map([[9, { old: 1, joining: [1], pull: 1 }]]),
};
const heatmap: Heatmap = {
  kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'plan', startMs: 5, bucketMs: 10, buckets: 2,
  elements: [{ key: 'redis:0/é', pRead: [0, 1], pWrite: [0.5, 0], expected: [1, 2], low: [0, 0], high: [3, 4.5] }],
  groups: [{ keys: ['redis:0/é', 'b'], weight: 3 }],
};

test('a shard map and a heatmap come back as they were', () => {
  expect(decodeShardMap(encodeShardMap(map))).toEqual(map);
  expect(decodeHeatmap(encodeHeatmap(heatmap))).toEqual(heatmap);
});

test('another kind, a newer format and wrong fields are refused by code', () => {
  const code = (run: () => unknown): string => {
    try {
      run();
      return 'none';
    } catch (error) {
      return error instanceof ForeshardError ? error.code : String(error);
    }
  };
  const changed = (text: string, fields: object): string => JSON.stringify({ ...(JSON.parse(text) as object), ...fields });
  expect(code(() => decodeHeatmap(encodeShardMap(map)))).toBe('recording_damaged');
  expect(code(() => decodeShardMap(changed(encodeShardMap(map), { formatVersion: 99, slots: 'new' })))).toBe('recording_newer');
  expect(code(() => decodeHeatmap(changed(encodeHeatmap(heatmap), { formatVersion: 99 })))).toBe('recording_newer');
  for (const fields of [{ slots: 'AAAA' }, { sets: [[0]] }, { sets: [[], [0, 1], [1]] }, { sets: [[0], [5], [1]] }, { overrides: [['x', 1]] }, { overrides: [[1, 3]] }, { ages: 'AAAA' }, { changes: [[1, { old: 9, joining: [] }]] }, { members: [{}] }, { epoch: null }]) {
    expect(code(() => decodeShardMap(changed(encodeShardMap(map), fields)))).toBe('recording_damaged');
  }
  for (const fields of [{ buckets: 3 }, { elements: [{}] }, { groups: [null] }, { startMs: '1' }]) {
    expect(code(() => decodeHeatmap(changed(encodeHeatmap(heatmap), fields)))).toBe('recording_damaged');
  }
});

test('garbage is refused by code', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.record({ kind: fc.constantFrom('heatmap', 'shard-map'), formatVersion: fc.constant(1), elements: fc.json() }).map((value) => JSON.stringify(value))), (text) => {
    for (const decode of [decodeHeatmap, decodeShardMap]) expect(() => decode(text)).toThrow(ForeshardError);
  }), { numRuns: 300 });
});
