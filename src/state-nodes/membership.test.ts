import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MembershipDetector, membershipChanges, type MemberCondition, type MembershipOptions } from './membership.ts';

const interval = 250;

/** A detector that hears these members, every interval up to and including `until`. */
function hearing(ids: readonly string[], until: number, options: MembershipOptions = {}): MembershipDetector {
  const detector = new MembershipDetector(options);
  hear(detector, ids, 0, until);
  return detector;
}

function hear(detector: MembershipDetector, ids: readonly string[], from: number, until: number, life = '1'): void {
  for (let at = from; at <= until; at += interval) for (const id of ids) detector.heard(id, life, at);
}

function conditions(detector: MembershipDetector, at: number): Record<string, MemberCondition> {
  return Object.fromEntries(detector.states(at).map(({ id, condition }) => [id, condition]));
}

describe('silence', () => {
  test('is suspected after two intervals, death after four', () => {
    const detector = hearing(['a', 'b'], 1000);
    const seen: [number, MemberCondition | undefined][] = [];
    for (let at = 1000; at <= 2250; at += 10) {
      if (at % interval === 0) detector.heard('a', '1', at);
      const condition = conditions(detector, at)['b'];
      if (condition !== seen.at(-1)?.[1]) seen.push([at, condition]);
      expect(conditions(detector, at)['a']).toBe('up');
    }
    expect(seen).toEqual([[1000, 'up'], [1500, 'suspected'], [2000, 'dead']]);
  });

  test('is explained', () => {
    const detector = hearing(['a', 'b'], 1000);
    hear(detector, ['a'], 1250, 1250);
    detector.missed('b', 'connect ECONNREFUSED 127.0.0.1:7001', 1300);
    hear(detector, ['a'], 1500, 1750);
    detector.missed('b', 'no answer within 500 ms', 1900);
    hear(detector, ['a'], 2000, 2000);
    expect(detector.states(2000)[1]).toEqual({ id: 'b', life: '1', condition: 'dead', reason: 'silent for 1000 ms, 2 heartbeats failed: no answer within 500 ms' });
    hear(detector, ['a', 'b'], 2250, 2250);
    expect(detector.states(2250)[1]).toMatchObject({ condition: 'up', reason: 'heard' });
  });

  test('of a member that was never heard counts from when it was added', () => {
    const detector = hearing(['a'], 1000);
    detector.add('b', 1000);
    detector.add('a', 1000);
    expect(detector.states(1100)).toMatchObject([{ id: 'a', condition: 'up' }, { id: 'b', life: undefined, condition: 'suspected', reason: 'never heard for 100 ms' }]);
    hear(detector, ['a'], 1250, 2000);
    expect(conditions(detector, 2000)).toEqual({ a: 'up', b: 'dead' });
    detector.remove('b');
    expect(conditions(detector, 2000)).toEqual({ a: 'up' });
  });
});

describe('a life', () => {
  test('is over at once when another one is heard', () => {
    const detector = hearing(['a', 'b'], 1000);
    expect(detector.stateOf('b', '1', 1000)).toMatchObject({ condition: 'up' });
    detector.heard('b', '2', 1010);
    expect(detector.stateOf('b', '1', 1010)).toEqual({ id: 'b', life: '1', condition: 'dead', reason: 'lost what it held: it came back as b@2' });
    expect(detector.stateOf('b', '2', 1010)).toMatchObject({ condition: 'up' });
    expect(conditions(detector, 1010)).toEqual({ a: 'up', b: 'up' });
    expect(detector.stateOf('b', undefined, 1010)).toMatchObject({ life: '2', condition: 'up' });
    expect(detector.stateOf('c', '1', 1010)).toMatchObject({ condition: 'dead', reason: 'not a member' });
  });

  test('that nobody has heard yet is thought of as the member is', () => {
    const detector = hearing(['a'], 1000);
    detector.add('b', 1000);
    expect(detector.stateOf('b', '7', 1000)).toMatchObject({ life: '7', condition: 'suspected' });
  });

  test('gives a change for the old one and for the new one', () => {
    const detector = hearing(['a', 'b'], 1000);
    const before = detector.states(1000);
    detector.heard('b', '2', 1010);
    expect(membershipChanges(before, detector.states(1010))).toMatchObject([
      { id: 'b', life: '1', from: 'up', condition: 'dead' }, { id: 'b', life: '2', from: undefined, condition: 'up' },
    ]);
    expect(membershipChanges(before, before)).toEqual([]);
    expect(membershipChanges([], before)).toMatchObject([{ id: 'a', from: undefined, condition: 'up' }, { id: 'b', from: undefined, condition: 'up' }]);
  });

  test('that was dead already is not buried twice', () => {
    const detector = hearing(['a', 'b'], 1000);
    hear(detector, ['a'], 1250, 2000);
    const before = detector.states(2000);
    detector.heard('b', '2', 2010);
    expect(membershipChanges(before, detector.states(2010))).toMatchObject([{ id: 'b', life: '2', from: undefined, condition: 'up' }]);
  });
});

