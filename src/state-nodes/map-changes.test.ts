import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memberName, shardMapFormatVersion, type Member, type ShardMap } from '../model/shard-map.ts';
import { beginChanges, finishChanges, keptWhere, namesOf, recoveredMap } from './map-changes.ts';
import { entryOf } from './slot-entry.ts';

const slots = 16;
const membersOf = (lives: readonly number[]): Member[] => lives.map((life, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1, life: String(life) }));

function mapOf(members: readonly Member[], sets: readonly (readonly number[])[]): ShardMap {
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 3, epoch: 10, members, sets, slots: Uint16Array.from({ length: slots }, (_, slot) => slot % sets.length),
    ages: new Uint8Array(slots), overrides: new Map(), changes: new Map(),
  };
}

const set = (members: number, size: number): fc.Arbitrary<number[]> => fc.uniqueArray(fc.nat(members - 1), { minLength: size, maxLength: size });
const sets = (members: number, size: number): fc.Arbitrary<number[][]> => fc.array(set(members, size), { minLength: 1, maxLength: slots });
const ownersOf = (map: ShardMap, slot: number): string[] => namesOf(map, map.slots[slot] as number);
const options = { dead: new Set<string>(), most: 1000, consistency: 'quorum' } as const;

describe('changes of owners', () => {
  test('lead to what is wanted, one owner of a slot at a time, and each step is newer than the one before', () => {
    fc.assert(fc.property(sets(5, 3), sets(5, 3), fc.integer({ min: 1, max: 20 }), (before, after, most) => {
      const members = membersOf([1, 1, 1, 1, 1]);
      const wanted = mapOf(members, after);
      let map = mapOf(members, before);
      for (let steps = 0; steps < 100; steps++) {
        const begun = beginChanges(map, wanted, { ...options, most });
        if (begun === undefined && map.changes.size === 0) break;
        const next = begun?.map ?? map;
        expect(next.changes.size).toBeLessThanOrEqual(most);
        for (let slot = 0; slot < slots; slot++) {
          const [was, is] = [entryOf(map, slot), entryOf(next, slot)];
          expect(is.own.filter((name) => !was.own.includes(name)).length).toBeLessThanOrEqual(1);
          expect(is.joining.every((name) => !is.old.includes(name))).toBe(true);
          if (is.own.join() !== was.own.join()) expect(is.epoch).toBe(next.epoch);
          else expect(is.epoch).toBeGreaterThanOrEqual(was.epoch);
        }
        map = finishChanges(next, next.changes.keys());
      }
      for (let slot = 0; slot < slots; slot++) expect(ownersOf(map, slot)).toEqual(ownersOf(wanted, slot));
    }), { numRuns: 200 });
  });

  test('another number of owners makes all of them pull', () => {
    const members = membersOf([1, 1, 1]);
    const begun = beginChanges(mapOf(members, [[0, 1, 2]]), mapOf(members, [[2, 0]]), options);
    expect(entryOf(begun?.map as ShardMap, 0)).toMatchObject({ own: ['m2@1', 'm0@1'], old: ['m0@1', 'm1@1', 'm2@1'], joining: ['m2@1', 'm0@1'], pull: 2 });
  });

  test('who lost its memory is replaced by its next life, and first, whatever the limit', () => {
    const [before, after] = [membersOf([1, 1, 1, 1]), membersOf([1, 2, 1, 1])];
    const begun = beginChanges(mapOf(before, [[0, 1, 2], [0, 2, 3]]), mapOf(after, [[0, 1, 3], [0, 1, 3]]), { ...options, dead: new Set(['m1@1']), most: 0 });
    expect(begun?.slots).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(entryOf(begun?.map as ShardMap, 0)).toMatchObject({ old: ['m0@1', 'm1@1', 'm2@1'], joining: ['m1@2'], pull: 2 });
  });

  test('a joiner that dies before it was known to be active is replaced from those that stay', () => {
    const members = membersOf([1, 1, 1, 1, 1]);
    const joining = beginChanges(mapOf(members, [[0, 1, 2]]), mapOf(members, [[0, 1, 3]]), options)?.map as ShardMap;
    const dead = new Set(['m3@1']);
    const replaced = beginChanges(joining, mapOf(members, [[0, 1, 4]]), { ...options, dead })?.map as ShardMap;
    expect(entryOf(replaced, 0)).toMatchObject({ own: ['m0@1', 'm1@1', 'm4@1'], old: ['m0@1', 'm1@1'], joining: ['m4@1'], pull: 2 });
    const alone = beginChanges(mapOf(members, [[0]]), mapOf(members, [[3]]), options)?.map as ShardMap;
    expect(entryOf(beginChanges(alone, mapOf(members, [[4]]), { ...options, dead })?.map as ShardMap, 0)).toMatchObject({ own: ['m4@1'], old: ['m0@1'], joining: ['m4@1'], pull: 1 });
  });

  test('nothing is begun when nothing is wanted, and hot tags begin with the owners of their slot', () => {
    const members = membersOf([1, 1, 1, 1]);
    const map = mapOf(members, [[0, 1]]);
    expect(beginChanges(map, mapOf(members, [[0, 1]]), options)).toBeUndefined();
    const hot = { ...mapOf(members, [[0, 1], [3, 2, 1, 0]]), slots: new Uint16Array(slots), overrides: new Map([[5, 1]]) };
    const begun = beginChanges(map, hot, options)?.map as ShardMap;
    expect(namesOf(begun, begun.overrides.get(5) as number)).toEqual(['m0@1', 'm1@1', 'm3@1', 'm2@1']);
    expect(begun.changes.size).toBe(0);
  });

  test('members and sets that stay keep their numbers', () => {
    fc.assert(fc.property(sets(5, 2), sets(5, 2), (before, after) => {
      const members = membersOf([1, 1, 1, 1, 1]);
      const map = mapOf(members, before);
      const next = beginChanges(map, mapOf(members, after), { ...options, most: 1 })?.map ?? map;
      expect(next.members).toEqual(members);
      for (let slot = 0; slot < slots; slot++) if (ownersOf(map, slot).join() === ownersOf(next, slot).join() && new Set(before.map(String)).size === before.length) expect(next.slots[slot]).toBe(map.slots[slot]);
    }), { numRuns: 100 });
  });

  test('slots that are held back keep the owners they have, whatever is wanted', () => {
    const members = membersOf([1, 1, 1, 1]);
    const kept = keptWhere(mapOf(members, [[0, 1]]), mapOf(members, [[2, 3]]), [3, 5]);
    for (let slot = 0; slot < slots; slot++) expect(ownersOf(kept, slot)).toEqual(slot === 3 || slot === 5 ? ['m0@1', 'm1@1'] : ['m2@1', 'm3@1']);
  });

  test('who is gone leaves the map with the last slot', () => {
    const members = membersOf([1, 1, 1]);
    const begun = beginChanges(mapOf(members, [[0, 1]]), mapOf([members[0], members[2]] as Member[], [[0, 1]]), { ...options, dead: new Set(['m1@1']) })?.map as ShardMap;
    expect(begun.members.map(memberName).sort()).toEqual(['m0@1', 'm1@1', 'm2@1']);
    expect(finishChanges(begun, [0, 1], new Set(['m1@1'])).members.map(memberName)).toContain('m1@1');
    expect(finishChanges(begun, begun.changes.keys(), new Set(['m1@1'])).members.map(memberName)).toEqual(['m0@1', 'm2@1']);
  });

  test('a recovered map has the entries it was given, under its incarnation and an epoch as late', () => {
    const members = membersOf([1, 1, 1, 1]);
    const entry = { incarnation: 9, epoch: 12, own: ['m0@1', 'm3@1'], old: ['m0@1', 'm1@1'], joining: ['m3@1'], pull: 1 };
    const map = recoveredMap(mapOf(members, [[0, 1]]), new Map([[4, entry]]), members, 9000);
    expect([map.incarnation, map.epoch]).toEqual([9000, 9000]);
    expect(entryOf(map, 4)).toEqual({ ...entry, incarnation: 9000, epoch: 9000 });
    expect(entryOf(map, 5).own).toEqual(['m0@1', 'm1@1']);
    expect(map.members.map(memberName)).toEqual(['m0@1', 'm1@1', 'm2@1', 'm3@1']);
    const forgotten = recoveredMap(mapOf(members, [[0, 1]]), new Map([[4, { ...entry, own: ['m0@1', 'm1@0'], old: ['m9@4'], joining: ['m1@0'] }]]), members, 9000);
    expect(entryOf(forgotten, 4)).toMatchObject({ own: ['m0@1', 'm1@0'], old: ['m9@4'], joining: ['m1@0'] });
  });
});
