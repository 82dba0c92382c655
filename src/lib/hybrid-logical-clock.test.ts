import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HybridLogicalClock } from './hybrid-logical-clock.ts';

test('rises with every tick, after everything it received, whatever the wall clock does', () => {
  const step = fc.oneof(fc.record({ kind: fc.constant('tick' as const) }), fc.record({ kind: fc.constant('clock' as const), ms: fc.integer({ min: -5000, max: 5000 }) }), fc.record({ kind: fc.constant('receive' as const), ahead: fc.integer({ min: -10_000, max: 10_000_000 }) }));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    let wall = Date.UTC(2026, 0, 1);
    const clock = new HybridLogicalClock(() => wall);
    let newest = 0;
    for (const one of steps) {
      if (one.kind === 'clock') wall += one.ms;
      else if (one.kind === 'receive') {
        const time = newest + one.ahead;
        clock.receive(time);
        newest = Math.max(newest, time);
      } else {
        const time = clock.tick();
        expect(time).toBeGreaterThan(newest);
        expect(Number.isSafeInteger(time)).toBe(true);
        newest = time;
      }
    }
  }));
});

test('stays close to the wall clock', () => {
  let wall = Date.UTC(2026, 0, 1);
  const clock = new HybridLogicalClock(() => wall);
  const first = clock.tick();
  wall += 1000;
  expect((clock.tick() - first) / 4096).toBe(1000);
});
