import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { ForeshardError } from '../model/errors.ts';
import type { SimulationOptions, SimulationResult } from '../shard/simulate.ts';
import { byteSize, quantity, timeSpan } from './quantities.ts';
import { heatOf, panelsOf, resultLines, type SweepName } from './simulate-output.ts';
import { StatusLine, wholeNumber, writeOutput, type Exit } from './terminal.ts';

interface SimulateFlags {
  readonly nodes: number;
  readonly rps: number;
  readonly zipf: number;
  readonly elements: number;
  readonly replicas: number;
  readonly elementSize: number;
  readonly drift: number;
  readonly flash: number;
  readonly duration?: number;
  readonly serviceTime: number;
  readonly service: 'exponential' | 'fixed';
  readonly clients: number;
  readonly nodeMemory: number;
  readonly nodeCost: number;
  readonly fail: number;
  readonly target: number;
  readonly sweep?: Sweep;
  readonly seed: string;
  readonly json?: boolean;
  readonly png?: string;
}

interface Sweep {
  readonly name: SweepName;
  readonly values: readonly number[];
}

/** Reads served in one simulation: at least so many, that shares mean something; no more than what takes seconds; and never more than this. */
const [fewest, usual, most] = [2e6, 1e7, 2e8];
const usualMs = 10_000;
const maxNodes = 2000;
const nodesOf = quantity('--nodes', { from: 1, to: maxNodes, whole: true });
const rpsOf = quantity('--rps', { from: 1, to: 1e10 });
const zipfOf = quantity('--zipf', { from: 0, to: 3 });
const shareOf = (flag: string): ((text: string) => number) => quantity(flag, { from: 0, to: 1 });

/** `foreshard simulate`: what a cluster that nobody has would do. */
export function addSimulate(program: Command, exit: Exit): void {
  program.command('simulate')
    .description('placement and reads on a modelled cluster: load, latency, churn, memory and cost as nodes, traffic and skew grow')
    .option('--nodes <n>', 'state nodes', nodesOf, 10)
    .option('--rps <n>', 'reads a second over all nodes, like 5e6', rpsOf, 100_000)
    .option('--zipf <s>', "skew: exponent of Zipf's law, 0 for none", zipfOf, 1.1)
    .option('--elements <n>', 'state elements, like 1e7', quantity('--elements', { from: 1, to: 1e9, whole: true }), 1e6)
    .option('--replicas <n>', 'copies of each element', wholeNumber('--replicas', { from: 1, to: 16 }), 2)
    .option('--element-size <size>', 'payload of an element, like 1kb', byteSize('--element-size'), 1024)
    .option('--drift <share>', 'share of the 2,000 hottest elements that cold ones replace in each tenth of the time', shareOf('--drift'), 0)
    .option('--flash <share>', 'share of the reads that one cold element suddenly gets in every second tenth of the time', shareOf('--flash'), 0)
    .option('--duration <time>', 'virtual time, like 10s (default: 10s, or as long as takes 10 million reads)', timeSpan('--duration'))
    .option('--service-time <time>', 'what a node needs for a read, like 50us', timeSpan('--service-time'), 0.05)
    .addOption(new Option('--service <law>', 'how long reads take: all the same, or exponential').choices(['exponential', 'fixed']).default('exponential'))
    .option('--clients <n>', 'readers that know nothing of each other', wholeNumber('--clients', { from: 1, to: 10_000 }), 16)
    .option('--node-memory <size>', 'memory of a node', byteSize('--node-memory'), 16 * 1024 ** 3)
    .option('--node-cost <price>', 'price of a node an hour', quantity('--node-cost'), 0.2)
    .option('--fail <n>', 'nodes that are lost half way', wholeNumber('--fail', { from: 0, to: maxNodes }), 0)
    .option('--target <share>', 'share of its time and memory that the busiest node may use', quantity('--target', { from: 0.01, to: 0.99 }), 0.7)
    .option('--sweep <name=values>', 'one simulation for each value: nodes=10,100,1000, rps=… or zipf=…', sweepOf)
    .option('--seed <hex>', '32 hexadecimal digits: the same options and seed give the same result', seedOf, '73696d756c6174650000000000000001')
    .option('--json', 'print the results as JSON instead')
    .option('--png <file>', 'write a picture')
    .action(async (_flags: unknown, self: Command) => {
      exit.code = await runSimulate(self.opts<SimulateFlags>());
    });
}

