import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { printable } from '../lib/bytes.ts';
import { encodeHeatmap, encodeShardMap } from '../model/artefact-codec.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { openRecording } from '../recordings/open-recording.ts';
import { collect, configFor, wholeNumber, writeOutput, type Exit } from './terminal.ts';

/** `foreshard predict`: who will touch what. */
export function addPredict(program: Command, exit: Exit): void {
  program.command('predict')
    .description('the heatmap: which state elements will be read and written how much')
    .option('-r, --recording <folder>', 'the recording')
    .addOption(new Option('--from <source>', 'plan: replaying this recording; frequency: live traffic like it').choices(['plan', 'frequency']).default('plan'))
    .option('-o, --output <file>', 'write the heatmap there')
    .option('--top <n>', 'elements shown', wholeNumber('--top', { from: 0, to: 1_000_000 }), 20)
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; from: string; output?: string; top: number }>();
      const { config, folder } = await configFor(self);
      const { predictFrequency, predictPlan } = await import('../foreshard.ts');
      const opened = await openRecording(settingsOf(config, folder, 'replay', flags).recordingFolder);
      const heatmap = flags.from === 'frequency' ? predictFrequency(opened.requests) : predictPlan(opened.requests);
      if (flags.output !== undefined) await writeOutput(flags.output, encodeHeatmap(heatmap));
      printHeatmap(heatmap, flags.top);
      exit.code = 0;
    });
}

/** `foreshard shard`: where each element goes. */
export function addShard(program: Command, exit: Exit): void {
  program.command('shard')
    .description('the shard map: which state node holds what, before anything moves')
    .option('-r, --recording <folder>', 'the recording')
    .option('--state-node <address>', "'embedded' or redis://host:port (repeatable)", collect)
    .option('--replicas <n>', 'copies of each element', wholeNumber('--replicas'))
    .option('-o, --output <file>', 'write the shard map there')
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; stateNode?: string[]; replicas?: number; output?: string }>();
      const { config, folder } = await configFor(self);
      const { membersOf, predictPlan, shardPlan } = await import('../foreshard.ts');
      const settings = settingsOf(config, folder, 'replay', { ...flags, ...(flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode }) });
      const opened = await openRecording(settings.recordingFolder);
      const heatmap = predictPlan(opened.requests);
      const members = membersOf(settings.stateNodes);
      const { map } = shardPlan(heatmap, members, Math.min(flags.replicas ?? settings.replicas, members.length));
      if (flags.output !== undefined) await writeOutput(flags.output, encodeShardMap(map));
      printShares(heatmap, map);
      exit.code = 0;
    });
}

function printHeatmap(heatmap: Heatmap, top: number): void {
  process.stdout.write(`${pc.bold('heatmap')} from ${heatmap.source}: ${heatmap.elements.length} elements, ${heatmap.buckets} buckets of ${heatmap.bucketMs} ms\n`);
  const width = Math.min(60, Math.max(7, ...heatmap.elements.slice(0, top).map((element) => element.key.length)));
  process.stdout.write(pc.dim(`${'element'.padEnd(width)}  expected  P(read)  P(write)\n`));
  for (const element of heatmap.elements.slice(0, top)) {
    const expected = element.expected.reduce((sum, value) => sum + value, 0);
    process.stdout.write(`${printable(element.key).slice(0, width).padEnd(width)}  ${expected.toFixed(1).padStart(8)}  ${Math.max(...element.pRead).toFixed(2).padStart(7)}  ${Math.max(...element.pWrite).toFixed(2).padStart(8)}\n`);
  }
}

function printShares(heatmap: Heatmap, map: ShardMap): void {
  process.stdout.write(`${pc.bold('shard map')} epoch ${map.epoch}: ${map.members.length} members, ${map.overrides.size} hot elements with their own replica set, ${heatmap.elements.length} elements placed\n`);
  const slots = new Map<string, number>();
  for (const set of map.slots) for (const index of map.sets[set] ?? []) slots.set(map.members[index]?.id ?? '?', (slots.get(map.members[index]?.id ?? '?') ?? 0) + 1);
  for (const member of map.members) process.stdout.write(`  ${member.id}  ${member.address}  ${slots.get(member.id) ?? 0} of ${map.slots.length} slots\n`);
}
