import { duration } from '../lib/duration.ts';
import { heatColour, pooled, type HeatGrid } from './heat-grid.ts';

/** Room on a terminal. */
export interface TerminalRoom {
  readonly columns: number;
  readonly lines: number;
  /** Whether 24-bit colours are understood; else the heat is drawn in shades. */
  readonly colours: boolean;
}

const reset = '\u001B[0m';
const shades = [' ', '·', '░', '▒', '▓', '█'];

/** One or two grids side by side, two elements a line: the upper half of a character is one, the lower half the next. */
export function terminalHeatmap(grids: readonly { readonly title: string; readonly grid: HeatGrid }[], room: TerminalRoom): string {
  const labelWidth = Math.max(12, Math.min(36, Math.floor(room.columns * 0.3), Math.max(0, ...grids.flatMap(({ grid }) => grid.labels.map((label) => label.length)))));
  const width = Math.max(4, Math.floor((room.columns - labelWidth - 1 - (grids.length - 1) * 2) / Math.max(1, grids.length)));
  const perLine = room.colours ? 2 : 1;
  const drawn = grids.map(({ grid }) => widened(pooled(grid, Math.max(1, room.lines * perLine), width), width));
  const [first] = drawn;
  if (first === undefined || first.rows === 0) return 'no elements';
  const lines = [`${' '.repeat(labelWidth + 1)}${grids.map(({ title, grid }, index) => fit(`${title}, ${spanText(grid)}`, drawn[index]?.columns ?? width)).join('  ')}`];
  for (let row = 0; row < first.rows; row += perLine) {
    lines.push(`${fit(first.labels[row] ?? '', labelWidth)} ${drawn.map((grid) => (room.colours ? halfBlocks(grid, row) : shaded(grid, row))).join('  ')}`);
  }
  lines.push(`${' '.repeat(labelWidth + 1)}${legend(first, room.colours)}`);
  return lines.join('\n');
}

/** Columns repeated as often as there is room for. */
function widened(grid: HeatGrid, width: number): HeatGrid {
  const times = Math.max(1, Math.floor(width / Math.max(1, grid.columns)));
  const columns = grid.columns * times;
  const values = Float32Array.from({ length: grid.rows * columns }, (_, at) => grid.values[Math.floor(at / columns) * grid.columns + Math.floor((at % columns) / times)] as number);
  return { ...grid, columns, values, bucketMs: grid.bucketMs / times };
}

function halfBlocks(grid: HeatGrid, row: number): string {
  let line = '';
  for (let column = 0; column < grid.columns; column++) {
    const [upper, lower] = [grid.values[row * grid.columns + column] as number, grid.values[(row + 1) * grid.columns + column]];
    line += `\u001B[38;2;${heatColour(upper).join(';')}m${lower === undefined ? '' : `\u001B[48;2;${heatColour(lower).join(';')}m`}▀`;
  }
  return line + reset;
}

function shaded(grid: HeatGrid, row: number): string {
  return Array.from(grid.values.subarray(row * grid.columns, (row + 1) * grid.columns), (value) => shades[Math.min(shades.length - 1, Math.ceil(value * (shades.length - 1)))]).join('');
}

function legend(grid: HeatGrid, colours: boolean): string {
  const scale = colours ? Array.from({ length: 16 }, (_, step) => `\u001B[38;2;${heatColour(step / 15).join(';')}m█`).join('') + reset : shades.join('');
  return `0 ${scale} ${grid.most >= 10 ? Math.round(grid.most) : Number(grid.most.toPrecision(2))} accesses; a column is ${duration(grid.bucketMs)}`;
}

function spanText({ startMs, columns, bucketMs }: HeatGrid): string {
  return `${timeText(startMs)} + ${duration(columns * bucketMs)}`;
}

/** `2026-01-05 12:00` in UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);
}
