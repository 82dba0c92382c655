import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { settingsOf } from '../config/settings.ts';
import { decodeShardMap, encodeShardMap } from '../model/artefact-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { openRecording } from '../recordings/open-recording.ts';
import { readHeatmap } from './heatmap.ts';
import { collect, configFor, wholeNumber, writeOutput, type Exit } from './terminal.ts';

interface PlanFlags {
  readonly recording?: string;
  readonly heatmap?: string;
  readonly stateNode?: string[];
  readonly replicas?: number;
  readonly from?: string;
  readonly moveBudget?: number;
  readonly output?: string;
  readonly json?: boolean;
}

/** `foreshard plan`: where each element goes, and why. */
export function addPlan(program: Command, exit: Exit): void {
  program.command('plan').alias('shard')
    .description('which state node will hold what, what that gives and costs, before anything moves')
    .option('-r, --recording <folder>', 'the recording')
    .option('--heatmap <file>', 'place by this heatmap instead of the recording')
    .option('--state-node <address>', "'embedded', redis://host:port, memcached://host:port or foreshard://host:port, with ,zone=a ,capacity=2 ,id=n behind it where they matter (repeatable)", collect)
    .option('--replicas <n>', 'copies of each element', wholeNumber('--replicas'))
    .option('--from <map>', 'the shard map there is: shows what moves, and moves little')
    .option('--move-budget <percent>', 'slots in use that may move for a better placement', percentage('--move-budget'))
    .option('-o, --output <file>', 'write the shard map there')
    .option('--json', 'print the shard map as JSON instead')
    .action(async (_flags: unknown, self: Command) => {
      await plan(self);
      exit.code = 0;
    });
}

async function plan(self: Command): Promise<void> {
  const flags = self.opts<PlanFlags>();
  const { config, folder } = await configFor(self);
  const { membersOf, planReport, predictPlan, shardPlan } = await import('../foreshard.ts');
  const settings = settingsOf(config, folder, 'replay', { ...flags, ...(flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode }) });
  const previous = flags.from === undefined ? undefined : await readShardMap(flags.from);
  const heatmap = flags.heatmap === undefined ? predictPlan((await openRecording(settings.recordingFolder)).requests) : await readHeatmap(flags.heatmap);
  const members = membersOf(previous !== undefined && flags.stateNode === undefined && config.stateNodes === undefined ? previous.members.map(({ address, id }) => `${address},id=${id}`) : settings.stateNodes, previous?.members);
  const replicas = Math.min(flags.replicas ?? (previous === undefined ? settings.replicas : replicasOf(previous)), members.length);
  const placement = shardPlan(heatmap, members, replicas, previous, flags.moveBudget === undefined ? {} : { moveBudget: flags.moveBudget });
  if (flags.output !== undefined) await writeOutput(flags.output, encodeShardMap(placement.map));
  if (flags.json === true) process.stdout.write(`${encodeShardMap(placement.map)}\n`);
  else if (flags.output !== '-') {
    const { planText } = await import('./plan-output.ts');
    process.stdout.write(`${planText(planReport({ heatmap, placement, replicas, previous }))}\n`);
  }
}

function replicasOf({ sets, slots }: ShardMap): number {
  return sets[slots[0] ?? 0]?.length ?? 1;
}

/** Reads a shard map from a file, `-` for standard input. @throws ForeshardError `input_not_found`, `recording_damaged`, `recording_newer` */
export async function readShardMap(path: string): Promise<ShardMap> {
  try {
    return decodeShardMap(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'));
  } catch (error) {
    if (error instanceof ForeshardError) throw error;
    throw new ForeshardError('input_not_found', `${path} cannot be read: ${(error as Error).message}`, { hint: 'foreshard plan … -o map.json makes one', cause: error });
  }
}

/** A commander parser for shares given in percent. */
function percentage(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value > 100) throw new ForeshardError('usage', `${flag} ${text} is not a percentage from 0 to 100`);
    return value / 100;
  };
}
