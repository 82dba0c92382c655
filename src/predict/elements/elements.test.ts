import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32, type Prng } from '../../lib/prng.ts';
import { lstmKernel } from '../lstm/wasm-kernel.ts';
import { AccessTable, featureCount } from './access-table.ts';
import { CoAccessModel } from './co-access.ts';
import { ElementHistory, rowsOf } from './element-history.ts';
import { ElementModel } from './element-model.ts';
import { ElementRegistry } from './element-registry.ts';
import { GroupTable } from './group-table.ts';
import { HitTable } from './hit-table.ts';
import { keyGroup } from './key-group.ts';
import { KeyTable } from './key-table.ts';
import { LogisticModel, sigmoid } from './logistic.ts';
import { scoreProbabilities } from './probability-score.ts';

const seed = '00000001000000020000000300000004';

describe('names as numbers', () => {
  test('are a Map, also after names were given to others', () => {
    const name = fc.integer({ min: 0, max: 400 }).map((number) => `k${number}`);
    fc.assert(fc.property(fc.array(fc.tuple(name, fc.boolean()), { maxLength: 600 }), (steps) => {
      const table = new KeyTable();
      const model = new Map<string, number>();
      for (const [key, isRename] of steps) {
        const [victim] = model.keys();
        if (isRename && victim !== undefined && !model.has(key)) {
          const number = model.get(victim) as number;
          table.rename(number, key);
          model.delete(victim);
          model.set(key, number);
        } else {
          if (!model.has(key)) model.set(key, table.size);
          expect(table.number(key)).toBe(model.get(key));
        }
      }
      for (let number = 0; number <= 400; number++) expect(table.find(`k${number}`)).toBe(model.get(`k${number}`));
      for (const [key, number] of model) expect(table.name(number)).toBe(key);
    }), { numRuns: 100 });
  });

  test('grow', () => {
    const table = new KeyTable();
    for (let i = 0; i < 20_000; i++) expect(table.number(`redis:0/cart:${i}`)).toBe(i);
    for (let i = 0; i < 20_000; i++) expect(table.find(`redis:0/cart:${i}`)).toBe(i);
  });
});

describe('what is remembered of accesses', () => {
  test('is what the plain formulas say', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 }), (tenths) => {
      const times = [...tenths].sort((a, b) => a - b).map((tenth) => tenth / 10);
      const table = new AccessTable();
      for (const time of times) table.add(3, time);
      const now = Math.floor(times.at(-1) as number) + 5;
      const weighted = (halfLife: number): number => times.reduce((sum, time) => sum + 2 ** (-(now - 1 - Math.floor(time)) / halfLife), 0) * (1 - 2 ** (-1 / halfLife));
      expect(table.rate(3, now)).toBeCloseTo(0.5 * (weighted(4) + weighted(16)), 3);
      expect(table.latestRate(3, now)).toBeCloseTo(weighted(1), 3);
      expect(table.rateAhead(3, now, 1)).toBeCloseTo(table.rate(3, now), 6);
      expect(table.rateAhead(3, now, 32)).toBeCloseTo(0.5 * (weighted(16) + weighted(64)), 3);
      expect(table.rateAhead(3, now, 1000)).toBeCloseTo(times.length / (now - Math.floor(times[0] as number)), 3);
      const features = new Float32Array(featureCount);
      table.features(3, now, features, 0);
      const first = Math.floor(times[0] as number);
      expect(features[0]).toBeCloseTo(Math.log(now - (times.at(-1) as number) + 0.01), 2);
      expect(features[3]).toBeCloseTo(Math.log(times.length / (now - first) + 1e-4), 3);
      expect(features[8]).toBeCloseTo(new Set(times.map(Math.floor)).size / (now - first), 4);
      expect([...features].every(Number.isFinite)).toBe(true);
      expect([table.total(3), table.has(2), table.has(4), table.isAccessedSince(3, Math.floor(times.at(-1) as number))]).toEqual([times.length, false, false, true]);
    }));
  });

  test('says when an access is the first of its window, and forgets', () => {
    const table = new AccessTable();
    expect([table.add(0, 0.1), table.add(0, 0.9), table.add(0, 1), table.add(0, 5.5)]).toEqual([0, -1, 2, 3]);
    table.forget(0);
    expect([table.has(0), table.add(0, 6)]).toEqual([false, 0]);
  });
});

