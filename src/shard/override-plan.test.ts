import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32 } from '../lib/prng.ts';
import { leastHeat, overrideLimit, planOverrides } from './override-plan.ts';

const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
const none = new Map<number, number>();
/** Two owners a slot, next to each other. */
const pair = (members: number) => (slot: number): readonly number[] => [slot % members, (slot + 1) % members];
const tag = (slot: number, rest = 0): number => slot * 65_536 + rest;

describe('how many replicas', () => {
  test('as many as keep each copy at a twentieth of a member', () => {
    const plan = planOverrides({ forecast: new Map([[tag(3), 0.01]]), observed: none, ownersOf: pair(64), capacities: ones(64), replicas: 2 });
    expect(plan.get(tag(3))?.length).toBe(Math.ceil((0.01 * 64) / 0.05));
    expect(plan.get(tag(3))?.slice(0, 2)).toEqual([3, 4]);
  });

  test('whichever is larger, forecast or observed', () => {
    const plan = (forecast: number, observed: number): number | undefined =>
      planOverrides({ forecast: new Map([[tag(3), forecast]]), observed: new Map([[tag(3), observed]]), ownersOf: pair(64), capacities: ones(64), replicas: 2 }).get(tag(3))?.length;
    expect(plan(0.01, 0.02)).toBe(plan(0.02, 0.01));
    expect(plan(0.001, 0.0001)).toBeUndefined();
    expect(plan(0, 0.5)).toBe(64);
  });

  test('they stay until they carry half of what made them', () => {
    const { make, keep } = leastHeat(64, 2);
    const plan = (heat: number, previous?: Map<number, number[]>): Map<number, number[]> =>
      planOverrides({ forecast: new Map([[tag(3), heat]]), observed: none, ownersOf: pair(64), capacities: ones(64), replicas: 2, ...previous && { previous } });
    const made = plan(2 * make);
    expect(made.get(tag(3))?.length).toBe(4);
    expect(plan(1.2 * make, made)).toEqual(made);
    expect(plan(1.01 * keep, made).get(tag(3))?.length).toBe(3);
    expect(plan(0.99 * keep, made).size).toBe(0);
    expect(plan(0.99 * make).size).toBe(0);
  });

  test('the number of overrides is bounded, and the hottest have them', () => {
    const forecast = new Map(Array.from({ length: 500 }, (_, index) => [tag(index), 0.02 + index * 1e-6]));
    const plan = planOverrides({ forecast, observed: none, ownersOf: pair(8), capacities: ones(8), replicas: 2 });
    expect(plan.size).toBe(overrideLimit(8));
    expect([...plan.keys()][0]).toBe(tag(499));
    expect(overrideLimit(1)).toBe(0);
  });
});

describe('which members', () => {
  test('those with the least planned load, relative to capacity', () => {
    const plan = (capacities: number[], loads: number[]): readonly number[] | undefined =>
      planOverrides({ forecast: new Map([[tag(0), 0.03]]), observed: none, ownersOf: pair(6), capacities, loads, replicas: 2 }).get(tag(0));
    expect(plan(ones(6), [0.2, 0.2, 0.2, 0.1, 0.15, 0.15])).toEqual([0, 1, 3, 4]);
    expect(plan([1, 1, 4, 1, 1, 1], [0.2, 0.2, 0.2, 0.1, 0.15, 0.15])).toEqual([0, 1, 2, 3]);
  });

  test('those that had it keep it', () => {
    const previous = new Map([[tag(0), [0, 1, 5, 4]]]);
    const plan = planOverrides({ forecast: new Map([[tag(0), 0.04]]), observed: none, ownersOf: pair(6), capacities: ones(6), loads: [0, 0, 0, 0, 0.5, 0.5], replicas: 2, previous });
    expect(plan.get(tag(0))).toEqual([0, 1, 5, 4, 2]);
  });
});

test('laws: owners first, no member twice, between the slot\'s owners and all members, the same again for the same', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3 }), fc.nat(), (members, replicas, start) => {
    const prng = sfc32(start.toString(16).padStart(32, '0'));
    const heat = (): Map<number, number> => new Map(Array.from({ length: 30 }, () => [tag(Math.floor(prng.next() * 100), Math.floor(prng.next() * 3)), prng.next() ** 6 * 0.3]));
    const count = Math.min(replicas, members);
    const ownersOf = (slot: number): number[] => Array.from({ length: count }, (_, place) => (slot + place) % members);
    const options = { ownersOf, capacities: ones(members), replicas };
    const before = planOverrides({ ...options, forecast: heat(), observed: heat() });
    const given = { ...options, forecast: heat(), observed: heat(), previous: before };
    const plan = planOverrides(given);
    for (const [hash, set] of plan) {
      expect(set.slice(0, count)).toEqual(ownersOf(hash >>> 16));
      expect(new Set(set).size).toBe(set.length);
      expect(set.length).toBeGreaterThan(count);
      expect(set.every((member) => member >= 0 && member < members)).toBe(true);
    }
    expect(plan.size).toBeLessThanOrEqual(overrideLimit(members));
    expect(planOverrides(given)).toEqual(plan);
    // planned again with nothing changed, nothing changes: no copy is made or dropped for nothing
    expect(planOverrides({ ...given, previous: plan })).toEqual(plan);
  }), { numRuns: 200 });
});
