import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keysOfDeath, type Crash } from './key-of-death.ts';

const hour = 3_600_000;

function crash(at: number, member: string, slots: number[], healthyBefore: number): Crash {
  return { at, member, slots, healthyBefore };
}

/** The slot 7 follows from member to member; each holds others too. */
const following = [crash(1000, 'a@1', [1, 2, 7], 8), crash(2000, 'b@1', [3, 4, 7], 7), crash(3000, 'c@1', [5, 1, 7], 6)];

describe('a key of death', () => {
  test('is the slot whose owners died one after the other, by the members that were healthy before the first', () => {
    expect(keysOfDeath(following, 3000, 5)).toEqual([{ slot: 7, members: ['a@1', 'b@1', 'c@1'], share: 3 / 8 }]);
    expect(keysOfDeath(following, 2999, 6)).toEqual([]);
  });

  test('needs a quarter of the members, as many as there were or are', () => {
    const large = following.map((one) => ({ ...one, healthyBefore: 13 }));
    expect(keysOfDeath(large, 3000, 10)).toEqual([]);
    expect(keysOfDeath(large.map((one) => ({ ...one, healthyBefore: 12 })), 3000, 10)).toHaveLength(1);
    expect(keysOfDeath(following, 3000, 13)).toEqual([]);
    expect(keysOfDeath(large, 3000, 10, { share: 0.2 })).toHaveLength(1);
  });

  test('is not made of one or two crashes, however small the cluster', () => {
    const small = following.map((one) => ({ ...one, healthyBefore: 3 }));
    expect(keysOfDeath(small.slice(0, 2), 2000, 1)).toEqual([]);
    expect(keysOfDeath(small.slice(0, 2), 2000, 1, { atLeast: 2 })).toEqual([{ slot: 7, members: ['a@1', 'b@1'], share: 2 / 3 }]);
  });

  test('is over when a window has passed without a crash, not before', () => {
    expect(keysOfDeath(following, 3000 + hour - 1, 8)).toHaveLength(1);
    expect(keysOfDeath(following, 3000 + hour, 8)).toEqual([]);
    const later = [...following, crash(2 * hour, 'd@1', [7], 8)];
    expect(keysOfDeath(later, 2 * hour, 8)).toEqual([]); // it begins anew
    const still = [...following, crash(hour, 'd@1', [7], 5)];
    expect(keysOfDeath(still, 2 * hour - 1, 8)).toEqual([{ slot: 7, members: ['a@1', 'b@1', 'c@1', 'd@1'], share: 0.5 }]);
  });

  test('does not add up crashes that lie far apart', () => {
    const rare = [0, 0.9, 1.8, 2.7].map((hours, index) => crash(hours * hour, `m${index}`, [7], 8));
    expect(keysOfDeath(rare, 2.7 * hour, 8)).toEqual([]);
  });

  test('is named worst first, and counts a member that held the slot twice once', () => {
    const crashes = [...following, crash(3500, 'd@1', [1, 7, 7], 5)];
    expect(keysOfDeath(crashes, 3500, 4).map(({ slot, share }) => [slot, share])).toEqual([[7, 4 / 8], [1, 3 / 8]]);
  });
});

test('no slot is declared that fewer members died with than a quarter of the healthy, and every one is that all died with', () => {
  const crashes = fc.array(fc.record({ after: fc.integer({ min: 0, max: hour / 10 }), slots: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 }) }), { maxLength: 12 });
  fc.assert(fc.property(crashes, fc.integer({ min: 1, max: 40 }), (list, healthy) => {
    let at = 0;
    const all = list.map(({ after, slots }, index) => crash((at += after), `m${index}`, slots, healthy));
    const declared = new Map(keysOfDeath(all, at, 0).map((one) => [one.slot, one]));
    for (let slot = 0; slot < 10; slot++) {
      const inLastHour = all.filter((one) => [...one.slots].includes(slot) && at - one.at < hour).length;
      const ever = all.filter((one) => [...one.slots].includes(slot)).length;
      if (inLastHour >= 3 && inLastHour / healthy >= 0.25) expect(declared.get(slot)?.share).toBeGreaterThanOrEqual(inLastHour / healthy);
      if (ever < 3 || ever / healthy < 0.25) expect(declared.has(slot)).toBe(false);
    }
  }));
});
