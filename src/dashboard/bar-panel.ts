/** Values side by side: with labels a few of them, each with its text; without, as many as there are, the picture of a distribution. */
export interface BarPanel {
  readonly title: string;
  readonly bars: readonly { readonly value: number; readonly label?: string; readonly text?: string }[];
  /** A value to compare with, such as the mean, and what it is. */
  readonly line?: { readonly value: number; readonly text: string };
}

/** The values of a panel on at most so many places: the largest of those that fall together. */
export function pooledBars({ bars }: BarPanel, places: number): number[] {
  const count = Math.min(places, bars.length);
  const pooled = Array.from({ length: count }, () => 0);
  bars.forEach(({ value }, index) => {
    const place = Math.floor((index * count) / bars.length);
    pooled[place] = Math.max(pooled[place] as number, value);
  });
  return pooled;
}

/** What the full height stands for. */
export function largest({ bars, line }: BarPanel): number {
  return Math.max(Number.MIN_VALUE, line?.value ?? 0, ...bars.map(({ value }) => value));
}

/** Panels as lines of text: labelled bars lie, a distribution stands. */
export function terminalPanels(panels: readonly BarPanel[], columns: number): string[] {
  return panels.flatMap((panel, index) => [...index === 0 ? [] : [''], panel.title, ...panel.bars.some(({ label }) => label !== undefined) ? lying(panel, columns) : standing(panel, columns)]);
}

const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const height = 8;

function lying(panel: BarPanel, columns: number): string[] {
  const top = largest(panel);
  const [labels, texts] = [Math.max(...panel.bars.map(({ label = '' }) => label.length)), Math.max(...panel.bars.map(({ text = '' }) => text.length))];
  const room = Math.max(8, columns - labels - texts - 5);
  return panel.bars.map(({ label = '', text = '', value }) => `  ${label.padEnd(labels)} ${'█'.repeat(Math.max(value > 0 ? 1 : 0, Math.round((value / top) * room)))} ${text}`);
}

function standing(panel: BarPanel, columns: number): string[] {
  const top = largest(panel);
  const room = Math.max(8, Math.min(120, columns - 4));
  const pooled = pooledBars(panel, room);
  const values = pooled.flatMap((value) => Array.from({ length: Math.max(1, Math.floor(room / pooled.length)) }, () => value));
  const { line } = panel;
  const at = line === undefined ? -1 : Math.min(height - 1, Math.floor((line.value / top) * height * 0.999));
  const lines = Array.from({ length: height }, (_, row) => {
    const floor = height - 1 - row;
    const text = values.map((value) => eighths[Math.max(0, Math.min(8, Math.round((value / top) * height * 8) - floor * 8))]).join('');
    return `  ${floor === at ? text.replaceAll(' ', '·') : text}`;
  });
  return line === undefined ? lines : [...lines, `  · ${line.text}`];
}
