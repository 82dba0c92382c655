import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, type ShardMap } from '../model/shard-map.ts';
import type { RunningSteward } from '../clustering.ts';
import type { MembershipChange } from '../state-nodes/membership.ts';
import type { DeadlySlot } from '../state-nodes/key-of-death.ts';
import { readHeatmap } from './heatmap.ts';
import { collect, configFor, interruptible, wholeNumber, type Exit } from './terminal.ts';

interface ClusterFlags {
  readonly stateNode?: string[];
  readonly coordinator?: string;
  readonly namespace: string;
  readonly replicas?: number;
  readonly heatmap?: string;
  readonly siblings?: boolean;
  readonly json?: boolean;
}

/** How often the heatmap is looked at for a newer one. */
const heatmapLookMs = 2000;

/** `foreshard cluster`: a steward for state nodes that several processes use. */
export function addCluster(program: Command, exit: Exit): void {
  program.command('cluster')
    .description('looks after state nodes until it is stopped: replaces who dies, moves what placement wants, levels replicas. Run it twice, and one stands by')
    .option('--state-node <address>', 'redis://host:port, memcached://host:port, foreshard://host:port (repeatable; default: the configuration)', collect)
    .option('--coordinator <url>', 'redis://host:port of a Redis or Valkey where the shard map is agreed on')
    .option('--namespace <name>', 'tells this cluster from others on the same servers', 'cluster')
    .option('--replicas <n>', 'copies of each element', wholeNumber('--replicas'))
    .option('--heatmap <file>', 'place by this heatmap; it is read again when it changes')
    .option('--siblings', 'keep what was written at the same time side by side, instead of the later one')
    .option('--json', 'print one JSON object for each event')
    .action(async (_flags: unknown, self: Command) => {
      exit.code = await runCluster(self);
    });
}

async function runCluster(self: Command): Promise<number> {
  const flags = self.opts<ClusterFlags>();
  const { config, folder } = await configFor(self);
  const settings = settingsOf(config, folder, 'replay', flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode });
  if (flags.coordinator === undefined) throw new ForeshardError('usage', 'a cluster needs a coordinator that all of its processes reach', { hint: 'for example --coordinator redis://127.0.0.1:6379' });
  const { changeInWords, startSteward } = await import('../clustering.ts');
  const { membersOf } = await import('../foreshard.ts');
  const stateNodes = membersOf(settings.stateNodes);
  if (stateNodes.some(({ address }) => address === 'embedded')) throw new ForeshardError('usage', 'an embedded state node lives in one process only', { hint: 'name state nodes with --state-node; foreshard node starts one' });
  const [replicas, ...others] = settings.replicas;
  if (flags.replicas === undefined && others.length > 0) throw new ForeshardError('usage', 'a cluster has as many copies of one element as of any other: replicas by kind are for replay and plan', { hint: 'for example --replicas 3' });
  const tell = (event: string, text: string, fields: object): void => void process.stdout.write(flags.json === true ? `${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n` : `${pc.dim(new Date().toISOString().slice(11, 19))} ${text}\n`);
  const told = new Map<string, string>();
  const running = await startSteward({
    stateNodes, coordinator: flags.coordinator, namespace: flags.namespace, replicas: flags.replicas ?? replicas?.value ?? 1, consistency: settings.consistency,
    ...(flags.heatmap === undefined ? {} : { heatmap: await readHeatmap(flags.heatmap) }), ...(flags.siblings === true ? { order: 'siblings' as const } : {}),
    onChange: (changes) => {
      for (const change of changes.filter((one) => isNews(told, one))) tell('member', changeInWords(change), change);
    },
    onProblem: (error) => tell('problem', error.message, { code: error.code, message: error.message }),
    onDeadly: (slots) => tell('deadly', deadlyInWords(slots), { slots }),
    onMap: (map) => tell('map', mapInWords(map), { incarnation: map.incarnation, epoch: map.epoch, members: map.members.map(memberName), changing: map.changes.size, hot: map.overrides.size }),
  });
  const watch = flags.heatmap === undefined ? undefined : watchHeatmap(flags.heatmap, running, (text) => tell('heatmap', text, { file: flags.heatmap }));
  const { signal, release } = interruptible();
  // The sockets of the steward are what keeps the process alive, and they may be lost for a while.
  const alive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(alive);
  clearInterval(watch);
  await running.stop();
  release();
  return 0;
}

/** Places anew when the file has changed. One that cannot be read is told, and the one before stays. */
function watchHeatmap(file: string, running: RunningSteward, tell: (text: string) => void): NodeJS.Timeout {
  let seen = 0;
  return setInterval(() => {
    void stat(file).then(async ({ mtimeMs }) => {
      const before = seen;
      seen = mtimeMs;
      if (before === 0 || before === mtimeMs) return;
      running.useHeatmap(await readHeatmap(file));
      tell(`${file} has changed: placing by it`);
    }).catch((error: unknown) => tell(`${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`));
  }, heatmapLookMs);
}

/** Who was only slow for a moment is no news: `told` is what was said of each member last. */
function isNews(told: Map<string, string>, { id, life, condition }: MembershipChange): boolean {
  if (condition === 'suspected') return false;
  const now = `${life} ${condition}`;
  if (told.get(id) === now) return false;
  told.set(id, now);
  return true;
}

function deadlyInWords(slots: readonly DeadlySlot[]): string {
  if (slots.length === 0) return 'no slot is held back any longer';
  const [worst] = slots as [DeadlySlot];
  return `${slots.length} slots stay where they are: whoever holds slot ${worst.slot} dies (${worst.members.join(', ')})`;
}

function mapInWords(map: ShardMap): string {
  const changing = map.changes.size === 0 ? 'settled' : `${map.changes.size} slots on their way`;
  return `map ${map.incarnation}.${map.epoch}: ${map.members.map(memberName).join(', ')}; ${changing}${map.overrides.size === 0 ? '' : `; ${map.overrides.size} hot`}`;
}
