import { Option, type Command } from 'commander';
import pc from 'picocolors';
import type { ByKind } from '../model/kind-values.ts';
import { collect, configFor, interruptible, StatusLine, pathName, portNumber, wholeNumber, type Exit } from './terminal.ts';
import { replicasOf } from './replicas.ts';
import { exitCodeOf, keepResult, printReport, type ReportFlags } from './results.ts';

interface ReplayFlags extends ReportFlags {
  readonly recording?: string;
  readonly candidate?: string;
  readonly instances?: number;
  readonly concurrency?: number;
  readonly preload?: boolean;
  readonly isolation?: 'auto' | 'none' | 'namespace';
  readonly laneStore?: 'auto' | 'overlay' | 'redis';
  readonly stateNode?: readonly string[];
  readonly replicas?: ByKind<number>;
  readonly filter?: string;
  readonly servicePort?: number;
  readonly ready?: string;
}

/** `foreshard replay --candidate 'node server-v2.js'` */
export function addReplay(program: Command, exit: Exit): void {
  program.command('replay').alias('test')
    .description('replay the recorded requests on their own state against a candidate and report what changed')
    .option('-c, --candidate <command>', 'how the candidate is started (default: as recorded)')
    .option('-r, --recording <folder>', 'the recording')
    .option('-f, --filter <text>', 'only this request id, or requests whose method and path contain this')
    .option('--service-port <port>', 'port the candidate has in its code', portNumber('--service-port'))
    .option('--ready <path>', 'path that the candidate answers once it is ready', pathName('--ready'))
    .option('--instances <n>', 'instances of the candidate (default: one a core)', wholeNumber('--instances'))
    .option('--concurrency <n>', 'cases in flight in one instance, with the preload', wholeNumber('--concurrency'))
    .option('--no-preload', 'one case at a time in each instance')
    .addOption(new Option('--isolation <kind>', 'namespace: instances live in networks of their own; none: never; auto: as recorded').choices(['auto', 'none', 'namespace']))
    .addOption(new Option('--lane-store <store>', 'where cases run their Redis commands; redis: a real redis-server for each lane').choices(['auto', 'overlay', 'redis']))
    .option('--state-node <address>', "'embedded', redis://host:port, memcached://host:port or foreshard://host:port, holds recorded state (repeatable)", collect)
    .option('--replicas <n>', 'copies of each element over the state nodes; by kind of state too, like 2,redis=3,http:catalogue=1', replicasOf)
    .option('--json <file>', 'write the report as JSON (- for standard output)')
    .option('--junit <file>', 'write the report as JUnit XML')
    .option('--html <file>', 'where the HTML report goes')
    .action(async (_flags: unknown, self: Command) => {
      exit.code = await runReplay(self, self.opts<ReplayFlags>());
    });
}

async function runReplay(self: Command, flags: ReplayFlags): Promise<number> {
  const { config, folder } = await configFor(self);
  const { replayCandidate } = await import('../replaying.ts');
  const status = new StatusLine();
  const interrupt = interruptible();
  let stage = 'replay';
  try {
    const result = await replayCandidate({
      config, folder, ...(flags.candidate === undefined ? {} : { candidate: flags.candidate }),
      flags: { ...flags, ...(flags.stateNode === undefined ? {} : { stateNodes: flags.stateNode }), ...(flags.servicePort === undefined ? {} : { port: flags.servicePort }) },
      signal: interrupt.signal,
      onStage: (next) => (stage = next),
      onCase: (_outcome, done, of) => status.update(`${stage}: ${done} of ${of}`),
    });
    status.clear();
    const kept = await keepResult(result, flags);
    await printReport(result.report, flags, kept.html);
    if (kept.failure !== undefined) throw kept.failure;
    if (interrupt.signal.aborted) {
      process.stderr.write(`${pc.yellow('interrupted')}: what had not run is counted as such\n`);
      return 130;
    }
    return exitCodeOf(result.report);
  } finally {
    status.clear();
    interrupt.release();
  }
}
