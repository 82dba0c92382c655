import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { pooledBars, terminalPanels } from './bar-panel.ts';
import { panelsPng } from './bar-png.ts';

const distribution = { title: 'load', bars: Array.from({ length: 100 }, (_, index) => ({ value: 100 - index })), line: { value: 50, text: 'mean' } };
const sweep = { title: 'latency', bars: [{ value: 1, label: '10 nodes', text: '1 ms' }, { value: 4, label: '1000 nodes', text: '4 ms' }] };

test('what falls together shows the largest of it', () => {
  expect(pooledBars(distribution, 10)).toEqual([100, 90, 80, 70, 60, 50, 40, 30, 20, 10]);
  expect(pooledBars(sweep, 10)).toEqual([1, 4]);
});

test('in a terminal labelled bars lie, in proportion, and no line is too long', () => {
  const lines = terminalPanels([sweep, distribution], 60);
  const bars = lines.slice(1, 3).map((line) => line.split('█').length - 1);
  expect(Math.abs((bars[1] as number) - 4 * (bars[0] as number))).toBeLessThanOrEqual(2);
  expect(lines[1]).toContain('1 ms');
  expect(lines.every((line) => line.length <= 60)).toBe(true);
  expect(lines.at(-1)).toContain('mean');
});

test('a picture has room for each panel, and draws something', () => {
  const png = PNG.sync.read(panelsPng([sweep, distribution], undefined));
  const one = PNG.sync.read(panelsPng([sweep], undefined));
  expect(png.height).toBeGreaterThan(1.5 * one.height);
  expect(new Set(png.data).size).toBeGreaterThan(4);
  const heat = PNG.sync.read(panelsPng([sweep], { title: 'time', rows: [[0, 1], [0.5, 0.2]], most: 'most' }));
  expect(heat.height).toBeGreaterThan(one.height);
});