describe('the observer', () => {
  test('suspects itself when it hears nobody, and gives everyone time when it hears again', () => {
    const detector = hearing(['a', 'b', 'c'], 1000);
    expect(conditions(detector, 9000)).toEqual({ a: 'suspected', b: 'suspected', c: 'suspected' });
    expect(detector.states(9000)[0]?.reason).toMatch(/silent for 8000 ms; so are most others, which may be this observer's own fault/);
    detector.heard('a', '1', 9010);
    expect(conditions(detector, 9010)).toEqual({ a: 'up', b: 'suspected', c: 'suspected' });
    hear(detector, ['a', 'b'], 9250, 10_000);
    expect(conditions(detector, 10_000)).toEqual({ a: 'up', b: 'up', c: 'suspected' });
    hear(detector, ['a', 'b'], 10_010, 10_010);
    expect(conditions(detector, 10_010)).toEqual({ a: 'up', b: 'up', c: 'dead' });
  });

  test('has doubted itself even if nobody looked meanwhile', () => {
    const detector = hearing(['a', 'b', 'c'], 1000);
    detector.heard('a', '1', 9010);
    expect(conditions(detector, 9010)).toEqual({ a: 'up', b: 'suspected', c: 'suspected' });
  });

  test('goes by a majority, or by itself alone, when told so', () => {
    for (const [trustAbove, condition] of [[0.5, 'suspected'], [0, 'dead'], [null, 'dead']] as const) {
      const detector = hearing(['a', 'b', 'c', 'd'], 1000, { trustAbove });
      hear(detector, ['a', 'b'], 1250, 5000);
      expect(conditions(detector, 5000)).toEqual({ a: 'up', b: 'up', c: condition, d: condition });
    }
    expect(conditions(hearing(['a'], 1000, { trustAbove: null }), 2000)).toEqual({ a: 'dead' });
  });

  test('keeps to what it declared before it doubted itself', () => {
    const detector = hearing(['a', 'b'], 1000);
    hear(detector, ['a'], 1250, 2000);
    expect(conditions(detector, 2000)['b']).toBe('dead');
    expect(conditions(detector, 8000)).toEqual({ a: 'suspected', b: 'dead' });
  });

  test('that slept takes nobody for dead who had no chance to be heard', () => {
    const detector = hearing(['a', 'b'], 1000);
    detector.paused(5000);
    detector.heard('a', '1', 5001);
    expect(conditions(detector, 5001)).toEqual({ a: 'up', b: 'suspected' });
    hear(detector, ['a'], 5250, 6250);
    expect(conditions(detector, 6250)).toEqual({ a: 'up', b: 'dead' });
  });

  test('whose clock is set back or forward goes on', () => {
    const detector = hearing(['a', 'b'], 100_000);
    hear(detector, ['a'], 50_000, 51_000); // set back by 50 s: b has been silent since
    expect(conditions(detector, 51_000)).toEqual({ a: 'up', b: 'dead' });
    hear(detector, ['a', 'b'], 51_250, 51_500);
    expect(conditions(detector, 900_000)).toEqual({ a: 'suspected', b: 'suspected' });
  });
});

describe('a member that comes and goes', () => {
  /** Back each time after it was dead. */
  function flap(detector: MembershipDetector, at: number): number {
    hear(detector, ['a'], at, at + 1000);
    expect(conditions(detector, at + 1000)['b']).toBe('dead');
    detector.heard('b', '1', at + 1000);
    return at + 1000;
  }

  test('must be heard for longer before it is up, each time twice as long', () => {
    const detector = hearing(['a', 'b'], 0);
    let at = flap(detector, flap(detector, 0));
    expect(conditions(detector, at)['b']).toBe('up');
    for (const neededMs of [1000, 2000, 4000]) {
      at = flap(detector, at);
      expect(detector.states(at)[1]).toMatchObject({ condition: 'suspected', reason: expect.stringMatching(new RegExp(`^came back \\d times within 60000 ms: heard for 0 of ${neededMs} ms$`)) as string });
      hear(detector, ['a', 'b'], at, at + neededMs - interval);
      expect(conditions(detector, at + neededMs - interval)['b']).toBe('suspected');
      hear(detector, ['a', 'b'], at + neededMs, at + neededMs);
      expect(conditions(detector, at + neededMs)['b']).toBe('up');
      at += neededMs;
    }
  });

  test('begins again when it is silent in between, and is forgiven after the window', () => {
    const detector = hearing(['a', 'b'], 0);
    let at = flap(detector, flap(detector, flap(detector, 0)));
    hear(detector, ['a', 'b'], at, at + 750);
    hear(detector, ['a'], at + 1000, at + 1250);
    at += 1500;
    hear(detector, ['a', 'b'], at, at + 750);
    expect(conditions(detector, at + 750)['b']).toBe('suspected');
    hear(detector, ['a', 'b'], at + 1000, at + 1000);
    expect(conditions(detector, at + 1000)['b']).toBe('up');
    hear(detector, ['a', 'b'], at + 1250, at + 62_000);
    expect(conditions(detector, flap(detector, at + 62_000))['b']).toBe('up');
  });

  test('counts lives too', () => {
    const detector = hearing(['a', 'b'], 0);
    for (const life of ['2', '3']) detector.heard('b', life, 10);
    expect(conditions(detector, 10)['b']).toBe('up');
    detector.heard('b', '4', 20);
    expect(conditions(detector, 20)['b']).toBe('suspected');
  });
});

describe('laws', () => {
  const rank: Record<MemberCondition, number> = { up: 0, suspected: 1, dead: 2 };
  const ids = ['a', 'b', 'c', 'd'];
  /** For each interval: who is heard, how late within it, and in which life. */
  const schedule = fc.array(fc.array(fc.record({ isHeard: fc.boolean(), lateMs: fc.integer({ min: 0, max: interval - 1 }), life: fc.constantFrom('1', '1', '1', '2') }), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 60 });
  const settings = fc.record({ trustAbove: fc.constantFrom(0, 0.5, null), flaps: fc.integer({ min: 1, max: 4 }), flapWindowMs: fc.constantFrom(1500, 5000, 60_000), deadAfter: fc.integer({ min: 3, max: 6 }) });

  test('never dead while it was heard within the interval; never better without being heard', () => {
    fc.assert(fc.property(schedule, settings, (intervals, options) => {
      const detector = new MembershipDetector(options);
      const lastHeard = new Map<string, number>();
      const before = new Map<string, MemberCondition>();
      const wrong: unknown[] = [];
      intervals.forEach((beats, index) => {
        const events = beats.map((beat, member) => ({ ...beat, id: ids[member] as string, at: index * interval + beat.lateMs })).filter(({ isHeard }) => isHeard).sort((a, b) => a.at - b.at);
        for (const { id, life, at } of [...events, { id: '', life: '', at: (index + 1) * interval }]) {
          if (id !== '') {
            detector.heard(id, life, at);
            lastHeard.set(id, at);
            before.delete(id);
          }
          for (const state of detector.states(at)) {
            const isHeard = at - (lastHeard.get(state.id) ?? -Infinity) <= interval;
            if ((isHeard && state.condition === 'dead') || rank[state.condition] < rank[before.get(state.id) ?? 'up']) wrong.push({ at, before: before.get(state.id), ...state });
            before.set(state.id, state.condition);
          }
        }
      });
      expect(wrong).toEqual([]);
    }), { numRuns: 300 });
  });

  test('dead once it was silent for deadAfter intervals, whatever was before, while another is heard', () => {
    fc.assert(fc.property(schedule, settings, fc.integer({ min: 0, max: 1000 }), (intervals, options, laterMs) => {
      const detector = new MembershipDetector({ ...options, trustAbove: 0 });
      intervals.forEach((beats, index) => {
        const events = beats.map((beat, member) => ({ ...beat, id: ids[member] as string, at: index * interval + beat.lateMs })).filter(({ isHeard }) => isHeard).sort((a, b) => a.at - b.at);
        for (const { id, life, at } of events) detector.heard(id, life, at);
      });
      const silentFrom = intervals.length * interval;
      hear(detector, ['a', 'b'], silentFrom, silentFrom);
      const deadAt = silentFrom + options.deadAfter * interval;
      hear(detector, ['a'], silentFrom, deadAt);
      expect(conditions(detector, deadAt + laterMs)['b']).toBe('dead');
    }), { numRuns: 300 });
  });
});
