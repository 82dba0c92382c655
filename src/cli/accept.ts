import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { ForeshardError } from '../model/errors.ts';
import type { CaseReport, Report } from '../model/report.ts';
import { lastResult } from './results.ts';
import { configFor, type Exit } from './terminal.ts';

/** `foreshard accept`: shows the differences, asks, and takes them as the new baseline. */
export function addAccept(program: Command, exit: Exit): void {
  program.command('accept')
    .description('take what the last replay did differently as the new baseline, after showing it')
    .argument('[ids...]', 'request ids')
    .option('-r, --recording <folder>', 'the recording')
    .option('--all', 'every request that differs')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: string[], _flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; all?: boolean; yes?: boolean }>();
      const { config, folder } = await configFor(self);
      const recordingFolder = settingsOf(config, folder, 'replay', flags).recordingFolder;
      const { run, report } = await lastResult(recordingFolder);
      const chosen = chooseCases(report, ids, flags.all === true);
      for (const one of chosen) process.stdout.write(`${preview(one)}\n`);
      exit.code = 0;
      if (chosen.length === 0 || (flags.yes !== true && !(await confirmed(chosen.length)))) {
        process.stdout.write(`${chosen.length === 0 ? 'no request differs: nothing to accept' : 'nothing was accepted'}\n`);
        return;
      }
      const { acceptOutcomes } = await import('../replaying.ts');
      const taken = await acceptOutcomes(recordingFolder, run, new Set(chosen.map((one) => one.id)));
      process.stdout.write(`${pc.green('accepted')} ${taken} of ${chosen.length}; the next replay is compared with that\n`);
    });
}

function chooseCases(report: Report, ids: readonly string[], all: boolean): readonly CaseReport[] {
  const differing = report.cases.filter((one) => one.verdict === 'differs');
  if (all) return differing;
  if (ids.length === 0) throw new ForeshardError('usage', 'say which requests to accept, or --all', { hint: `${differing.length} requests differ` });
  return ids.map((id) => {
    const found = report.cases.find((one) => one.id === id);
    if (found === undefined) throw new ForeshardError('request_not_found', `${id} was not in the last replay`, { hint: 'foreshard report shows the ids' });
    return found;
  });
}

function preview(one: CaseReport): string {
  const lines = one.differences.map((difference) =>
    `  ${difference.kind} ${difference.path}  ${pc.red(`- ${difference.baseline ?? 'nothing'}`)}  ${pc.green(`+ ${difference.candidate ?? 'nothing'}`)}`);
  return `${pc.bold(one.id)} ${one.method} ${one.target}\n${lines.join('\n')}`;
}

async function confirmed(count: number): Promise<boolean> {
  if (!process.stdin.isTTY) throw new ForeshardError('usage', 'nobody is there to be asked', { hint: 'add --yes' });
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const ended = new Promise<string>((done) => lines.once('close', () => done(''))); // Ctrl-D, Ctrl-C
    return /^y(es)?$/i.test(await Promise.race([lines.question(`accept ${count} requests as the new baseline? [y/N] `), ended]));
  } finally {
    lines.close();
  }
}
