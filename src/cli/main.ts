import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { ForeshardError } from '../model/errors.ts';
import { addAccept } from './accept.ts';
import { addBacktest } from './backtest.ts';
import { addCluster } from './cluster.ts';
import { addExplain } from './explain.ts';
import { addHeatmap } from './heatmap.ts';
import { addInspect, addList } from './inspect.ts';
import { addNode } from './node.ts';
import { addNodes } from './nodes.ts';
import { addPlan } from './plan.ts';
import { addPredict } from './predict.ts';
import { addRecord } from './record.ts';
import { addReplay } from './replay.ts';
import { addReport } from './report.ts';
import { addSimulate } from './simulate.ts';

/** Runs one command and returns its exit code: 0 ok, 1 regression, 2 usage or configuration, 3 infrastructure or incomplete, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<number> {
  const exit = { code: 0 };
  const program = new Command('foreshard')
    .description('Replays recorded traffic of a stateful service against a new version of it, every request on exactly the state it ran on.')
    .version('0.1.0')
    .option('--config <file>', 'configuration (default: foreshard.config.ts in the current folder)')
    .exitOverride()
    .showSuggestionAfterError();
  for (const add of [addRecord, addReplay, addReport, addAccept, addList, addInspect, addPredict, addHeatmap, addExplain, addBacktest, addPlan, addNode, addNodes, addCluster, addSimulate]) add(program, exit);
  guardProcess();
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit.code;
  } catch (error) {
    return reportError(error);
  }
}

/** A reader that has seen enough (`| head`) is no error; what nobody caught is said and is no regression, which exit code 1 would mean. */
function guardProcess(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  process.on('uncaughtException', (error) => process.exit(reportError(error)));
}

function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ForeshardError) {
    process.stderr.write(`${pc.red('error')} ${pc.dim(error.code)} ${error.message}\n`);
    if (error.hint !== undefined) process.stderr.write(`${pc.dim('hint')}  ${error.hint}\n`);
    return error.exitCode;
  }
  process.stderr.write(`${pc.red('error')} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 3;
}
