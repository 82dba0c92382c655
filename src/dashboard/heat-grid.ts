import { printable } from '../lib/bytes.ts';
import type { Heatmap } from '../model/heatmap.ts';

/** Heat by element and time, ready to be drawn: values from 0 to 1, row by row, the hottest element first. */
export interface HeatGrid {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  readonly labels: readonly string[];
  readonly startMs: number;
  readonly bucketMs: number;
  /** Accesses in a bucket that the value 1 stands for. */
  readonly most: number;
}

/** What one access in a bucket is among `most`: on a logarithmic scale, so that the tail is seen too. */
function heatOf(accesses: number, most: number): number {
  return most <= 0 ? 0 : Math.min(1, Math.log1p(accesses) / Math.log1p(most));
}

/** The grid of a heatmap; `most`: share a scale with another one. */
export function heatGrid(heatmap: Heatmap, given: { readonly elements?: number; readonly most?: number } = {}): HeatGrid {
  const elements = heatmap.elements.slice(0, given.elements ?? heatmap.elements.length);
  const most = given.most ?? elements.reduce((top, { expected }) => expected.reduce((inner, value) => Math.max(inner, value), top), 0);
  const values = new Float32Array(elements.length * heatmap.buckets);
  elements.forEach(({ expected }, row) => expected.forEach((accesses, bucket) => (values[row * heatmap.buckets + bucket] = heatOf(accesses, most))));
  return { rows: elements.length, columns: heatmap.buckets, values, labels: elements.map(({ key }) => printable(key)), startMs: heatmap.startMs, bucketMs: heatmap.bucketMs, most };
}

/** The grid of one heatmap in the order of the elements of another, on its scale; elements it has not are cold. */
export function alikeGrid(heatmap: Heatmap, like: Heatmap, most: number): HeatGrid {
  return heatGrid(alike(heatmap, like), { most });
}

/** A heatmap with the elements of another in their order. */
export function alike(heatmap: Heatmap, like: Heatmap): Heatmap {
  const byKey = new Map(heatmap.elements.map((element) => [element.key, element]));
  const none = Array.from({ length: like.buckets }, () => 0);
  return { ...heatmap, elements: like.elements.map(({ key }) => byKey.get(key) ?? { key, pRead: none, pWrite: none, expected: none, low: none, high: none }) };
}

/**
 * The grid on at most so many rows and columns. Cells that fall together show the hottest of them: a spike is never averaged away. Fewer cells than there is room for
 * stay as they are.
 */
export function pooled(grid: HeatGrid, rows: number, columns: number): HeatGrid {
  const [height, width] = [Math.min(rows, grid.rows), Math.min(columns, grid.columns)];
  const values = new Float32Array(height * width);
  for (let row = 0; row < grid.rows; row++) {
    const to = Math.floor((row * height) / grid.rows);
    for (let column = 0; column < grid.columns; column++) {
      const at = to * width + Math.floor((column * width) / grid.columns);
      values[at] = Math.max(values[at] as number, grid.values[row * grid.columns + column] as number);
    }
  }
  const labels = Array.from({ length: height }, (_, row) => {
    const [first, next] = [Math.ceil((row * grid.rows) / height), Math.ceil(((row + 1) * grid.rows) / height)];
    return `${grid.labels[first] ?? ''}${next - first > 1 ? ` +${next - first - 1}` : ''}`;
  });
  return { ...grid, rows: height, columns: width, values, labels, bucketMs: (grid.bucketMs * grid.columns) / Math.max(1, width) };
}

/** Colours from dark to bright that grow evenly to the eye and to the colour-blind one too: nine stops after viridis (Smith & van der Walt 2015). */
type Stop = readonly [number, number, number];

const stops: readonly Stop[] = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];

/** The colour of a value from 0 to 1: red, green and blue, 0 to 255. */
export function heatColour(value: number): readonly [number, number, number] {
  const at = Math.max(0, Math.min(1, value)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  const mix = (channel: 0 | 1 | 2): number => Math.round((stops[below] as Stop)[channel] + (at - below) * ((stops[below + 1] as Stop)[channel] - (stops[below] as Stop)[channel]));
  return [mix(0), mix(1), mix(2)];
}
