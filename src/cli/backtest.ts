import type { Command } from 'commander';
import pc from 'picocolors';
import type { Heatmap } from '../model/heatmap.ts';
import { addInputOptions, forecastRequest, type InputFlags } from './forecast-inputs.ts';
import { configFor, interruptible, StatusLine, type Exit } from './terminal.ts';

/** `foreshard backtest`: how good forecasts of this traffic would have been. */
export function addBacktest(program: Command, exit: Exit): void {
  const command = program.command('backtest')
    .description('asks every method at past moments of the inputs for what came next, and scores it')
    .argument('<inputs...>', 'as for predict')
    .option('--json', 'print the scores as JSON');
  addInputOptions(command).action(async (inputs: string[], _flags: unknown, self: Command) => {
    const flags = self.opts<InputFlags & { json?: boolean }>();
    const { config, folder } = await configFor(self);
    const status = new StatusLine();
    const interrupt = interruptible();
    try {
      const { forecastTraffic } = await import('../forecast.ts');
      const { heatmap, problems } = await forecastTraffic({ ...forecastRequest({ inputs, flags, config, folder, status }), signal: interrupt.signal });
      status.clear();
      for (const problem of problems) process.stderr.write(`${pc.yellow('note')}  ${problem}\n`);
      const { series = [], models = [] } = heatmap;
      process.stdout.write(flags.json === true ? `${JSON.stringify({ series: series.map(({ name, kind, model, why, scores }) => ({ name, kind, model, why, scores })), models }, null, 2)}\n` : `${tables(heatmap)}\n`);
      exit.code = 0;
    } finally {
      status.clear();
      interrupt.release();
    }
  });
}

function tables(heatmap: Heatmap): string {
  const lines: string[] = [];
  for (const { name, kind, model, why, scores } of heatmap.series ?? []) {
    lines.push(`${pc.bold(name)} ${pc.dim(`(${kind})`)}  ${model}: ${why}`);
    if (scores.length > 0) lines.push(pc.dim('  method             error ÷ a day ago       error  in 80 % interval  past moments'));
    for (const score of [...scores].sort((a, b) => a.mae - b.mae)) {
      lines.push(`${score.name === model ? pc.green('▸') : ' '} ${score.name.padEnd(18)} ${(score.relativeMae ?? Number.NaN).toFixed(3).padStart(17)} ${String(score.mae).padStart(11)}  ${`${Math.round(100 * score.coverage)} %`.padStart(16)}  ${String(score.origins).padStart(12)}`);
    }
  }
  const { models = [] } = heatmap;
  if (models.length > 0) lines.push('', pc.bold('P(access) of elements, on windows held back'), pc.dim('  access  ahead  method             Brier skill  log loss  calibration error     cases'));
  for (const { access, horizon, method, scores } of models) {
    for (const score of scores) {
      lines.push(`${score.method === method ? pc.green('▸') : ' '} ${access.padEnd(6)} ${String(horizon).padStart(6)}  ${score.method.padEnd(18)} ${String(score.brierSkill).padStart(11)} ${String(score.logLoss).padStart(9)} ${String(score.ece).padStart(18)} ${String(score.cases).padStart(9)}`);
    }
  }
  return lines.length === 0 ? 'nothing to score' : lines.join('\n');
}
