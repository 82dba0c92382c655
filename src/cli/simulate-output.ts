import pc from 'picocolors';
import { terminalPanels, type BarPanel } from '../dashboard/bar-panel.ts';
import type { HeatPanel } from '../dashboard/bar-png.ts';
import type { SimulationOptions, SimulationResult } from '../shard/simulate.ts';
import { sizeText } from './terminal.ts';

/** What can be varied in one call. */
export type SweepName = 'nodes' | 'rps' | 'zipf';

/** All that is printed of simulations: the table, the picture, what is recommended, and what the model leaves out. */
export function resultLines(results: readonly SimulationResult[], { notes, sweep, columns }: { readonly notes: readonly string[]; readonly sweep: SweepName | undefined; readonly columns: number }): string[] {
  const [first] = results;
  if (first === undefined) return [];
  return [title(first.options), ...table(results), '', ...terminalPanels(panelsOf(results, sweep), columns), '', ...results.map(recommendation), ...notes.map((note) => pc.dim(note))];
}

function title({ elements, replicas, elementBytes, drift, flash, clients, serviceMs, service }: SimulationOptions): string {
  const moving = `${drift > 0 ? `, drift ${percent(drift)}` : ''}${flash > 0 ? `, flash ${percent(flash)}` : ''}`;
  return `${pc.bold('simulation')} of ${elements} elements of ${sizeText(elementBytes)}, ${replicas} copies, reads of ${timeText(serviceMs)} (${service}) by ${clients} clients${moving}`;
}

/** Rows of the table: a column for each simulation. */
const rows: readonly (readonly [name: string, value: (result: SimulationResult) => string | undefined])[] = [
  ['nodes', ({ options }) => String(options.nodes)],
  ['reads a second', ({ options }) => compact(options.requestsPerSecond)],
  ['Zipf exponent', ({ options }) => String(options.zipf)],
  ['virtual time', ({ virtualMs }) => timeText(virtualMs)],
  ['load, busiest ÷ mean', ({ load }) => load.maxToMean.toFixed(3)],
  ['  in the worst tenth', ({ load }) => load.worstWindow.toFixed(3)],
  ['  99th of 100 nodes ÷ mean', ({ load }) => load.p99ToMean.toFixed(3)],
  ['utilisation, mean', ({ utilisation }) => percent(utilisation.mean)],
  ['utilisation, busiest', ({ utilisation }) => `${percent(utilisation.busiest)}${utilisation.busiest >= 1 ? ' OVERLOADED' : ''}`],
  ['latency, mean', ({ latency, utilisation }) => growing(timeText(latency.meanMs), utilisation.busiest)],
  ['latency, p50', ({ latency, utilisation }) => growing(timeText(latency.p50Ms), utilisation.busiest)],
  ['latency, p99', ({ latency, utilisation }) => growing(timeText(latency.p99Ms), utilisation.busiest)],
  ['  mean with even load', ({ latency, utilisation }) => (utilisation.mean >= 1 ? '–' : timeText(latency.evenMs))],
  ['memory a node', ({ memory }) => sizeText(memory.meanBytes)],
  ['memory, fullest node', ({ memory }) => sizeText(memory.mostBytes)],
  ['hot elements, at the end', ({ hot }) => String(hot.elements)],
  ['further copies, at the peak', ({ hot, memory }) => `${hot.mostExtraCopies} (${percent(memory.extraShare, 3)})`],
  ['copies made under way', ({ hot }) => `${hot.copiesMade} (${sizeText(Math.round(hot.bytesPerSecond))}/s)`],
  ['moved when a node leaves, or those lost', ({ leave }) => `${percent(leave.moved, 2)} (least ${percent(leave.least, 2)})`],
  ['  to be copied', ({ leave }) => sizeText(Math.round(leave.bytes))],
  ['moved when one joins', ({ join }) => `${percent(join.moved, 2)} (least ${percent(join.least, 2)})`],
  ['  to be copied', ({ join }) => sizeText(Math.round(join.bytes))],
  ['after the loss, busiest ÷ mean', ({ failure }) => failure?.before.toFixed(3)],
  ['  with owners replaced', ({ failure }) => failure?.replaced.toFixed(3)],
  ['  reads nobody could serve', ({ failure }) => failure && String(failure.unreadable)],
  ['cost an hour', ({ costPerHour }) => costPerHour.toFixed(2)],
];

