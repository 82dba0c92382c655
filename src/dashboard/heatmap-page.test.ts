import { describe, expect, it } from 'vitest';
import type { Heatmap, HeatmapElement } from '../model/heatmap.ts';
import { hasBrowser, withPage } from '../testing/browser.ts';
import { heatmapPage } from './heatmap-page.ts';

const buckets = 24;
const hostile = 'redis:0/</script><img src=x onerror=window.broken=1>';
const flat = (value: number): number[] => Array.from({ length: buckets }, () => value);

function element(key: string, expected: readonly number[]): HeatmapElement {
  return { key, expected, low: expected.map(() => 0), high: expected.map((value) => 2 * value), pRead: flat(0.5), pWrite: flat(0.1), why: { routes: [{ route: 'GET /cart/:id', share: 1 }], rate: 3, total: 40, lastAt: 0 } };
}

function heatmap(elements: readonly HeatmapElement[]): Heatmap {
  return {
    kind: 'heatmap', formatVersion: 2, source: 'forecast', startMs: Date.UTC(2026, 0, 1), bucketMs: 3_600_000, buckets, elements, groups: [],
    series: [{ name: 'GET /cart/:id', kind: 'rate', model: 'LSTM', why: 'as usual', scores: [], median: flat(5), low: flat(4), high: flat(6), observed: flat(5) }],
    models: [], notes: ['a note'],
  };
}

describe.skipIf(!hasBrowser)('the heat page in a browser', () => {
  it('draws one spike among 2,000 cold elements, beside what was observed, and finds an element by its key', async () => {
    const spike = flat(0);
    spike[20] = 500;
    const elements = [element('redis:0/cart:7', spike), element(hostile, flat(0)), ...Array.from({ length: 2000 }, (_, index) => element(`redis:0/cold:${index}`, flat(0)))];
    await withPage(heatmapPage(heatmap(elements), heatmap([element('redis:0/cart:7', flat(500))])), async (page, errors) => {
      // the hottest row is the first line of the canvas, whatever falls together with it
      const row = (canvas: number) => page.evaluate<number[]>(`[...document.querySelectorAll('canvas')[${canvas}].getContext('2d').getImageData(0, 0, ${buckets}, 1).data].filter((_, at) => at % 4 === 0)`);
      const predicted = await row(0);
      const observed = await row(1);
      expect(new Set(predicted).size).toBe(2);
      expect(predicted.indexOf(Math.max(...predicted))).toBe(20);
      expect(new Set(observed)).toEqual(new Set([predicted[20]]));
      const [left, right] = await Promise.all([0, 1].map((index) => page.locator('canvas').nth(index).boundingBox()));
      expect(left?.y).toBe(right?.y);
      await page.locator('canvas').first().hover({ position: { x: ((left?.width ?? 0) * 20.5) / buckets, y: 0.5 } });
      expect(await page.locator('.tip').innerText()).toMatch(/redis:0\/cart:7\n.*20:00 UTC\nexpected 500 .*observed 500/);
      await page.locator('.search').fill('onerror');
      expect(await page.locator('td.mono').allInnerTexts()).toEqual([hostile]);
      expect(await page.evaluate('window.broken')).toBeUndefined();
      expect(errors).toEqual([]);
    });
  }, 60_000);
});
