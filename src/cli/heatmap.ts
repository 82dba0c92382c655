import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import pc from 'picocolors';
import { decodeHeatmap } from '../model/artefact-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { addInputOptions, forecastRequest, type InputFlags } from './forecast-inputs.ts';
import { configFor, StatusLine, writeOutput, type Exit } from './terminal.ts';

interface HeatmapFlags extends InputFlags {
  readonly observed?: string[];
  readonly png?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** `foreshard heatmap`: draws a heatmap, with what was observed beside it. */
export function addHeatmap(program: Command, exit: Exit): void {
  const command = program.command('heatmap')
    .description('draws a heatmap that predict has written: in the terminal, as a picture, as a page')
    .argument('<file>', 'the heatmap')
    .option('--observed <inputs...>', 'logs or recordings of the time it foretells, drawn beside it')
    .option('--png <file>', 'write a picture')
    .option('--html <file>', 'write a page that opens from disk')
    .option('--json', 'print what would be drawn as JSON instead: accesses by element and bucket');
  addInputOptions(command).action(async (file: string, _flags: unknown, self: Command) => {
    const flags = self.opts<HeatmapFlags>();
    const heatmap = await readHeatmap(file);
    const observed = await observedBeside(heatmap, self, flags);
    await draw(heatmap, observed, flags);
    exit.code = 0;
  });
}

/** Reads a heatmap from a file, `-` for standard input. @throws ForeshardError `input_not_found`, `recording_damaged`, `recording_newer` */
export async function readHeatmap(path: string): Promise<Heatmap> {
  try {
    return decodeHeatmap(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'));
  } catch (error) {
    if (error instanceof ForeshardError) throw error;
    throw new ForeshardError('input_not_found', `${path} cannot be read: ${(error as Error).message}`, { hint: 'foreshard predict <inputs…> -o heatmap.json makes one', cause: error });
  }
}

async function observedBeside(heatmap: Heatmap, self: Command, flags: HeatmapFlags): Promise<Heatmap | undefined> {
  if (flags.observed === undefined) return undefined;
  const { config, folder } = await configFor(self);
  const { observeTraffic } = await import('../forecast.ts');
  const status = new StatusLine();
  try {
    const observed = await observeTraffic(forecastRequest({ inputs: flags.observed, flags, config, folder, status }), heatmap);
    status.clear();
    if (observed.elements.length === 0) process.stderr.write(`${pc.yellow('note')}  no access of ${flags.observed.join(', ')} falls into the time of this heatmap\n`);
    return observed;
  } finally {
    status.clear();
  }
}

async function draw(heatmap: Heatmap, observed: Heatmap | undefined, flags: HeatmapFlags): Promise<void> {
  const { alike, alikeGrid, heatGrid } = await import('../dashboard/heat-grid.ts');
  const grid = heatGrid(heatmap);
  const grids = [{ title: heatmap.source === 'plan' ? 'planned' : 'predicted', grid }, ...observed === undefined ? [] : [{ title: 'observed', grid: alikeGrid(observed, heatmap, grid.most) }]];
  if (flags.png !== undefined) await writeOutput(flags.png, (await import('../dashboard/heat-png.ts')).heatmapPng(grids));
  if (flags.html !== undefined) await writeOutput(flags.html, (await import('../dashboard/heatmap-page.ts')).heatmapPage(heatmap, observed));
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ predicted: drawn(heatmap), ...observed === undefined ? {} : { observed: drawn(alike(observed, heatmap)) } })}\n`);
    return;
  }
  const { terminalHeatmap } = await import('../dashboard/heat-terminal.ts');
  const { columns, rows } = process.stdout.isTTY ? process.stdout : { columns: 100, rows: 40 };
  process.stdout.write(`${terminalHeatmap(grids, { columns, lines: Math.max(8, Math.min(40, rows - 6)), colours: pc.isColorSupported })}\n`);
  for (const path of [flags.png, flags.html]) if (path !== undefined && path !== '-') process.stdout.write(`${pc.dim('written')} ${path}\n`);
}

function drawn({ startMs, bucketMs, buckets, elements }: Heatmap): object {
  return { startMs, bucketMs, buckets, elements: elements.map(({ key, expected }) => ({ key, accesses: expected })) };
}
