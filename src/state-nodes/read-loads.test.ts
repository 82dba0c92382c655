import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadLoads } from './read-loads.ts';

const members = [{ place: 0, capacity: 1 }, { place: 1, capacity: 2 }];

test('what is open counts twice, and all but that fades by half in a second', () => {
  const loads = new ReadLoads();
  loads.use(members);
  loads.begin(0, 8);
  loads.begin(1, 8);
  expect(Array.from(loads.relative.subarray(0, 2))).toEqual([16, 8]);
  loads.end(1, 8);
  expect(loads.mean).toBe((16 + 8) / 3);
  loads.decay(1000);
  expect(Array.from(loads.relative.subarray(0, 2))).toEqual([12, 2]);
  loads.decay(1001); // too soon
  expect(Array.from(loads.relative.subarray(0, 2))).toEqual([12, 2]);
});

test('members come and go, capacities change: who stays keeps what it was asked', () => {
  const loads = new ReadLoads();
  loads.use(members);
  loads.begin(1, 8);
  loads.use([{ place: 1, capacity: 4 }, { place: 20, capacity: 1 }]);
  loads.begin(20, 1);
  expect([loads.relative[1], loads.relative[20], loads.open(1), loads.open(99)]).toEqual([4, 2, 8, 0]);
  expect(loads.mean).toBe((16 + 2) / 5);
});

test('the mean is the mean, whatever happens', () => {
  const step = fc.oneof(fc.record({ place: fc.nat(1), items: fc.integer({ min: 1, max: 50 }) }), fc.record({ passMs: fc.nat(2000) }));
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const loads = new ReadLoads();
    loads.use(members);
    let now = 0;
    for (const one of steps) {
      if ('passMs' in one) loads.decay((now += one.passMs));
      else {
        loads.begin(one.place, one.items);
        if (one.items % 2 === 0) loads.end(one.place, one.items);
      }
      const total = (loads.relative[0] as number) + 2 * (loads.relative[1] as number);
      expect(loads.mean).toBeCloseTo(total / 3, 6);
      expect(loads.relative[0]).toBeGreaterThanOrEqual(loads.open(0) - 1e-9);
    }
  }));
});