function table(results: readonly SimulationResult[]): string[] {
  const cells = rows.flatMap(([name, value]) => {
    const values = results.map(value);
    return values.every((one) => one === undefined) ? [] : [[name, ...values.map((one) => one ?? '')]];
  });
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`);
}

function recommendation({ options, needed, utilisation }: SimulationResult): string {
  const { nodes, target, requestsPerSecond } = options;
  const verdict = utilisation.busiest >= 1 ? pc.red('too few') : needed.nodes > nodes ? pc.yellow('too few for the target') : pc.green('enough');
  const why = `traffic needs ${needed.forTraffic}, memory ${needed.forMemory}`;
  return `${pc.bold('recommended')} at ${compact(requestsPerSecond)} reads/s, Zipf ${options.zipf}: ${needed.nodes} nodes keep the busiest below ${percent(target)} (${why}; ${needed.limit === 'replicas' ? 'the number of copies' : needed.limit} decides). ${nodes} ${nodes === 1 ? 'is' : 'are'} ${verdict}.`;
}

/** What is drawn: the load of each node for one simulation, measure by measure for a sweep. */
export function panelsOf(results: readonly SimulationResult[], sweep: SweepName | undefined): BarPanel[] {
  const [first] = results;
  if (first === undefined) return [];
  return results.length === 1 ? [distributionOf(first)] : measures.map(([name, value, text]) => ({
    title: name, bars: results.map((result) => ({ value: value(result), text: text(result), label: labelOf(result, sweep) })),
  }));
}

/** The load of each node over time, the busiest node first. */
export function heatOf({ windows, options: { nodes } }: SimulationResult): HeatPanel {
  const means = windows.map((loads) => loads.reduce((sum, load) => sum + load, 0) / nodes);
  const order = Array.from({ length: nodes }, (_, node) => node).sort((a, b) => totalOf(windows, b) - totalOf(windows, a));
  const most = Math.max(...windows.flatMap((loads, window) => loads.map((load) => load / Math.max(1, means[window] as number))));
  return {
    title: 'load of each node over time, the busiest node above', most: `${most.toFixed(2)} times the mean of its time`,
    rows: order.map((node) => windows.map((loads, window) => (loads[node] as number) / Math.max(1, means[window] as number) / most)),
  };
}

function distributionOf({ windows, options: { nodes } }: SimulationResult): BarPanel {
  const loads = Array.from({ length: nodes }, (_, node) => totalOf(windows, node)).sort((a, b) => b - a);
  const mean = loads.reduce((sum, load) => sum + load, 0) / nodes;
  return { title: 'load of each node, the busiest first', bars: loads.map((value) => ({ value })), line: { value: mean, text: `the mean, ${compact(mean)} reads` } };
}

const measures: readonly (readonly [name: string, value: (result: SimulationResult) => number, text: (result: SimulationResult) => string])[] = [
  ['load, busiest ÷ mean', ({ load }) => load.maxToMean, ({ load }) => load.maxToMean.toFixed(3)],
  ['utilisation of the busiest', ({ utilisation }) => utilisation.busiest, ({ utilisation }) => percent(utilisation.busiest)],
  ['latency p99', ({ latency }) => latency.p99Ms, ({ latency }) => timeText(latency.p99Ms)],
  ['memory a node', ({ memory }) => memory.meanBytes, ({ memory }) => sizeText(memory.meanBytes)],
  ['cost an hour', ({ costPerHour }) => costPerHour, ({ costPerHour }) => costPerHour.toFixed(2)],
];

function labelOf({ options }: SimulationResult, sweep: SweepName = 'nodes'): string {
  return { nodes: `${options.nodes} nodes`, rps: `${compact(options.requestsPerSecond)}/s`, zipf: `Zipf ${options.zipf}` }[sweep];
}

function totalOf(windows: SimulationResult['windows'], node: number): number {
  return windows.reduce((sum, loads) => sum + (loads[node] ?? 0), 0);
}

function growing(text: string, busiest: number): string {
  return busiest >= 1 ? `${text} and growing` : text;
}

function percent(share: number, digits = 1): string {
  return `${Number((100 * share).toFixed(digits))} %`;
}

/** 0.05 → `50 µs`. */
function timeText(ms: number): string {
  if (ms < 1) return `${Number((ms * 1000).toPrecision(3))} µs`;
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

/** 5000000 → `5 M`. */
function compact(value: number): string {
  const [divisor, unit] = value >= 1e6 ? [1e6, ' M'] : value >= 1e4 ? [1e3, ' k'] : [1, ''];
  return `${Number((value / divisor).toPrecision(4))}${unit}`;
}
