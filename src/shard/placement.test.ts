import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32 } from '../lib/prng.ts';
import { encodeShardMap } from '../model/artefact-codec.ts';
import { ownersOf, slotOf, tagHash } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import { setCover } from '../model/set-cover.ts';
import { slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { placeElements, type SlotMove } from './placement.ts';

const membersOf = (count: number, given: Partial<Member> = {}): Member[] =>
  Array.from({ length: count }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1, ...given }));

function heatmapOf(loads: Readonly<Record<string, number>>, groups: Heatmap['groups'] = []): Heatmap {
  const elements = Object.entries(loads).map(([key, load]) => ({ key, pRead: [1], pWrite: [0], expected: [load], low: [load], high: [load] }));
  return { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'test', startMs: 0, bucketMs: 1, buckets: 1, elements, groups };
}

const cold = heatmapOf({});

/** Every slot has as many owners as can be, all different, in as many zones as can be. */
function expectAvailable(map: ShardMap, replicas: number): void {
  const zones = new Set(map.members.map(({ zone }) => zone)).size;
  for (const set of new Set(map.slots)) {
    const owners = map.sets[set] ?? [];
    expect(owners.length).toBe(Math.min(replicas, map.members.length));
    expect(new Set(owners).size).toBe(owners.length);
    expect(owners.every((member) => member >= 0 && member < map.members.length)).toBe(true);
    expect(new Set(owners.map((member) => map.members[member]?.zone)).size).toBe(Math.min(owners.length, zones));
  }
}

function ownership(map: ShardMap): Map<string, number> {
  const counts = new Map(map.members.map((member) => [member.id, 0]));
  for (const set of map.slots) for (const index of map.sets[set] ?? []) counts.set(map.members[index]?.id ?? '', (counts.get(map.members[index]?.id ?? '') ?? 0) + 1);
  return counts;
}

/** A shop: requests read a user, its cart and three products of one category; categories are what belongs together. */
function shop(users: number, seed = '00000001000000020000000300000004'): Heatmap {
  const prng = sfc32(seed);
  const loads: Record<string, number> = {};
  const groups = Array.from({ length: users * 4 }, () => {
    const user = Math.floor(prng.next() * users);
    const keys = [`redis:0/user:${user}:profile`, ...[0, 1, 2].map(() => `redis:0/cat:${user % 20}:${Math.floor(prng.next() * 30)}:p`)];
    for (const key of keys) loads[key] = (loads[key] ?? 0) + 1;
    return { keys: [...new Set(keys)], weight: 1 };
  });
  return heatmapOf(loads, groups);
}

/** Distinct members a group touches when each element is read from its preferred owner. */
function fanOut(map: ShardMap, heatmap: Heatmap): number {
  const counts = heatmap.groups.map((group) => new Set(group.keys.map((key) => ownersOf(map, key)[0])).size);
  return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}

/** Distinct members a group touches when any replica may be read, and the load of the busiest member over the mean. */
function readBy(map: ShardMap, heatmap: Heatmap): { readonly fanOut: number; readonly imbalance: number } {
  const loads = map.members.map(() => 0);
  let touched = 0;
  let read = 0;
  for (const group of heatmap.groups) {
    const chosen = setCover(group.keys.map((key) => ownersOf(map, key)), loads, read / loads.length);
    for (const member of chosen) loads[member] = (loads[member] as number) + 1;
    read += chosen.length;
    touched += new Set(chosen).size;
  }
  return { fanOut: touched / heatmap.groups.length, imbalance: (Math.max(...loads) * loads.length) / read };
}

function expectAgesFit(before: ShardMap, map: ShardMap, moves: readonly SlotMove[]): void {
  const moved = new Set(moves.map(({ slot }) => slot));
  const wrong = Array.from(map.slots.keys()).filter((slot) => {
    const [was, is] = [before.epoch - (before.ages[slot] as number), map.epoch - (map.ages[slot] as number)];
    return is < was || (map.epoch > before.epoch && (is === map.epoch) !== moved.has(slot)) || (map.epoch === before.epoch && (is !== was || moved.has(slot)));
  });
  expect(wrong).toEqual([]);
}

function loadImbalance(map: ShardMap, heatmap: Heatmap): number {
  const loads = map.members.map(() => 0);
  for (const element of heatmap.elements) {
    const owners = ownersOf(map, element.key);
    const share = map.overrides.has(tagHash(element.key)) ? owners : owners.slice(0, 1);
    for (const member of share) loads[member] = (loads[member] ?? 0) + (element.expected[0] ?? 0) / share.length;
  }
  return (Math.max(...loads) * loads.length) / loads.reduce((sum, load) => sum + load, 0);
}

