import { describe, expect, test } from 'vitest';
import { sfc32 } from '../lib/prng.ts';
import { HeatTracker } from './heat-tracker.ts';

const prng = sfc32('00000001000000020000000300000011');

/** Accesses to a hundred thousand cold elements, and to the given ones with their shares. */
function feed(tracker: HeatTracker, accesses: number, shares: Readonly<Record<number, number>> = {}): number {
  for (let access = 0; access < accesses; access++) {
    let rest = prng.next();
    const hot = Object.entries(shares).find(([, share]) => (rest -= share) < 0)?.[0];
    tracker.record(hot === undefined ? 1000 + Math.floor(prng.next() * 100_000) : Number(hot));
    if (tracker.isSurging) return access + 1;
  }
  return accesses;
}

describe('what is observed', () => {
  test('is the share of the accesses, from the first interval on', () => {
    const tracker = new HeatTracker();
    feed(tracker, 5000, { 7: 0.01 });
    expect(tracker.observe().get(7)).toBeCloseTo(0.01, 2);
  });

  test('a rise counts at once, a fall by and by', () => {
    const tracker = new HeatTracker();
    for (let interval = 0; interval < 10; interval++) {
      feed(tracker, 5000, { 7: 0.015 });
      tracker.observe();
    }
    for (let access = 0; access < 5000; access++) tracker.record(access % 10 === 0 ? 7 : 1000 + access);
    const risen = tracker.observe().get(7) ?? 0;
    expect(risen).toBeGreaterThan(0.08);
    expect(risen).toBeLessThanOrEqual(0.1);
    for (let access = 0; access < 5000; access++) tracker.record(1000 + access);
    expect(tracker.observe().get(7)).toBeCloseTo(0.8 * risen, 2);
  });

  test('is forgotten when it has been cold for long', () => {
    const tracker = new HeatTracker();
    feed(tracker, 5000, { 7: 0.015 });
    tracker.observe();
    for (let interval = 0; interval < 40; interval++) {
      feed(tracker, 5000);
      tracker.observe();
    }
    expect(tracker.observe().has(7)).toBe(false);
  });

  test('is as much as there are counters for, whatever comes', () => {
    const tracker = new HeatTracker({ counters: 32 });
    for (let access = 0; access < 20_000; access++) tracker.record(access % 200);
    expect(tracker.observe().size).toBeLessThanOrEqual(32);
  });

  test('an interval that saw next to nothing goes on', () => {
    const tracker = new HeatTracker();
    for (let access = 0; access < 100; access++) tracker.record(7);
    expect(tracker.observe().size).toBe(0);
    expect(tracker.accesses).toBe(100);
  });
});

describe('a surge', () => {
  test('of a tenth of the traffic is told within a thousand accesses', () => {
    const tracker = new HeatTracker();
    feed(tracker, 5000);
    tracker.observe();
    expect(feed(tracker, 5000, { 9: 0.1 })).toBeLessThan(1000);
    expect(tracker.isSurging).toBe(true);
    expect(tracker.observe().get(9)).toBeGreaterThan(0.05);
    expect(tracker.isSurging).toBe(false);
  });

  test('is not what was as hot before', () => {
    const tracker = new HeatTracker();
    feed(tracker, 3000, { 9: 0.1 });
    tracker.observe();
    expect(feed(tracker, 5000, { 9: 0.1 })).toBe(5000);
    expect(tracker.isSurging).toBe(false);
  });
});

test('counts of several readers add up', () => {
  const readers = [new HeatTracker(), new HeatTracker()];
  const steward = new HeatTracker();
  for (const reader of readers) {
    for (let access = 0; access < 1000; access++) reader.record(access % 2 === 0 ? 7 : 1000 + access);
    for (const [tag, accesses] of reader.counts()) steward.record(tag, accesses);
  }
  expect(steward.observe().get(7)).toBe(1);
  expect(readers[0]?.counts()).toEqual([[7, 500]]);
});