describe('probabilities', () => {
  /** Rows whose hits follow a known model of two features. */
  function rows(count: number, prng: Prng): { features: Float32Array; hits: Uint8Array; weights: Float32Array; count: number; truth: Float32Array } {
    const [features, hits, truth] = [new Float32Array(count * 2), new Uint8Array(count), new Float32Array(count)];
    for (let row = 0; row < count; row++) {
      features[row * 2] = prng.next() * 4 - 2;
      features[row * 2 + 1] = prng.next() * 4 - 2;
      truth[row] = sigmoid(1.2 * (features[row * 2] as number) - 0.7 * (features[row * 2 + 1] as number) - 1);
      hits[row] = prng.next() < (truth[row] as number) ? 1 : 0;
    }
    return { features, hits, weights: new Float32Array(count).fill(1), count, truth };
  }

  test('of a logistic model are those its cases were drawn from', () => {
    const learnt = rows(20_000, sfc32(seed));
    const model = LogisticModel.fit(learnt, 2) as LogisticModel;
    const fresh = rows(2000, sfc32(seed.replace('4', '9')));
    let error = 0;
    for (let row = 0; row < fresh.count; row++) error += Math.abs(sigmoid(model.logit(fresh.features, row * 2)) - (fresh.truth[row] as number)) / fresh.count;
    expect(error).toBeLessThan(0.02);
    expect(scoreProbabilities(fresh.truth, fresh).ece).toBeLessThan(0.03);
  });

  test('weights stand for cases: a model of thinned misses is that of all', () => {
    const all = rows(40_000, sfc32(seed));
    const kept = Array.from({ length: all.count }, (_, row) => row).filter((row) => all.hits[row] === 1 || row % 4 === 0);
    const thinned = {
      features: Float32Array.from(kept.flatMap((row) => [all.features[row * 2] as number, all.features[row * 2 + 1] as number])), hits: Uint8Array.from(kept, (row) => all.hits[row] as number),
      weights: Float32Array.from(kept, (row) => (all.hits[row] === 1 ? 1 : 4)), count: kept.length,
    };
    const [a, b] = [LogisticModel.fit(all, 2), LogisticModel.fit(thinned, 2)] as [LogisticModel, LogisticModel];
    for (const point of [[0, 0], [1, -1], [-2, 1]]) expect(Math.abs(a.logit(Float32Array.from(point), 0) - b.logit(Float32Array.from(point), 0))).toBeLessThan(0.12);
  });

  test('there is no model of too few cases, or of one kind of them', () => {
    const few = rows(40, sfc32(seed));
    expect(LogisticModel.fit(few, 2)).toBeUndefined();
    expect(LogisticModel.fit({ ...rows(500, sfc32(seed)), hits: new Uint8Array(500) }, 2)).toBeUndefined();
  });

  test('of the table are between 0 and 1, and the base rate where nothing is known', () => {
    const table = HitTable.fit({ features: Float32Array.of(0, 0, 0, 0), hits: Uint8Array.of(1, 0), weights: Float32Array.of(1, 1), count: 2 }, 2);
    expect(table.probability(0, 0)).toBeCloseTo(0.5, 5);
    expect(table.probability(5, -9)).toBeCloseTo(table.baseRate, 5);
  });

  test('are scored: perfect, ignorant and overconfident ones', () => {
    const cases = { hits: Uint8Array.of(1, 0, 0, 0), weights: Float32Array.of(1, 1, 1, 1), count: 4 };
    expect(scoreProbabilities([1, 0, 0, 0], cases)).toMatchObject({ brierSkill: expect.closeTo(1, 4) as number, ece: expect.closeTo(0, 5) as number, baseRate: 0.25 });
    expect(scoreProbabilities([0.25, 0.25, 0.25, 0.25], cases)).toMatchObject({ brierSkill: expect.closeTo(0, 6) as number, ece: expect.closeTo(0, 5) as number });
    expect(scoreProbabilities([1, 1, 1, 1], cases).brierSkill).toBeLessThan(-2);
  });
});

/** Elements that are accessed in bursts, the low numbers often. */
function* bursts(windows: number, elements: number, prng: Prng): Generator<readonly [window: number, time: number, number: number]> {
  const until = new Int32Array(elements);
  for (let window = 0; window < windows; window++) {
    const touched: number[] = [];
    for (let element = 0; element < elements; element++) {
      if (window >= (until[element] as number) && prng.next() < 0.1 / (1 + element / 20)) until[element] = window + 1 + Math.floor(prng.next() * 6);
      if (window < (until[element] as number)) for (let i = 0; i < 3; i++) touched.push(element);
    }
    touched.sort(() => prng.next() - 0.5);
    for (const [index, element] of touched.entries()) yield [window, window + index / touched.length, element];
  }
}