describe('ownership', () => {
  test('every slot is owned by so many different members as asked for, or as there are', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), (count, replicas, zones) => {
      const members = membersOf(count).map((member, index) => ({ ...member, zone: `z${index % zones}` }));
      const { map } = placeElements(cold, members, undefined, { replicas });
      expectAvailable(map, replicas);
    }), { numRuns: 5 });
  });

  test('is balanced by capacity', () => {
    const members = membersOf(4).map((member, index) => ({ ...member, capacity: index === 0 ? 3 : 1 }));
    const counts = ownership(placeElements(cold, members, undefined, { replicas: 1 }).map);
    expect(counts.get('m0')).toBeCloseTo(slotCount / 2, -2);
    expect(counts.get('m1')).toBeCloseTo(slotCount / 6, -2);
  });

  test('one member owns everything, whatever its capacity', () => {
    const { map } = placeElements(shop(50), membersOf(1, { capacity: 0 }), undefined, { replicas: 3 });
    expect(ownership(map).get('m0')).toBe(slotCount);
  });

  test('is the same for the same arguments', () => {
    const heatmap = shop(300);
    const make = (): string => encodeShardMap(placeElements(heatmap, membersOf(5), undefined, { replicas: 2 }).map);
    expect(make()).toBe(make());
  });
});

describe('movement', () => {
  test.each([1, 2, 3])('a member that joins takes its share and nothing else moves (%i replicas)', (replicas) => {
    for (const count of [3, 8]) {
      const before = placeElements(cold, membersOf(count), undefined, { replicas }).map;
      const { map, moves } = placeElements(cold, membersOf(count + 1), before, { replicas });
      const least = Math.floor((slotCount * replicas) / (count + 1));
      expect(moves.every((move) => move.add.length === 1 && move.add[0] === `m${count}` && move.remove.length === 1)).toBe(true);
      expect(moves.length).toBeGreaterThanOrEqual(least);
      expect(moves.length).toBeLessThan(least * 1.02);
      expect(map.epoch).toBe(before.epoch + 1);
    }
  });

  test('of a leaving member what it owned moves, and hardly anything else', () => {
    const before = placeElements(cold, membersOf(6), undefined, { replicas: 2 }).map;
    const owned = ownership(before).get('m2') ?? 0;
    const { map, moves } = placeElements(cold, membersOf(6).filter((member) => member.id !== 'm2'), before, { replicas: 2 });
    expect(moves.every((move) => move.remove.length === 1 && move.add.length === 1)).toBe(true);
    expect(moves.filter((move) => move.remove[0] === 'm2').length).toBe(owned);
    expect(moves.length).toBeLessThan(owned * 1.02); // the rest levels what the orphans' other owners left no choice about
    const counts = [...ownership(map).values()];
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.05);
  });

  test('a member that joins a placement by load takes whole groups: its share, and requests touch no more members than by a new placement', () => {
    const heatmap = shop(1500);
    const before = placeElements(heatmap, membersOf(4), undefined, { replicas: 2 }).map;
    const { map, moves } = placeElements(heatmap, membersOf(5), before, { replicas: 2 });
    const slots = moves.filter(({ slot }) => slot !== null);
    expect(slots.every(({ add, remove }) => add.join() === 'm4' && remove.length === 1)).toBe(true);
    expect(slots.length).toBe(Math.floor((slotCount * 2) / 5));
    const [joined, fresh] = [readBy(map, heatmap), readBy(placeElements(heatmap, membersOf(5), undefined, { replicas: 2 }).map, heatmap)];
    expect(joined.fanOut).toBeLessThan(fresh.fanOut * 1.15);
    expect(joined.imbalance).toBeLessThan(1.25);
  });

  test('a state node that lost its memory is another member: all it had moves, to it or elsewhere', () => {
    const [first, ...others] = membersOf(4, { life: 'one' }) as [Member, ...Member[]];
    const before = placeElements(cold, [first, ...others], undefined, { replicas: 2 }).map;
    const owned = ownership(before).get(first.id);
    const { moves } = placeElements(cold, [{ ...first, life: 'two' }, ...others], before, { replicas: 2 });
    expect(moves.length).toBe(owned);
    expect(moves.every(({ add, remove }) => remove.join() === 'm0@one' && add.length === 1)).toBe(true);
    expect(moves.filter(({ add }) => add.join() === 'm0@two').length).toBeGreaterThan((owned as number) * 0.95);
  });

  test('an entry is as young as its last change: epoch − age never falls, and is the new epoch where and only where owners changed', () => {
    const zones = (members: Member[]): Member[] => members.map((member, index) => ({ ...member, zone: `z${index % 2}` }));
    fc.assert(fc.property(fc.array(fc.record({ count: fc.integer({ min: 1, max: 5 }), seed: fc.integer({ min: 1, max: 9 }), replicas: fc.integer({ min: 1, max: 3 }) }), { minLength: 2, maxLength: 3 }), (steps) => {
      let before: ShardMap | undefined;
      for (const { count, seed, replicas } of steps) {
        const { map, moves } = placeElements(shop(60, `0000000${seed}000000080000000700000006`), zones(membersOf(count)), before, { replicas });
        expectAvailable(map, replicas);
        expect(map.changes.size).toBe(0);
        if (before !== undefined) expectAgesFit(before, map, moves);
        before = map;
      }
    }), { numRuns: 4 });
  });

  test('ages stop at the oldest that can be said', () => {
    const before = placeElements(cold, membersOf(3), undefined, { replicas: 1 }).map;
    const old = { ...before, epoch: 900, ages: new Uint8Array(slotCount).fill(255) };
    const { map } = placeElements(cold, membersOf(4), old, { replicas: 1 });
    expect(map.epoch).toBe(901);
    expect(new Set(map.ages)).toEqual(new Set([0, 255]));
  });

  test('nothing moves, and the epoch stays, when nothing changed', () => {
    const heatmap = shop(300);
    const before = placeElements(heatmap, membersOf(4), undefined, { replicas: 2 }).map;
    const settled = placeElements(heatmap, membersOf(4), before, { replicas: 2 }).map;
    const again = placeElements(heatmap, membersOf(4), settled, { replicas: 2 });
    expect(again.moves).toEqual([]);
    expect(again.map.epoch).toBe(settled.epoch);
  });

  test('a new heatmap moves no more slots than the budget', () => {
    const before = placeElements(shop(300), membersOf(4), undefined, { replicas: 1 }).map;
    const changed = shop(300, '00000009000000080000000700000006');
    const { moves } = placeElements(changed, membersOf(4), before, { replicas: 1, moveBudget: 0.02 });
    const inUse = new Set(changed.elements.map((element) => slotOf(element.key))).size;
    expect(moves.filter((move) => move.slot !== null).length).toBeLessThanOrEqual(Math.max(1, inUse * 0.02));
  });
});