async function runSimulate(flags: SimulateFlags): Promise<number> {
  const runs = runsOf(flags);
  const { modelNotes, simulate } = await import('../shard/simulate.ts');
  const status = new StatusLine();
  const cache = new Map();
  const results: SimulationResult[] = [];
  for (const [index, options] of runs.entries()) {
    results.push(simulate(options, { cache, onProgress: (share) => status.update(`simulating ${options.nodes} nodes: ${Math.round((100 * (index + share)) / runs.length)} %`) }));
  }
  status.clear();
  if (flags.png !== undefined) await writeOutput(flags.png, (await import('../dashboard/bar-png.ts')).panelsPng(panelsOf(results, flags.sweep?.name), results.length === 1 ? heatOf(results[0] as SimulationResult) : undefined));
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ results: results.map((result) => ({ ...result, windows: undefined })), notes: modelNotes })}\n`);
  else process.stdout.write(`${resultLines(results, { notes: modelNotes, sweep: flags.sweep?.name, columns: process.stdout.isTTY ? process.stdout.columns : 100 }).join('\n')}\n`);
  if (flags.png !== undefined && flags.png !== '-' && flags.json !== true) process.stdout.write(`${pc.dim('written')} ${flags.png}\n`);
  return 0;
}

/** The options of each simulation. @throws ForeshardError `usage` for what cannot be simulated */
function runsOf(flags: SimulateFlags): SimulationOptions[] {
  const { name, values } = flags.sweep ?? { name: 'nodes', values: [flags.nodes] };
  return values.map((value) => {
    const [nodes, rps, zipf] = [name === 'nodes' ? value : flags.nodes, name === 'rps' ? value : flags.rps, name === 'zipf' ? value : flags.zipf];
    if (flags.fail >= nodes) throw new ForeshardError('usage', `--fail ${flags.fail} of ${nodes} nodes leaves none`, { hint: 'give more --nodes, or lose fewer' });
    const requests = flags.duration === undefined ? Math.min(usual, Math.max(fewest, (rps * usualMs) / 1000)) : (rps * flags.duration) / 1000;
    if (requests > most || requests < 1000) {
      throw new ForeshardError('usage', `--duration makes ${requests.toPrecision(3)} reads of --rps ${rps}: between 1000 and ${most} can be simulated`, { hint: requests > most ? 'a shorter one says as much' : 'give more time' });
    }
    const { elements, replicas, drift, flash, service, clients, target, seed } = flags;
    return {
      nodes, zipf, elements, replicas, drift, flash, service, clients, target, seed, requestsPerSecond: rps, elementBytes: flags.elementSize, serviceMs: flags.serviceTime,
      nodeBytes: flags.nodeMemory, nodeCost: flags.nodeCost, failures: flags.fail, requests: Math.ceil(requests),
    };
  });
}

function sweepOf(text: string): Sweep {
  const [name = '', list = ''] = text.split('=');
  const parse = { nodes: nodesOf, rps: rpsOf, zipf: zipfOf }[name];
  const values = list.split(',').filter((one) => one !== '');
  if (parse === undefined || values.length === 0 || values.length > 20) {
    throw new ForeshardError('usage', `--sweep ${text} cannot be read`, { hint: 'write it like nodes=10,100,1000, rps=1e5,1e6 or zipf=0.9,1.1; 20 values at most' });
  }
  return { name: name as SweepName, values: values.map(parse) };
}

function seedOf(text: string): string {
  if (!/^[\da-f]{32}$/i.test(text)) throw new ForeshardError('usage', `--seed ${text} is not 32 hexadecimal digits`);
  return text.toLowerCase();
}
