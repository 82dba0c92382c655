import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RouterTiming } from './router-timing.ts';
import { HedgeBudget, SlowReads, type WatchedRead } from './slow-reads.ts';

/** A clock that moves when it is told to, and how many timers it has set and not yet run or cancelled. */
class TestClock implements RouterTiming {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  get armed(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves to a time; timers run when it is theirs. */
  moveTo(time: number): void {
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = time;
  }
}

function watched(dueAt: number, onDue: (now: number) => number = () => Infinity): WatchedRead {
  return { watchedAt: -1, dueAt, onDue };
}

test('looks at a read when it is due, again when it says so, and never after it was removed', () => {
  const clock = new TestClock();
  const slow = new SlowReads(clock);
  const seen: number[] = [];
  const read = watched(10, (now) => seen.push(now) === 1 ? 25 : now + 5);
  slow.add(read, 0);
  clock.moveTo(9);
  expect(seen).toEqual([]);
  clock.moveTo(29);
  expect(seen).toEqual([10, 25]);
  slow.remove(read);
  slow.remove(read); // a second time changes nothing
  clock.moveTo(100);
  expect(seen).toEqual([10, 25]);
});

test('has one timer for all reads, and none once it is closed', () => {
  const clock = new TestClock();
  const slow = new SlowReads(clock);
  for (const dueAt of [50, 20, 70, 10, 10]) slow.add(watched(dueAt), 0);
  expect(clock.armed).toBe(1);
  clock.moveTo(30);
  expect(clock.armed).toBe(1);
  slow.close();
  expect(clock.armed).toBe(0);
});

test('a read that ends because another is looked at is not looked at, and one that begins then has its own time', () => {
  const clock = new TestClock();
  const slow = new SlowReads(clock);
  const seen: string[] = [];
  const second = watched(10, () => {
    seen.push('second');
    return Infinity;
  });
  const third = watched(15, (now) => {
    seen.push(`third at ${now}`);
    return Infinity;
  });
  slow.add(watched(10, (now) => {
    seen.push('first');
    slow.remove(second);
    slow.add(third, now);
    return Infinity;
  }), 0);
  slow.add(second, 0);
  clock.moveTo(20);
  expect(seen).toEqual(['first', 'third at 15']);
});

test('whatever is added and removed, each read is looked at once it is due and not before', () => {
  const steps = fc.array(fc.record({ wait: fc.nat(20), delay: fc.nat(40), removeAfter: fc.option(fc.nat(60), { nil: undefined }) }), { maxLength: 40 });
  fc.assert(fc.property(steps, (all) => {
    const clock = new TestClock();
    const slow = new SlowReads(clock);
    const lookedAt = new Map<number, number>();
    const removals: { readonly at: number; readonly read: WatchedRead }[] = [];
    const expected = new Map<number, number>();
    const pass = (time: number): void => {
      for (const { at, read } of removals.filter((removal) => removal.at <= time && removal.at > clock.now()).sort((a, b) => a.at - b.at)) {
        clock.moveTo(at);
        slow.remove(read);
      }
      clock.moveTo(time);
    };
    for (const [index, { wait, delay, removeAfter }] of all.entries()) {
      pass(clock.now() + wait);
      const dueAt = clock.now() + delay + 1;
      const read = watched(dueAt, (now) => {
        lookedAt.set(index, now);
        return Infinity;
      });
      if (removeAfter !== undefined) removals.push({ at: clock.now() + removeAfter + 1, read });
      if (removeAfter === undefined || removeAfter >= delay) expected.set(index, dueAt);
      slow.add(read, clock.now());
    }
    pass(clock.now() + 200);
    expect(lookedAt).toEqual(expected);
  }));
});

test('extra reads are a share of the others, and no more than were saved up', () => {
  const budget = new HedgeBudget(0.05);
  const taken = (): number => {
    let count = 0;
    while (budget.take()) count += 1;
    return count;
  };
  expect(taken()).toBe(10); // what it starts with
  for (let read = 0; read < 19; read++) budget.earn();
  expect(taken()).toBe(0);
  for (let read = 0; read < 2; read++) budget.earn();
  expect(taken()).toBe(1);
  for (let read = 0; read < 10_000; read++) budget.earn();
  expect(taken()).toBe(10);
  expect(new HedgeBudget(0).take()).toBe(false);
});
