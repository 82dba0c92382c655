import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { printable } from '../lib/bytes.ts';
import { duration } from '../lib/duration.ts';
import { encodeHeatmap } from '../model/artefact-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { openRecording } from '../recordings/open-recording.ts';
import { addInputOptions, forecastRequest, receiverOf, type InputFlags } from './forecast-inputs.ts';
import { configFor, interruptible, StatusLine, wholeNumber, writeOutput, type Exit } from './terminal.ts';

interface PredictFlags extends InputFlags {
  readonly recording?: string;
  readonly from?: 'plan' | 'forecast';
  readonly listenOtlp?: number;
  readonly output?: string;
  readonly top: number;
  readonly json?: boolean;
}

/** `foreshard predict`: who will touch what. */
export function addPredict(program: Command, exit: Exit): void {
  const command = program.command('predict')
    .description('the heatmap: which state elements will be read and written how much, and how sure that is')
    .argument('[inputs...]', 'recordings, OTLP traces and metrics, access logs, HAR, GoReplay files, NDJSON; gzip or not; - for standard input')
    .option('-r, --recording <folder>', 'the recording, where no input is named')
    .addOption(new Option('--from <source>', 'plan: replaying the recording; forecast: what comes after the inputs (default with inputs)').choices(['plan', 'forecast']))
    .option('--listen-otlp <port>', 'take traces and metrics by OTLP/HTTP on 127.0.0.1 until Ctrl-C, then forecast', wholeNumber('--listen-otlp', { from: 0, to: 65_535 }));
  addInputOptions(command)
    .option('-o, --output <file>', 'write the heatmap there')
    .option('--top <n>', 'elements shown', wholeNumber('--top', { from: 0, to: 1_000_000 }), 20)
    .option('--json', 'print the heatmap as JSON instead')
    .action(async (inputs: string[], _flags: unknown, self: Command) => {
      exit.code = await runPredict(inputs, self);
    });
}

async function runPredict(inputs: readonly string[], self: Command): Promise<number> {
  const flags = self.opts<PredictFlags>();
  const { config, folder } = await configFor(self);
  const { heatmap, problems } = isPlan(inputs, flags) ? await planOf(config, folder, flags) : await forecastOf(inputs, self);
  for (const problem of problems) process.stderr.write(`${pc.yellow('note')}  ${problem}\n`);
  if (flags.output !== undefined) await writeOutput(flags.output, encodeHeatmap(heatmap));
  if (flags.json === true) process.stdout.write(`${encodeHeatmap(heatmap)}\n`);
  else printHeatmap(heatmap, flags.top);
  return 0;
}

function isPlan(inputs: readonly string[], flags: PredictFlags): boolean {
  const asked = flags.from ?? (inputs.length > 0 || flags.listenOtlp !== undefined ? 'forecast' : 'plan');
  if (asked === 'plan' && inputs.length > 0) throw new ForeshardError('usage', '--from plan takes a recording, not inputs', { hint: 'name it with -r' });
  return asked === 'plan';
}

type Predicted = { readonly heatmap: Heatmap; readonly problems: readonly string[] };

async function planOf(config: Parameters<typeof settingsOf>[0], folder: string, flags: PredictFlags): Promise<Predicted> {
  const { predictPlan } = await import('../foreshard.ts');
  const opened = await openRecording(settingsOf(config, folder, 'replay', flags.recording === undefined ? {} : { recording: flags.recording }).recordingFolder);
  return { heatmap: predictPlan(opened.requests), problems: [] };
}

async function forecastOf(inputs: readonly string[], self: Command): Promise<Predicted> {
  const flags = self.opts<PredictFlags>();
  const { config, folder } = await configFor(self);
  const status = new StatusLine();
  const interrupt = interruptible();
  const receiver = flags.listenOtlp === undefined ? undefined : await receiverOf(flags.listenOtlp, interrupt.signal);
  const recording = settingsOf(config, folder, 'replay', flags.recording === undefined ? {} : { recording: flags.recording }).recordingFolder;
  try {
    const { forecastTraffic } = await import('../forecast.ts');
    return await forecastTraffic({
      ...forecastRequest({ inputs: inputs.length > 0 || receiver !== undefined ? inputs : [recording], flags, config, folder, status }),
      ...receiver === undefined ? { signal: interrupt.signal } : { live: receiver },
    });
  } finally {
    status.clear();
    interrupt.release();
  }
}

function printHeatmap(heatmap: Heatmap, top: number): void {
  const { elements, series = [], notes = [], rest } = heatmap;
  const lines = [`${pc.bold('heatmap')} from ${heatmap.source}: ${elements.length} elements${rest !== undefined && rest.elements > 0 ? ` and ${rest.elements} more` : ''}, ${heatmap.buckets} buckets of ${duration(heatmap.bucketMs)}`];
  for (const note of notes) lines.push(`${pc.yellow('note')}  ${note}`);
  for (const one of series.slice(0, top)) {
    const sum = one.median.reduce((total, value) => total + value, 0);
    lines.push(`  ${one.name.slice(0, 60).padEnd(60)}  ${(one.kind === 'rate' ? `${text(sum)} requests` : `${text(sum / one.median.length)} on average`).padStart(18)}  ${one.model}${pc.dim(`, ${one.why}`)}`);
  }
  const width = Math.min(60, Math.max(7, ...elements.slice(0, top).map((element) => printable(element.key).length)));
  if (elements.length > 0) lines.push(pc.dim(`${'element'.padEnd(width)}  expected  P(read)  P(write)`));
  for (const { key, expected, pRead, pWrite } of elements.slice(0, top)) {
    const sum = expected.reduce((total, value) => total + value, 0);
    lines.push(`${printable(key).slice(0, width).padEnd(width)}  ${text(sum).padStart(8)}  ${Math.max(...pRead).toFixed(2).padStart(7)}  ${Math.max(...pWrite).toFixed(2).padStart(8)}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function text(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}