function historyOf(windows: number, elements: number): ElementHistory {
  const history = new ElementHistory(sfc32(seed));
  let open = 0;
  for (const [window, time, number] of bursts(windows, elements, sfc32(seed))) {
    for (; open < window; open++) history.close(open);
    history.add(number, time);
  }
  for (; open < windows; open++) history.close(open);
  return history;
}

describe('a history', () => {
  test('labels what it sampled with what happened', () => {
    const history = historyOf(40, 200);
    const happened = new Set([...bursts(40, 200, sfc32(seed))].map(([window, , number]) => `${window} ${number}`));
    for (const horizon of [1, 6]) {
      const snapshots = history.labelled(horizon);
      expect(snapshots.length).toBeGreaterThanOrEqual(10);
      for (const { window, numbers, labels } of snapshots) {
        numbers.forEach((number, row) => expect(labels.get(horizon)?.[row]).toBe(happened.has(`${window + horizon - 1} ${number}`) ? 1 : 0));
      }
    }
    expect(history.logs.at(-1)?.counts.every((count) => count === 3)).toBe(true);
    expect(rowsOf(history.labelled(1), 1).count).toBe(history.labelled(1).reduce((sum, one) => sum + one.numbers.length, 0));
  });
});

describe('P(access)', () => {
  test.each([['with the LSTM', lstmKernel], ['without', undefined]] as const)('is better than the base rate, and about right, %s', (_name, kernel) => {
    const history = historyOf(60, 1500);
    const model = ElementModel.fit(history, { prng: sfc32(seed), ...kernel && { kernel } });
    const numbers = Int32Array.from({ length: history.table.size }, (_, number) => number).filter((number) => history.table.has(number));
    const next = new Set([...bursts(61, 1500, sfc32(seed))].filter(([window]) => window === 60).map(([, , number]) => number));
    const rows = { hits: Uint8Array.from(numbers, (number) => (next.has(number) ? 1 : 0)), weights: new Float32Array(numbers.length).fill(1), count: numbers.length };
    const curves = model.curves(numbers, 60);
    const score = scoreProbabilities(Float32Array.from(numbers, (_number, row) => curves.at(row, 1)), rows);
    expect(score.brierSkill).toBeGreaterThan(0.35);
    expect(score.ece).toBeLessThan(0.06);
    // further ahead less is known
    const spread = (horizon: number): number => numbers.reduce((sum, _number, row) => sum + Math.abs(curves.at(row, horizon) - score.baseRate), 0);
    expect(spread(24)).toBeLessThan(spread(1));
    expect(model.models.map(({ horizon }) => horizon)).toEqual([1, 6, 24]);
  });

  test('of what never repeats is the base rate', () => {
    const history = new ElementHistory(sfc32(seed));
    let number = 0;
    for (let window = 0; window < 40; window++) {
      for (let i = 0; i < 50; i++) history.add(number++, window + i / 50);
      history.close(window);
    }
    const model = ElementModel.fit(history, { prng: sfc32(seed) });
    expect(new Set(model.models.map(({ method }) => method))).toEqual(new Set(['base rate']));
    const curves = model.curves(Int32Array.of(0, 1999), 40);
    expect(curves.at(0, 1)).toBe(curves.at(1, 1));
    expect(curves.at(0, 1)).toBeLessThan(0.001);
  });

  test('bears a silence of any length in bounded memory', () => {
    const history = new ElementHistory(sfc32(seed));
    history.add(0, 0.5);
    for (let window = 0; window < 50_000; window++) history.close(window);
    expect(history.labelled(1).length).toBeLessThanOrEqual(1000);
    expect(history.labelled(24).at(-1)?.window).toBe(49_976);
    expect(ElementModel.fit(history, { prng: sfc32(seed) }).curves(Int32Array.of(0), 50_000).at(0, 1)).toBeLessThan(0.01);
  });

  test('tells elements apart where each window sees but one or two accesses', () => {
    const history = new ElementHistory(sfc32(seed));
    const prng = sfc32(seed);
    for (let window = 0; window < 400; window++) {
      if (prng.next() < 0.5) history.add(0, window + 0.2);
      if (prng.next() < 0.5) history.add(1 + Math.floor(prng.next() * 200), window + 0.7);
      history.close(window);
    }
    const curves = ElementModel.fit(history, { prng: sfc32(seed) }).curves(Int32Array.of(0, 1, 2), 400);
    for (const horizon of [1, 6, 24]) {
      expect(curves.at(0, horizon)).toBeGreaterThan(0.25);
      expect(curves.at(0, horizon)).toBeLessThan(0.75);
      expect(curves.at(1, horizon)).toBeLessThan(0.1);
    }
  });

  test('of nothing, or nearly so, follows the rates', () => {
    const history = new ElementHistory(sfc32(seed));
    history.add(0, 0.5);
    history.close(0);
    const curves = ElementModel.fit(history, { prng: sfc32(seed) }).curves(Int32Array.of(0), 1);
    expect(curves.at(0, 1)).toBeGreaterThan(0);
    expect(curves.at(0, 30)).toBeLessThan(1);
  });
});

