import { describe, expect, test } from 'vitest';
import { sfc32 } from '../lib/prng.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { generateTraffic, type GeneratorOptions } from '../testing/traffic-generator.ts';
import { forecastHeatmap } from './forecast-heatmap.ts';
import { TrafficIntake } from './intake.ts';
import { lstmKernel } from './lstm/wasm-kernel.ts';

const [hourMs, dayMs] = [3_600_000, 86_400_000];
const seed = '00000001000000020000000300000004';
const startMs = Date.UTC(2026, 0, 1); // a Thursday, as weeks are counted

function taken(items: Iterable<TrafficItem>, windowMs: number, mostElements?: number): TrafficIntake {
  const intake = new TrafficIntake({ windowMs, prng: sfc32(seed), ...mostElements !== undefined && { mostElements } });
  for (const item of items) intake.add(item);
  intake.finish();
  return intake;
}

const generated = (given: Partial<GeneratorOptions> = {}): ReturnType<typeof generateTraffic> => generateTraffic({ seed, startMs, durationMs: 8 * dayMs, elements: 300, requestsPerSecond: 0.05, ...given });

function forecast(intake: TrafficIntake, buckets: number, given: { notes?: readonly string[]; mostElements?: number; lstm?: boolean } = {}): Promise<Heatmap> {
  return forecastHeatmap(intake, { buckets, prng: sfc32(seed), ...given.lstm === true && { kernel: lstmKernel, lstmSteps: 100 }, ...given });
}

/** How well probabilities tell the true ones: 1 − squared error ÷ that of their mean. */
function explained(pairs: readonly (readonly [predicted: number, truth: number])[]): number {
  const mean = pairs.reduce((sum, [, truth]) => sum + truth, 0) / pairs.length;
  const [error, spread] = pairs.reduce(([a, b], [predicted, truth]) => [a + (predicted - truth) ** 2, b + (truth - mean) ** 2], [0, 0]);
  return 1 - error / spread;
}

describe('the forecast heatmap of traffic whose truth is known', () => {
  test('tells routes, elements and probabilities about as they are', async () => {
    const traffic = generated();
    const intake = taken(traffic.items(), hourMs);
    const heatmap = await forecast(intake, 12, { lstm: true });
    expect(heatmap).toMatchObject({ kind: 'heatmap', source: 'forecast', buckets: 12, bucketMs: hourMs, startMs: startMs + 8 * dayMs });
    for (const series of heatmap.series ?? []) {
      const route = series.name.slice(series.name.indexOf(' ') + 1);
      const [predicted, truth] = [series.median.reduce((sum, value) => sum + value, 0), traffic.requests(route, heatmap.startMs, heatmap.startMs + 12 * hourMs)];
      expect(predicted / truth, series.name).toBeGreaterThan(0.6);
      expect(predicted / truth, series.name).toBeLessThan(1.6);
    }
    for (const bucket of [0, 5, 11]) {
      const from = heatmap.startMs + bucket * hourMs;
      const pairs = (of: 'pRead' | 'pWrite'): [number, number][] => heatmap.elements.map((element) => {
        const { reads, writes } = traffic.accesses(element.key, from, from + hourMs);
        return [element[of][bucket] as number, 1 - Math.exp(-(of === 'pRead' ? reads : writes))];
      });
      expect(explained(pairs('pRead')), `reads in bucket ${bucket}`).toBeGreaterThan(0.5);
      expect(explained(pairs('pWrite')), `writes in bucket ${bucket}`).toBeGreaterThan(0.4);
    }
    const [hottest] = heatmap.elements;
    expect(['redis:0/home', 'redis:0/stats:added', 'redis:0/cart:48']).toContain(hottest?.key);
    expect(hottest?.why?.routes.length).toBeGreaterThan(0);
    for (const { low, expected, high } of heatmap.elements) {
      expect(expected.every((value, bucket) => (low[bucket] as number) <= value && value <= (high[bucket] as number))).toBe(true);
    }
  }, 120_000);

  test('is the same for the same traffic and seed', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => forecast(taken(generated({ durationMs: 2 * dayMs, elements: 50 }).items(), hourMs / 4), 6, { lstm: true })));
    expect(JSON.stringify(a)).toBe(JSON.stringify(b));
  }, 120_000);

  test('a rise upstream reaches the elements of the service below', async () => {
    // the catalogue's own log ends before the campaign: what it knows of it, it knows from its caller
    const campaign = { route: 'GET /', atMs: startMs + 6 * dayMs, factor: 6 };
    const items = [...generated({ surge: campaign }).items()];
    const cut = items.filter((item) => item.at < campaign.atMs || item.kind === 'metric' || (item.kind === 'request' && item.service === 'web') || (item.kind === 'access' && item.service === 'web'));
    const linked = await forecast(taken(cut, hourMs), 12);
    const unlinked = await forecast(taken(cut.filter((item) => item.kind !== 'call'), hourMs), 12);
    const products = (heatmap: Heatmap): number => heatmap.elements.filter(({ key }) => key.startsWith('redis:0/product:')).reduce((sum, { expected }) => sum + expected.reduce((inner, value) => inner + value, 0), 0);
    expect(linked.graph?.edges).toEqual([{ from: 'web GET /', to: 'catalogue GET /products/:id', callsPerRequest: expect.any(Number) as number }]);
    expect(products(linked)).not.toBeCloseTo(products(unlinked), 0);
    expect(products(linked)).toBeGreaterThan(1.2 * products(unlinked));
  }, 120_000);

  test('says which of its elements will be new ones', async () => {
    const items = [...generated({ durationMs: dayMs }).items()].map((item, index): TrafficItem => (item.kind === 'access' && index % 10 === 0 ? { ...item, key: `redis:0/order:${100_000 + index}` } : item));
    const { unseen } = await forecast(taken(items, hourMs), 2);
    expect(unseen?.find(({ group }) => group === 'redis:0/order:*')?.share).toBe(1);
    expect(unseen?.find(({ group }) => group === 'redis:0/home')?.share).toBeLessThan(0.01);
  });
});

