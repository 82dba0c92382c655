import { readFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import type { Command } from 'commander';
import { settingsOf } from '../config/settings.ts';
import { decodeShardMap, encodeShardMap } from '../model/artefact-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import { kindValues, type ByKind, type KindValue } from '../model/kind-values.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { openRecording } from '../recordings/open-recording.ts';
import { readHeatmap } from './heatmap.ts';
import { replicasOf } from './replicas.ts';
import { collect, configFor, writeOutput, type Exit } from './terminal.ts';

interface PlanFlags {
  readonly recording?: string;
  readonly heatmap?: string;
  readonly stateNode?: string[];
  readonly replicas?: ByKind<number>;
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
    .option('--replicas <n>', 'copies of each element; by kind of state too, like 2,redis=3,http:catalogue=1: a map for each number, in map-1.json, map-2.json …', replicasOf)
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
  const { factorsOf, heatmapOf, membersOf, planReport, predictPlan, shardPlan } = await import('../foreshard.ts');
  const { planText } = await import('./plan-output.ts');
  const settings = settingsOf(config, folder, 'replay', { ...flags, ...(flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode }) });
  const before = await previousMaps(flags, settings.replicas);
  const heatmap = flags.heatmap === undefined ? predictPlan((await openRecording(settings.recordingFolder)).requests) : await readHeatmap(flags.heatmap);
  const [known] = before.values();
  const members = membersOf(known !== undefined && flags.stateNode === undefined && config.stateNodes === undefined ? known.members : settings.stateNodes, known?.members);
  const kinds = known !== undefined && settings.replicas.length === 1 && flags.replicas === undefined ? kindValues(replicasIn(known), 1) : settings.replicas;
  for (const [index, factor] of factorsOf(kinds, members.length).entries()) {
    const theirs = kinds.length === 1 ? heatmap : heatmapOf(heatmap, factor);
    const previous = before.get(kinds.length === 1 ? 0 : factor.replicas);
    const placement = shardPlan(theirs, members, factor.replicas, previous, flags.moveBudget === undefined ? {} : { moveBudget: flags.moveBudget });
    if (flags.output !== undefined) await writeOutput(fileOf(flags.output, kinds, factor.replicas), encodeShardMap(placement.map));
    if (flags.json === true) process.stdout.write(`${encodeShardMap(placement.map)}\n`);
    else if (flags.output !== '-') {
      const report = planReport({ heatmap: theirs, placement, replicas: factor.replicas, previous });
      process.stdout.write(`${index === 0 ? '' : '\n'}${planText(report, kinds.length === 1 ? undefined : factor.prefixes)}\n`);
    }
  }
}

/** The maps there are: by replication factor where kinds of state have their own, else one by 0. */
async function previousMaps({ from }: PlanFlags, kinds: readonly KindValue<number>[]): Promise<Map<number, ShardMap>> {
  if (from === undefined) return new Map();
  if (kinds.length === 1) return new Map([[0, await readShardMap(from)]]);
  const factors = [...new Set(kinds.map(({ value }) => value))];
  return new Map(await Promise.all(factors.map(async (replicas) => [replicas, await readShardMap(fileOf(from, kinds, replicas))] as const)));
}

/** Where replicas are by kind, each factor has a map and a file: `map-2.json`, `map-3.json`. */
function fileOf(path: string, kinds: readonly KindValue<number>[], replicas: number): string {
  if (kinds.length === 1 || path === '-') return path;
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${replicas}${ext}`);
}

function replicasIn({ sets, slots }: ShardMap): number {
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
