import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastLoaded, oneForAll, setCover } from './set-cover.ts';

const memberCount = 6;
const noLoad = new Float64Array(memberCount);
const ownerSets = fc.array(fc.uniqueArray(fc.nat(memberCount - 1), { maxLength: 4 }), { maxLength: 24 });
const loads = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: memberCount, maxLength: memberCount });
const meanOf = (load: readonly number[]): number => load.reduce((sum, one) => sum + one, 0) / load.length;
const distinct = (asked: Int32Array): Set<number> => new Set([...asked].filter((member) => member >= 0));

/** The fewest members that cover everything, by trying all choices. */
function minimum(owners: readonly (readonly number[])[]): number {
  const open = owners.filter((set) => set.length > 0);
  let fewest = memberCount;
  for (let choice = 0; choice < 1 << memberCount; choice++) {
    const size = choice.toString(2).replaceAll('0', '').length;
    if (size < fewest && open.every((set) => set.some((member) => (choice & (1 << member)) !== 0))) fewest = size;
  }
  return fewest;
}

test('whatever the loads, each item is asked of one who owns it, and only what nobody owns of nobody', () => {
  fc.assert(fc.property(ownerSets, loads, (owners, load) => {
    const asked = setCover(owners, load, meanOf(load));
    expect(asked.length).toBe(owners.length);
    for (const [item, set] of owners.entries()) {
      if (set.length === 0) expect(asked[item]).toBe(-1);
      else expect(set).toContain(asked[item]);
    }
  }));
});

test('without load it asks no more members than ln n + 1 times the fewest', () => {
  fc.assert(fc.property(ownerSets, (owners) => {
    const used = distinct(setCover(owners, noLoad, 0)).size;
    const items = owners.filter((set) => set.length > 0).length;
    expect(used).toBeLessThanOrEqual(items);
    expect(used).toBeLessThanOrEqual(Math.floor(minimum(owners) * (Math.log(Math.max(1, items)) + 1)));
  }));
});

test('without load, one member that owns everything is all that is asked', () => {
  fc.assert(fc.property(ownerSets.filter((owners) => owners.length > 0), fc.nat(memberCount - 1), (owners, holder) => {
    const all = owners.map((set) => (set.includes(holder) ? set : [...set, holder]));
    expect(distinct(setCover(all, noLoad, 0)).size).toBe(1);
  }));
});

test('the same owners and loads give the same answer', () => {
  fc.assert(fc.property(ownerSets, loads, (owners, load) => {
    expect(setCover(structuredClone(owners), [...load], meanOf(load))).toEqual(setCover(owners, load, meanOf(load)));
  }));
});

test('the only holder is asked, however loaded it is', () => {
  expect([...setCover([[0, 1], [2], [0, 1]], [0, 0, 1e9], 1e9 / 3)]).toEqual([0, 2, 0]);
  expect(oneForAll([[2]], [0, 0, 1e9], 1e9 / 3)).toBe(2);
});

test('of equals the less loaded one is asked; little load does not cost a second node', () => {
  expect([...setCover([[0, 1], [1, 0]], [5, 4], 4.5)]).toEqual([1, 1]);
  expect([...setCover([[0, 1], [0, 2]], [60, 0, 0], 20)]).toEqual([0, 0]);
  expect([...setCover([[0, 1], [0, 2]], [60_000, 0, 0], 20_000)]).toEqual([1, 2]);
});

test('what all members of the request own rides along to the least loaded one that is asked anyway', () => {
  expect([...setCover([[0, 1], [0, 3], [1, 2], [0, 1, 2, 3], [0, 1, 2, 3]], [1, 5, 0, 8], 3.5)]).toEqual([0, 0, 2, 2, 2]);
});

test('leastLoaded of nobody is nobody', () => {
  expect(leastLoaded([], [])).toBe(-1);
  expect(oneForAll([], [], 0)).toBe(-1);
});
