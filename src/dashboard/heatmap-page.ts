import { printable } from '../lib/bytes.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { alike, alikeGrid, heatColour, heatGrid } from './heat-grid.ts';
import { heatmapScript } from './heatmap-script.ts';
import { pageShell } from './page-shell.ts';

/** Elements that the page shows; the rest is in the file that it was made from. */
const mostElements = 3000;

const style = String.raw`
#app { display: block; height: auto; } .page { max-width: 1500px; }
.maps { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 14px; } .maps figure.card { margin: 0; min-width: 0; } .maps figcaption { color: var(--dim); font-size: 12.5px; padding: 8px 14px; border-bottom: 1px solid var(--line); }
canvas { display: block; width: 100%; image-rendering: pixelated; cursor: crosshair; } .tip { position: fixed; z-index: 9; pointer-events: none; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; font-size: 12.5px; box-shadow: 0 6px 24px #0003; max-width: 460px; }
.tip b { font: 600 12.5px/1.5 var(--mono); overflow-wrap: anywhere; } .scale { display: flex; gap: 8px; align-items: center; padding: 8px 14px; color: var(--dim); font-size: 12px; } .scale i { width: 180px; height: 10px; border-radius: 3px; }
.chart { padding: 6px 14px 10px; } .chart svg { width: 100%; height: 150px; display: block; } .chart .band { fill: color-mix(in srgb, var(--accent) 22%, transparent); } .chart .median { stroke: var(--accent); } .chart .observed { stroke: var(--dim); } .chart path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; } .chart line { stroke: var(--line); stroke-dasharray: 3 3; vector-effect: non-scaling-stroke; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 10px; } .charts .card + .card { margin-top: 0; } .search { width: 100%; padding: 7px 12px; border: 0; border-bottom: 1px solid var(--line); background: var(--panel); }
.scroll { max-height: 460px; overflow: auto; }
`;

/** A heatmap as one HTML file: predicted, and where it is given observed beside it; the series behind it, and each element with its reasons. */
export function heatmapPage(heatmap: Heatmap, observed?: Heatmap): string {
  const shown = { ...heatmap, elements: heatmap.elements.slice(0, mostElements) };
  const grid = heatGrid(shown);
  const other = observed === undefined ? undefined : alikeGrid(observed, shown, grid.most);
  return pageShell({
    title: `Heatmap from ${heatmap.source} · ${heatmap.elements.length} elements`, colour: '21908d', style, script: heatmapScript,
    data: {
      head: { source: heatmap.source, startMs: heatmap.startMs, bucketMs: heatmap.bucketMs, buckets: heatmap.buckets, elements: heatmap.elements.length, shown: shown.elements.length, rest: heatmap.rest?.elements ?? 0, most: grid.most },
      colours: Array.from({ length: 256 }, (_, value) => heatColour(value / 255)),
      elements: shown.elements.map(({ key, expected, low, high, pRead, pWrite, why }) => ({ key: printable(key), expected, low, high, pRead, pWrite, why })),
      heat: bytesOf(grid.values), observed: other === undefined ? null : bytesOf(other.values), observedCounts: observed === undefined ? null : alike(observed, shown).elements.map(({ expected }) => expected),
      series: heatmap.series ?? [], models: heatmap.models ?? [], unseen: heatmap.unseen ?? [], edges: heatmap.graph?.edges ?? [], members: heatmap.members ?? [], notes: heatmap.notes ?? [],
    },
  });
}

function bytesOf(values: Float32Array): string {
  return Buffer.from(Uint8Array.from(values, (value) => Math.round(value * 255))).toString('base64');
}
