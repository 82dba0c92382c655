import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { memberSettings } from '../config/member-setting.ts';
import { settingsOf } from '../config/settings.ts';
import { decodeShardMap } from '../model/artefact-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Member, ShardMap } from '../model/shard-map.ts';
import { NodeWatch, type NodeView } from '../state-nodes/node-watch.ts';
import type { StateNode } from '../state-nodes/state-node.ts';
import { readHeatmap } from './heatmap.ts';
import { nodesTable } from './nodes-table.ts';
import { collect, configFor, interruptible, wholeNumber, type Exit } from './terminal.ts';

interface NodesFlags {
  readonly stateNode?: string[];
  readonly map?: string;
  readonly heatmap?: string;
  readonly namespace: string;
  readonly watch?: number;
  readonly json?: boolean;
}

/** Without --watch there are two looks, so far apart: operations per second are the difference, and one look in vain is no proof. */
const betweenLooksMs = 500;
const timeoutMs = 2000;

/** `foreshard nodes`: how the state nodes are. */
export function addNodes(program: Command, exit: Exit): void {
  program.command('nodes')
    .description('the state nodes: who owns what, which are up, how fast, how full')
    .option('--state-node <address>', 'redis://host:port, foreshard://host:port … (repeatable; default: the configuration)', collect)
    .option('--map <file>', 'the shard map: its members, and what each owns')
    .option('--heatmap <file>', 'the heatmap: the share of expected load of each member of the map')
    .option('--namespace <name>', 'what is counted on a server that others use too', 'foreshard')
    .option('--watch <seconds>', 'look again and again, until Ctrl-C', wholeNumber('--watch', { from: 1, to: 3600 }))
    .option('--json', 'print JSON instead, one line a look')
    .action(async (_flags: unknown, self: Command) => {
      exit.code = await runNodes(self);
    });
}

async function runNodes(self: Command): Promise<number> {
  const flags = self.opts<NodesFlags>();
  const map = flags.map === undefined ? undefined : await readShardMap(flags.map);
  if (flags.heatmap !== undefined && map === undefined) throw new ForeshardError('usage', '--heatmap says nothing without a map', { hint: 'name it with --map' });
  if (map !== undefined && flags.stateNode !== undefined) throw new ForeshardError('usage', '--map names the state nodes: --state-node cannot be given too');
  const heatmap = flags.heatmap === undefined ? undefined : await readHeatmap(flags.heatmap);
  const members = map?.members ?? await membersFor(self, flags);
  const watch = new NodeWatch({
    members, now: () => performance.now(), open: (member) => openNode(member, flags.namespace),
    ...map === undefined ? {} : { map }, ...heatmap === undefined ? {} : { heatmap },
  });
  try {
    return await (flags.watch === undefined ? once(watch, flags) : again(watch, flags, flags.watch * 1000));
  } finally {
    await watch.close();
  }
}

async function once(watch: NodeWatch, flags: NodesFlags): Promise<number> {
  await watch.look();
  await delay(betweenLooksMs);
  const nodes = await watch.look();
  process.stdout.write(textOf(nodes, flags));
  return nodes.every(({ state }) => state === 'up') ? 0 : 3;
}

async function again(watch: NodeWatch, flags: NodesFlags, everyMs: number): Promise<number> {
  const interrupt = interruptible();
  const inPlace = process.stdout.isTTY && flags.json !== true;
  try {
    while (!interrupt.signal.aborted) {
      const text = textOf(await watch.look(), flags);
      // Home, each line cleared to its end, and the rest of the screen: nothing flickers.
      if (inPlace) process.stdout.write(`\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[J`);
      else process.stdout.write(flags.json === true ? text : `${text}\n`);
      await delay(everyMs, undefined, { signal: interrupt.signal }).catch(() => {});
    }
    return 0;
  } finally {
    interrupt.release();
  }
}

function textOf(nodes: readonly NodeView[], flags: NodesFlags): string {
  return flags.json === true ? `${JSON.stringify({ nodes })}\n` : nodesTable(nodes, process.stdout.isTTY ? process.stdout.columns : 200);
}

async function membersFor(self: Command, flags: NodesFlags): Promise<Member[]> {
  const { config, folder } = await configFor(self);
  const { stateNodes } = settingsOf(config, folder, 'replay', flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode });
  return memberSettings(stateNodes);
}

/** Connects to look, not to stay: nothing is cleared on closing. */
async function openNode(member: Member, namespace: string): Promise<StateNode> {
  if (member.address === 'embedded') throw new ForeshardError('usage', 'an embedded state node lives in the process that uses it: there is nothing to look at', { hint: 'name others with --state-node, or start one with foreshard node' });
  const { openStateNode } = await import('../state-nodes/open-state-node.ts');
  return openStateNode(member, { namespace, onClose: 'keep', timeoutMs, allowEviction: true });
}

/** Reads a shard map from a file, `-` for standard input. @throws ForeshardError `input_not_found`, `recording_damaged`, `recording_newer` */
async function readShardMap(path: string): Promise<ShardMap> {
  let text: string;
  try {
    text = await readFile(path === '-' ? '/dev/stdin' : path, 'utf8');
  } catch (error) {
    throw new ForeshardError('input_not_found', `${path} cannot be read: ${(error as Error).message}`, { hint: 'foreshard shard -o map.json makes one', cause: error });
  }
  return decodeShardMap(text);
}
