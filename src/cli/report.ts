import type { Command } from 'commander';
import { settingsOf } from '../config/settings.ts';
import { lastResult } from './results.ts';
import { configFor, type Exit } from './terminal.ts';

/** `foreshard report`: the last one again. */
export function addReport(program: Command, exit: Exit): void {
  program.command('report')
    .description('show the report of the last replay again')
    .option('-r, --recording <folder>', 'the recording')
    .option('--json', 'as JSON')
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; json?: boolean }>();
      const { config, folder } = await configFor(self);
      const { terminalReport } = await import('../report/terminal.ts');
      const { report } = await lastResult(settingsOf(config, folder, 'replay', flags).recordingFolder);
      process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${terminalReport(report)}\n`);
      exit.code = 0;
    });
}
