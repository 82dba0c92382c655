import { PNG } from 'pngjs';
import { duration } from '../lib/duration.ts';
import { heatColour, pooled, type HeatGrid } from './heat-grid.ts';
import { timeText } from './heat-terminal.ts';
import { drawText, textWidth } from './pixel-font.ts';

const [mostRows, mostColumns] = [240, 480];
const margin = 16;
const labelRoom = 300;
const textHeight = 14;
const background = [255, 255, 255] as const;
const ink = [40, 44, 52] as const;

/** One or two grids side by side as a PNG picture, with the names of elements, times and a scale. */
export function heatmapPng(grids: readonly { readonly title: string; readonly grid: HeatGrid }[]): Buffer {
  const drawn = grids.map(({ title, grid }) => ({ title, grid: pooled(grid, mostRows, Math.floor(mostColumns / grids.length)) }));
  const rows = Math.max(1, ...drawn.map(({ grid }) => grid.rows));
  const cell = { height: rows > 120 ? 4 : rows > 40 ? 8 : 16, width: Math.max(2, Math.floor(960 / drawn.reduce((sum, { grid }) => sum + Math.max(1, grid.columns), 0))) };
  const widths = drawn.map(({ grid }) => Math.max(200, grid.columns * cell.width));
  const width = margin * 2 + labelRoom + widths.reduce((sum, one) => sum + one + margin, 0);
  const top = margin + 2 * textHeight;
  const png = new PNG({ width, height: top + rows * cell.height + 3 * textHeight + margin });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([...background, 255], i);
  labels(png, drawn[0]?.grid, top, cell.height);
  let left = margin + labelRoom;
  drawn.forEach(({ title, grid }, index) => {
    drawText(png, { text: `${title}: ${timeText(grid.startMs)} + ${duration(grid.columns * grid.bucketMs)}`, x: left, y: margin, scale: 2, colour: ink });
    for (let row = 0; row < grid.rows; row++) {
      for (let column = 0; column < grid.columns; column++) {
        fill(png, { x: left + column * cell.width, y: top + row * cell.height, width: cell.width, height: cell.height }, heatColour(grid.values[row * grid.columns + column] as number));
      }
    }
    left += (widths[index] as number) + margin;
  });
  scale(png, drawn[0]?.grid.most ?? 0, top + rows * cell.height + textHeight);
  return PNG.sync.write(png);
}

function labels(png: PNG, grid: HeatGrid | undefined, top: number, height: number): void {
  if (grid === undefined) return;
  const every = Math.max(1, Math.ceil(textHeight / height));
  for (let row = 0; row < grid.rows; row += every) {
    let text = grid.labels[row] ?? '';
    while (textWidth(text, 2) > labelRoom - 12) text = text.slice(0, -2);
    drawText(png, { text, x: margin, y: top + row * height + Math.max(0, Math.floor((height - 10) / 2)), scale: 2, colour: ink });
  }
}

function scale(png: PNG, most: number, y: number): void {
  drawText(png, { text: '0', x: margin, y, scale: 2, colour: ink });
  for (let step = 0; step < 128; step++) fill(png, { x: margin + 16 + 2 * step, y, width: 2, height: 10 }, heatColour(step / 127));
  drawText(png, { text: `${Math.round(most * 10) / 10} accesses in a bucket, on a logarithmic scale`, x: margin + 284, y, scale: 2, colour: ink });
}

function fill(png: PNG, { x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }, colour: readonly [number, number, number]): void {
  for (let row = y; row < y + height; row++) {
    for (let column = x; column < x + width; column++) png.data.set([...colour, 255], (row * png.width + column) * 4);
  }
}