describe('the forecast heatmap', () => {
  const access = (key: string, at: number, access: 'read' | 'write' = 'read'): TrafficItem => ({ kind: 'access', key, access, at, request: null, route: null });

  test('of nothing is empty', async () => {
    expect(await forecast(taken([], hourMs), 3)).toMatchObject({ elements: [], series: [], rest: { elements: 0, expected: [0, 0, 0] } });
  });

  test('of requests alone says that it knows no elements', async () => {
    const heatmap = await forecast(taken([{ kind: 'request', at: 1000, service: '', route: 'GET /', target: '/', actor: null, request: null }], 1000), 2, { notes: ['note'] });
    expect(heatmap.notes?.[0]).toBe('note');
    expect(heatmap.notes?.[1]).toMatch(/^traffic only/);
    expect(heatmap.series?.map(({ name }) => name)).toEqual(['GET /']);
  });

  test('lists as many as asked for, and counts the rest', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => access(`k${i % 30}`, i * 100, i % 3 === 0 ? 'write' : 'read'));
    const whole = await forecast(taken(items, 10_000), 4);
    const cut = await forecast(taken(items, 10_000), 4, { mostElements: 10 });
    expect(cut.elements).toEqual(whole.elements.slice(0, 10));
    expect(cut.rest?.elements).toBe(20);
    const missing = whole.elements.slice(10).reduce((sum, { expected }) => sum + (expected[0] as number), 0);
    expect(cut.rest?.expected[0]).toBeCloseTo(missing, 1);
  });

  test('of more elements than there is room for follows the hot ones, and says so', async () => {
    const prng = sfc32(seed);
    const items = Array.from({ length: 20_000 }, (_, i) => access(`k${Math.floor(2000 * prng.next() ** 4)}`, i * 10));
    const heatmap = await forecast(taken(items, 10_000, 300), 2);
    expect(heatmap.elements[0]?.key).toBe('k0');
    expect(heatmap.notes?.some((note) => /beyond the 300 that are followed/.test(note))).toBe(true);
  });

  test('leaves headroom where the upper end of a resource forecast does', async () => {
    const items = Array.from({ length: 200 }, (_, i): TrafficItem => ({ kind: 'metric', at: i * 1000, member: 'node-1', metric: 'cpu', value: 70 }));
    const { members, series } = await forecast(taken([access('k', 0), ...items, access('k', 199_999)], 1000), 3);
    expect(members).toEqual([{ member: 'node-1', metric: 'cpu', headroom: [expect.closeTo(0.3, 2), expect.closeTo(0.3, 2), expect.closeTo(0.3, 2)] as unknown as number[] }]);
    expect(series?.[0]).toMatchObject({ name: 'node-1 cpu', kind: 'resource' });
  });

  test('bears moments out of order, long silences and a clock that jumps', async () => {
    const times = [5000, 4000, 6000, 100, 1e9, 1e9 + 500, 1e12];
    const intake = taken(times.map((at, index) => access(`k${index % 2}`, at)), 1000);
    expect(intake.counts).toMatchObject({ accesses: 7, late: 1 });
    const heatmap = await forecast(intake, 2);
    expect(heatmap.startMs).toBe(1e12 + 1000);
    expect(heatmap.elements.length).toBe(2);
  });
});