describe('the registry of elements', () => {
  test('follows the frequent ones when there is no room for all, and knows the size of the rest', () => {
    const totals = new Map<number, number>();
    const registry = new ElementRegistry({ most: 200, prng: sfc32(seed), total: (number) => totals.get(number) ?? 0, onReplaced: (number) => totals.set(number, 0) });
    const prng = sfc32(seed);
    for (let i = 0; i < 200_000; i++) {
      const number = registry.access(`k${Math.floor(20_000 * prng.next() ** 6)}`);
      if (number !== undefined) totals.set(number, (totals.get(number) ?? 0) + 1);
    }
    expect(registry.size).toBe(200);
    const missed = Array.from({ length: 50 }, (_, rank) => `k${rank}`).filter((name) => registry.find(name) === undefined);
    expect(missed).toEqual([]);
    expect(Math.abs((registry.tail?.elements ?? 0) - 19_000) / 19_000).toBeLessThan(0.1);
  });
});

describe('groups', () => {
  test('are named by the shapes of keys', () => {
    expect(['redis:0/cart:7:items', 'redis:0/session:3f9a1c2b7e5d4a6f8b9c', 'redis:0/user_42', 'http:catalogue/GET /product/7', 'redis:0/stats:added'].map(keyGroup))
      .toEqual(['redis:0/cart:*:items', 'redis:0/session:*', 'redis:0/user_*', 'http:catalogue/GET /product/*', 'redis:0/stats:added']);
  });

  test('know the routes that reach them and how many of their elements are new, recent windows counting more', () => {
    const groups = new GroupTable();
    for (let element = 0; element < 10; element++) groups.access(element, `redis:0/cart:${element}`, { route: 'POST /carts', isNew: true, window: 0 });
    for (let i = 0; i < 10; i++) groups.access(0, 'redis:0/cart:0', { route: 'GET /carts/:id', isNew: false, window: 16 });
    expect(groups.shares('redis:0/cart:*')).toEqual({ routes: [{ route: 'GET /carts/:id', share: expect.closeTo(2 / 3, 5) as number }, { route: 'POST /carts', share: expect.closeTo(1 / 3, 5) as number }], unseen: expect.closeTo(1 / 3, 5) as number });
    expect(groups.names(16)).toEqual(['redis:0/cart:*']);
  });
});

describe('co-access', () => {
  /** Requests that touch one of fifty families of six elements, in the same order. */
  function train(model: CoAccessModel, requests: number): void {
    const prng = sfc32(seed);
    for (let i = 0; i < requests; i++) {
      const family = Math.floor(50 * prng.next() ** 2);
      const trail: number[] = [];
      for (let member = 0; member < 6; member++) {
        model.observe(trail, family * 6 + member);
        trail.push(family * 6 + member);
      }
    }
  }

  test('foresees the rest of a family from its first member', () => {
    const model = new CoAccessModel();
    train(model, 5000);
    expect(model.predict({ trail: [42 * 6], count: 5 }).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5].map((member) => 42 * 6 + member));
    expect(model.predict({ trail: [42 * 6, 42 * 6 + 1], count: 1 })).toEqual([42 * 6 + 2]);
    expect(model.neighbours(42 * 6, 2).map(({ number }) => Math.floor(number / 6))).toEqual([42, 42]);
  });

  test('knows the popular ones where there is no trail, and nothing of what it never saw', () => {
    const model = new CoAccessModel();
    expect(model.predict({ trail: [], count: 3 })).toEqual([]);
    train(model, 2000);
    expect(model.predict({ trail: [9999], count: 3 }).every((number) => number < 60)).toBe(true);
    expect(model.neighbours(9999, 3)).toEqual([]);
  });

  test('stays bounded: an element keeps its most frequent partners', () => {
    const model = new CoAccessModel();
    const prng = sfc32(seed);
    for (let i = 0; i < 20_000; i++) model.observe([0], i % 3 === 0 ? 1 + (i % 5) : 10 + Math.floor(prng.next() * 5000));
    expect(new Set(model.neighbours(0, 5).map(({ number }) => number))).toEqual(new Set([1, 2, 3, 4, 5]));
  });
});
