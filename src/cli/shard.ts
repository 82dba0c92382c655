import type { Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { encodeShardMap } from '../model/artefact-codec.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { openRecording } from '../recordings/open-recording.ts';
import { readHeatmap } from './heatmap.ts';
import { collect, configFor, wholeNumber, writeOutput, type Exit } from './terminal.ts';

/** `foreshard shard`: where each element goes. */
export function addShard(program: Command, exit: Exit): void {
  program.command('shard')
    .description('the shard map: which state node holds what, before anything moves')
    .option('-r, --recording <folder>', 'the recording')
    .option('--heatmap <file>', 'place by this heatmap instead of the recording')
    .option('--state-node <address>', "'embedded', redis://host:port, memcached://host:port or foreshard://host:port (repeatable)", collect)
    .option('--replicas <n>', 'copies of each element', wholeNumber('--replicas'))
    .option('-o, --output <file>', 'write the shard map there')
    .option('--json', 'print the shard map as JSON instead')
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; heatmap?: string; stateNode?: string[]; replicas?: number; output?: string; json?: boolean }>();
      const { config, folder } = await configFor(self);
      const { membersOf, predictPlan, shardPlan } = await import('../foreshard.ts');
      const settings = settingsOf(config, folder, 'replay', { ...flags, ...(flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode }) });
      const heatmap = flags.heatmap === undefined ? predictPlan((await openRecording(settings.recordingFolder)).requests) : await readHeatmap(flags.heatmap);
      const members = membersOf(settings.stateNodes);
      const { map } = shardPlan(heatmap, members, Math.min(flags.replicas ?? settings.replicas, members.length));
      if (flags.output !== undefined) await writeOutput(flags.output, encodeShardMap(map));
      if (flags.json === true) process.stdout.write(`${encodeShardMap(map)}\n`);
      else printShares(heatmap, map);
      exit.code = 0;
    });
}

function printShares(heatmap: Heatmap, map: ShardMap): void {
  process.stdout.write(`${pc.bold('shard map')} epoch ${map.epoch}: ${map.members.length} members, ${map.overrides.size} hot elements with their own replica set, ${heatmap.elements.length} elements placed\n`);
  const slots = new Map<string, number>();
  for (const set of map.slots) for (const index of map.sets[set] ?? []) slots.set(map.members[index]?.id ?? '?', (slots.get(map.members[index]?.id ?? '?') ?? 0) + 1);
  for (const member of map.members) process.stdout.write(`  ${member.id}  ${member.address}  ${slots.get(member.id) ?? 0} of ${map.slots.length} slots\n`);
}
