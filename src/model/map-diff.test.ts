import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { laterMap, shardMapOf, type ShardMapSeed } from '../testing/shard-maps.ts';
import { decodeShardMap, decodeShardMapDiff, encodeShardMap, encodeShardMapDiff } from './artefact-codec.ts';
import { ForeshardError } from './errors.ts';
import { applyDiff, diffMaps } from './map-diff.ts';
import type { ShardMap } from './shard-map.ts';

const seeds: fc.Arbitrary<ShardMapSeed> = fc.record({ seed: fc.nat(), members: fc.integer({ min: 1, max: 6 }), sets: fc.integer({ min: 1, max: 40 }), overrides: fc.nat(20), changes: fc.nat(5) });
const steps = fc.record({ epochs: fc.nat(400), drift: fc.constantFrom(0, 0.01, 1), seed: fc.nat() });

/** Long typed arrays are slow to compare element by element. */
function expectSame(found: ShardMap, wanted: ShardMap): void {
  const { slots, ages, ...rest } = found;
  const { slots: wantedSlots, ages: wantedAges, ...wantedRest } = wanted;
  expect(Buffer.from(slots.buffer).equals(Buffer.from(wantedSlots.buffer))).toBe(true);
  expect(Buffer.from(ages.buffer).equals(Buffer.from(wantedAges.buffer))).toBe(true);
  expect(rest).toEqual(wantedRest);
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof ForeshardError ? error.code : String(error);
  }
};

test('the map before and the difference give the map after, also by way of text', () => {
  fc.assert(fc.property(seeds, seeds, steps, (first, second, step) => {
    const before = shardMapOf(first);
    const after = laterMap(before, shardMapOf(second), step);
    const diff = diffMaps(before, after);
    expectSame(applyDiff(before, diff), after);
    expectSame(applyDiff(decodeShardMap(encodeShardMap(before)), decodeShardMapDiff(encodeShardMapDiff(diff))), after);
    expectSame(decodeShardMap(encodeShardMap(after)), after);
  }), { numRuns: 8 });
});

test('a small step is a small text', () => {
  const before = shardMapOf({ seed: 1, members: 8, sets: 56, overrides: 100, changes: 0 });
  const after = laterMap(before, before, { epochs: 1, drift: 0, seed: 2 });
  expect(encodeShardMapDiff(diffMaps(before, after)).length).toBeLessThan(500);
});

test('a difference that is for another map is refused, and so is one that leads nowhere', () => {
  const before = shardMapOf({ seed: 1, members: 3, sets: 5, overrides: 3, changes: 0 });
  const diff = diffMaps(before, laterMap(before, shardMapOf({ seed: 2, members: 4, sets: 5, overrides: 3, changes: 0 }), { epochs: 1, drift: 1, seed: 3 }));
  expect(codeOf(() => applyDiff({ ...before, epoch: 299 }, diff))).toBe('map_outdated');
  expect(codeOf(() => applyDiff({ ...before, slots: before.slots.map((set) => (set + 1) % 5) }, diff))).toBe('map_outdated');
  expect(codeOf(() => applyDiff(before, { ...diff, setCount: 2 }))).toBe('recording_damaged');
  expect(codeOf(() => applyDiff(before, { ...diff, members: before.members.slice(0, 1) }))).toBe('recording_damaged');
});

test('texts that are no difference are refused by code', () => {
  const before = shardMapOf({ seed: 1, members: 3, sets: 5, overrides: 3, changes: 1 });
  const text = encodeShardMapDiff(diffMaps(before, laterMap(before, before, { epochs: 1, drift: 1, seed: 3 })));
  const changed = (fields: object): string => JSON.stringify({ ...(JSON.parse(text) as object), ...fields });
  expect(codeOf(() => decodeShardMapDiff(changed({ formatVersion: 99 })))).toBe('recording_newer');
  for (const fields of [{ kind: 'shard-map' }, { from: {} }, { base: 'x' }, { members: [{}] }, { setCount: -1 }, { sets: [[9, [0]]] }, { slots: 'AAAA' }, { ages: [[1, 256]] }, { overrides: [[-1, 0]] }, { overridesGone: 1 }, { changes: [[1, {}]] }, { changesGone: [65_536] }]) {
    expect(codeOf(() => decodeShardMapDiff(changed(fields)))).toBe('recording_damaged');
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (garbage) => {
    expect(() => decodeShardMapDiff(garbage)).toThrow(ForeshardError);
  }));
});