describe('placement by load', () => {
  test('keeps together what is accessed together, without losing balance', () => {
    const heatmap = shop(2000);
    const grouped = placeElements(heatmap, membersOf(4), undefined, { replicas: 1 }).map;
    const byHash = placeElements(cold, membersOf(4), undefined, { replicas: 1 }).map;
    expect(fanOut(grouped, heatmap)).toBeLessThan(fanOut(byHash, heatmap) * 0.6);
    expect(loadImbalance(grouped, heatmap)).toBeLessThan(1.15);
  });

  test('gives hot elements more replicas, their slot\'s owners first', () => {
    const loads = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`redis:0/e:${index}`, index === 7 ? 2000 : 1]));
    const { map } = placeElements(heatmapOf(loads), membersOf(6), undefined, { replicas: 2 });
    expect([...map.overrides.keys()]).toEqual([tagHash('redis:0/e:7')]);
    const owners = ownersOf(map, 'redis:0/e:7');
    expect(owners.length).toBe(6);
    expect(owners.slice(0, 2)).toEqual(map.sets[map.slots[slotOf('redis:0/e:7')] ?? 0]);
  });

  test('an override outlasts a small drop of its load, and not a large one', () => {
    const at = (load: number): Heatmap => heatmapOf({ ...Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`redis:0/e:${index + 10}`, 1])), 'redis:0/hot:1': load });
    const hot = placeElements(at(40), membersOf(4), undefined, { replicas: 2 }).map;
    expect(hot.overrides.has(tagHash('redis:0/hot:1'))).toBe(true);
    expect(placeElements(at(20), membersOf(4), undefined, { replicas: 2 }).map.overrides.size).toBe(0);
    const cooler = placeElements(at(20), membersOf(4), hot, { replicas: 2 }).map;
    expect(cooler.overrides.has(tagHash('redis:0/hot:1'))).toBe(true);
    expect(placeElements(at(1), membersOf(4), cooler, { replicas: 2 }).map.overrides.size).toBe(0);
  });
});
