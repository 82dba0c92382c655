import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { shardMapOf } from '../testing/shard-maps.ts';
import { Directory, ownersOf, ownersOfHash, slotOf, tagHash } from './directory.ts';
import { slotCount } from './shard-map.ts';

test('every key has a slot, and elements of one entity share it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.nat(), (name, id) => {
    const slot = slotOf(`redis:0/${name}`);
    expect(Number.isInteger(slot) && slot >= 0 && slot < slotCount).toBe(true);
    expect(slotOf(`redis:0/cart:${id}:items`)).toBe(slotOf(`redis:0/cart:${id}`));
  }));
});

test('a directory finds what its map says, for hot tags, their neighbours in the tables and all others', () => {
  fc.assert(fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.constantFrom(0, 1, 2, 700), fc.array(fc.nat(2 ** 32 - 1), { maxLength: 50 }), (seed, members, overrides, hashes) => {
    const map = shardMapOf({ seed, members, sets: 30, overrides, changes: 0 });
    const directory = new Directory(map);
    const loads = Array.from({ length: members }, (_, member) => (member * 7) % members);
    const out: number[] = [];
    const near = [...map.overrides.keys()].flatMap((tag) => [tag, (tag ^ 0x80000000) >>> 0, (tag + 1) >>> 0]);
    const wrong = [...hashes, ...near, 0, 2 ** 32 - 1].filter((hash) => {
      const owners = ownersOfHash(map, hash);
      directory.ownersOf(hash, out);
      const set = directory.setOf(hash);
      const oneByOne = Array.from({ length: directory.ownersIn(set) }, (_, place) => directory.ownerAt(set, place));
      return out.join() !== owners.join() || oneByOne.join() !== owners.join() || loads[directory.leastLoaded(hash, loads)] !== Math.min(...owners.map((owner) => loads[owner] as number));
    });
    expect(wrong).toEqual([]);
    expect(directory.epochOf(77)).toBe(map.epoch - (map.ages[77] as number));
  }), { numRuns: 15 });
});

test('its size is bounded', () => {
  const map = shardMapOf({ seed: 5, members: 64, sets: 4032, overrides: 4000, changes: 0 });
  expect(new Directory(map).bytes).toBeLessThanOrEqual(256 * 1024 + 8 * map.overrides.size);
});

test('owners by key are those by hash', () => {
  const map = shardMapOf({ seed: 6, members: 4, sets: 12, overrides: 0, changes: 0 });
  const hot = { ...map, overrides: new Map([[tagHash('redis:0/a:1'), 3]]) };
  expect(ownersOf(hot, 'redis:0/a:1:x')).toBe(hot.sets[3]);
  expect(ownersOf(hot, 'redis:0/a:2')).toBe(hot.sets[hot.slots[slotOf('redis:0/a:2')] as number]);
});
