import { PNG } from 'pngjs';
import { largest, pooledBars, type BarPanel } from './bar-panel.ts';
import { heatColour } from './heat-grid.ts';
import { drawText, textWidth } from './pixel-font.ts';

/** Values from 0 to 1 by row and column. */
export interface HeatPanel {
  readonly title: string;
  readonly rows: readonly (readonly number[])[];
  /** What the value 1 is. */
  readonly most: string;
}

type Colour = readonly [number, number, number];

const [width, margin, gap] = [1000, 24, 20];
const [titleHeight, barsHeight, labelHeight, heatHeight] = [24, 160, 22, 260];
const ink: Colour = [40, 44, 52];
const bar: Colour = [44, 113, 142];
const mark: Colour = [200, 60, 60];
const scale = 2;

/** Panels below each other as a PNG picture, and a heat panel under them where there is one. */
export function panelsPng(panels: readonly BarPanel[], heat: HeatPanel | undefined): Buffer {
  const panelHeight = titleHeight + barsHeight + labelHeight + gap;
  const png = new PNG({ width, height: 2 * margin + panels.length * panelHeight + (heat === undefined ? 0 : titleHeight + heatHeight + labelHeight + gap) });
  png.data.fill(255);
  panels.forEach((panel, index) => drawPanel(png, panel, margin + index * panelHeight));
  if (heat !== undefined) drawHeat(png, heat, margin + panels.length * panelHeight);
  return PNG.sync.write(png);
}

function drawPanel(png: PNG, panel: BarPanel, top: number): void {
  drawText(png, { text: fitted(panel.title, width - 2 * margin), x: margin, y: top, scale, colour: ink });
  const base = top + titleHeight + barsHeight;
  const room = width - 2 * margin;
  const values = pooledBars(panel, room / 2);
  const most = largest(panel);
  const step = room / Math.max(1, values.length);
  const labelled = panel.bars.some(({ label }) => label !== undefined);
  values.forEach((value, index) => {
    const size = Math.round((value / most) * (barsHeight - (labelled ? 18 : 0)));
    const [from, to] = [Math.round(margin + index * step), Math.round(margin + (index + (labelled ? 0.7 : 1)) * step)];
    fill(png, { x: from, y: base - size, width: Math.max(1, to - from - (step > 4 && !labelled ? 1 : 0)), height: size }, bar);
    const { label, text } = labelled ? panel.bars[index] ?? {} : {};
    if (text !== undefined) drawText(png, { text: fitted(text, step), x: from, y: base - size - 14, scale, colour: ink });
    if (label !== undefined) drawText(png, { text: fitted(label, step), x: from, y: base + 6, scale, colour: ink });
  });
  if (panel.line === undefined) return;
  fill(png, { x: margin, y: base - Math.round((panel.line.value / most) * barsHeight), width: room, height: 2 }, mark);
  drawText(png, { text: panel.line.text, x: margin, y: base + 6, scale, colour: mark });
}

function drawHeat(png: PNG, { title, rows, most }: HeatPanel, top: number): void {
  drawText(png, { text: fitted(title, width - 2 * margin), x: margin, y: top, scale, colour: ink });
  const [left, room, above] = [margin, width - 2 * margin, top + titleHeight];
  for (let y = 0; y < heatHeight; y++) {
    const row = rows[Math.floor((y * rows.length) / heatHeight)] ?? [];
    for (let x = 0; x < room; x++) fill(png, { x: left + x, y: above + y, width: 1, height: 1 }, heatColour(row[Math.floor((x * row.length) / room)] ?? 0));
  }
  const y = above + heatHeight + 6;
  drawText(png, { text: '0', x: margin, y, scale, colour: ink });
  for (let step = 0; step < 128; step++) fill(png, { x: margin + 16 + 2 * step, y, width: 2, height: 10 }, heatColour(step / 127));
  drawText(png, { text: most, x: margin + 284, y, scale, colour: ink });
}

/** As much of a text as there is room for. The font has capitals, digits and some signs. */
function fitted(text: string, room: number): string {
  const plain = text.replaceAll('÷', '/').replaceAll('µ', 'u').replaceAll('–', '-').replaceAll('×', 'x');
  return textWidth(plain, scale) <= room ? plain : plain.slice(0, Math.max(0, Math.floor(room / textWidth('M', scale))));
}

function fill(png: PNG, { x, y, width: across, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }, colour: Colour): void {
  for (let row = y; row < y + height; row++) for (let column = x; column < x + across; column++) png.data.set([...colour, 255], (row * png.width + column) * 4);
}
