import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoadCounters } from './load-counters.ts';
import { sfc32 } from './prng.ts';

const seed = '0000000100000002000000030000000d';

test('takes the less loaded one of two', () => {
  const loads = new LoadCounters(3);
  loads.add(0, 2);
  loads.add(2);
  expect(loads.choose([0, 2], () => 0)).toBe(2);
  expect(loads.choose([1, 2], () => 0)).toBe(1);
  expect(loads.choose([0], () => 0)).toBe(0);
  expect(loads.choose([], () => 0)).toBe(-1);
  expect(loads.mean).toBe(1);
  loads.decay();
  expect(loads.of(0)).toBeCloseTo(1.9);
});

test('is always one of the replicas, and never the most loaded of them', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(9), { minLength: 2 }), fc.array(fc.nat(9), { maxLength: 50 }), fc.nat(), (replicas, sent, start) => {
    const prng = sfc32(seed.slice(0, 24) + start.toString(16).padStart(8, '0'));
    const loads = new LoadCounters(10);
    for (const member of sent) loads.add(member);
    const chosen = loads.choose(replicas, () => prng.next());
    expect(replicas).toContain(chosen);
    const others = replicas.filter((member) => member !== chosen);
    expect(loads.of(chosen)).toBeLessThanOrEqual(Math.max(...others.map((member) => loads.of(member))));
  }));
});

test('readers that know nothing of each other keep replicas even', () => {
  const prng = sfc32(seed);
  const readers = Array.from({ length: 16 }, () => new LoadCounters(8));
  const served = new Float64Array(8);
  const replicas = [0, 1, 2, 3, 4, 5, 6, 7];
  for (let request = 0; request < 20_000; request++) {
    const reader = readers[Math.floor(prng.next() * 16)] as LoadCounters;
    const member = reader.choose(replicas, () => prng.next());
    reader.add(member);
    served[member] = (served[member] as number) + 1;
  }
  // each draws at most about one more than its share, so 16 readers together stay within a few dozen of 2,500
  expect(Math.max(...served) / 2500).toBeLessThan(1.02);
});
