import { setTimeout as delay } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import type { RecordJob, RecordRequest } from '../foreshard.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Run } from '../model/run.ts';
import { collect, configFor, interruptible, sizeText, StatusLine, pathName, portNumber, wholeNumber, type Exit } from './terminal.ts';

interface RecordFlags {
  readonly recording?: string;
  readonly listen?: number;
  readonly servicePort?: number;
  readonly ready?: string;
  readonly redis?: string;
  readonly http?: readonly string[];
  readonly snapshot?: 'auto' | 'touch' | 'full';
  readonly instances?: number;
  readonly concurrency?: number;
  readonly preload?: boolean;
  readonly isolation?: 'auto' | 'none' | 'namespace';
  readonly overwrite?: boolean;
  readonly drive?: string;
  readonly control?: boolean;
}

/** How long the end of the service may take to be noticed after the traffic has failed. */
const endNoticedMs = 50;

/** `foreshard record -- node server.js` */
export function addRecord(program: Command, exit: Exit): void {
  program.command('record')
    .description('start the service behind gateways and record what goes through; Ctrl-C ends it')
    .argument('[command...]', 'how the service is started (after --)')
    .option('-r, --recording <folder>', 'where the recording goes')
    .option('--listen <port>', 'port where traffic is taken (0 for a free one; the service’s own unless given)', portNumber('--listen'))
    .option('--service-port <port>', 'port the service has in its code', portNumber('--service-port'))
    .option('--ready <path>', 'path that the service answers once it is ready', pathName('--ready'))
    .option('--redis <upstream>', "'embedded' or redis://host:port")
    .option('--http <name=url>', 'an HTTP dependency of the service (repeatable)', collect)
    .addOption(new Option('--snapshot <kind>', 'auto: all keys of a small server; touch: what is touched; full: all (default: auto)').choices(['auto', 'touch', 'full']))
    .option('--instances <n>', 'instances of the service', wholeNumber('--instances'))
    .option('--concurrency <n>', 'requests in flight in one instance, with the preload', wholeNumber('--concurrency'))
    .option('--no-preload', 'leave Node.js services alone too')
    .addOption(new Option('--isolation <kind>', 'namespace: instances live in networks of their own; none: never; auto: where their addresses are in their code (Linux)').choices(['auto', 'none', 'namespace']))
    .option('--overwrite', 'replace a recording that is there')
    .option('--drive <command>', 'send the traffic with this command and end with it; {url} stands for the address')
    .option('--no-control', 'do not replay the baseline at the end')
    .action(async (command: string[], _flags: unknown, self: Command) => {
      exit.code = await runRecord(self, command, self.opts<RecordFlags>());
    });
}

async function runRecord(self: Command, command: readonly string[], flags: RecordFlags): Promise<number> {
  const { config, folder } = await configFor(self);
  const { startRecording } = await import('../foreshard.ts'); // half a second: not for those who only ask for help
  const status = new StatusLine();
  const interrupt = interruptible();
  const request: RecordRequest = {
    config, folder, ...(command.length === 0 ? {} : { command }),
    flags: { ...flags, ...(flags.servicePort === undefined ? {} : { port: flags.servicePort }) },
    onRequest: (recorded) => status.update(`recorded ${recorded} requests`),
    signal: interrupt.signal,
  };
  let ended: Awaited<ReturnType<RecordJob['stop']>>;
  try {
    const job = await startRecording(request);
    announce(job);
    const reason = await untilOver(job, flags.drive, interrupt.signal);
    status.clear();
    if (job.session.inFlight > 0) process.stderr.write(`waiting for ${job.session.inFlight} requests in flight; Ctrl-C again ends at once\n`);
    ended = await job.stop();
    printResult(job, ended);
    if (reason !== undefined) throw reason;
    if (ended.requests === 0) throw nothingRecorded(job);
  } finally {
    status.clear();
    interrupt.release();
  }
  if (flags.control !== false) await control(request, status);
  return 0;
}

function printResult(job: RecordJob, ended: Awaited<ReturnType<RecordJob['stop']>>): void {
  if (ended.requests > 0) {
    process.stderr.write(`${pc.green('recorded')} ${ended.requests} requests, ${sizeText(ended.bytes)} in ${job.folder}\n`);
    if (ended.losses > 0) process.stderr.write(`${pc.yellow('losses')} ${ended.losses}: foreshard list shows them\n`);
  } else for (const message of ended.lossMessages) process.stderr.write(`${pc.yellow('loss')} ${message}\n`);
}

function nothingRecorded(job: RecordJob): ForeshardError {
  const { host, port } = job.session.address;
  return new ForeshardError('recording_empty', `no request came to http://${host}:${port}: nothing was recorded and ${job.folder} is as it was before`, {
    hint: 'send the traffic to that address while it records, or let --drive do it',
  });
}

function announce(job: RecordJob): void {
  const { session } = job;
  const upstream = job.redis.map((spec) => `${spec.name} ${withoutSecret(spec.upstream)}`).join(', ');
  process.stderr.write(`${pc.bold('recording')} send traffic to ${pc.cyan(`http://${session.address.host}:${session.address.port}`)}\n`);
  process.stderr.write(pc.dim(`  ${upstream}${job.embedded.length > 0 ? ` (redis-cli -p ${job.embedded[0]?.split(':')[1]})` : ''}; `
    + `${session.preloaded ? 'requests told apart by context' : 'one request at a time in each instance'}; Ctrl-C ends\n`));
}

/** Waits for Ctrl-C, the end of the driving command, or the end of the service. */
async function untilOver(job: RecordJob, drive: string | undefined, signal: AbortSignal): Promise<Error | undefined> {
  const interrupted = new Promise<undefined>((done) => {
    if (signal.aborted) done(undefined);
    signal.addEventListener('abort', () => done(undefined), { once: true });
  });
  const driver = drive === undefined ? undefined : (await import('./driver.ts')).startDriver(drive, `http://${job.session.address.host}:${job.session.address.port}`);
  try {
    const reason = await Promise.race([interrupted, job.session.failed, ...(driver === undefined ? [] : [driver.ended])]);
    // Traffic that fails because the service has ended is no reason of its own.
    return (await Promise.race([job.session.failed, delay(endNoticedMs, undefined)])) ?? reason;
  } finally {
    await driver?.stop();
  }
}

/** The baseline is still here: its replay is paid now, once. */
async function control(request: RecordRequest, status: StatusLine): Promise<void> {
  const started = performance.now();
  const interrupt = interruptible();
  const { runControls } = await import('../replaying.ts');
  let runs: readonly Run[];
  try {
    runs = await runControls({
      config: request.config, folder: request.folder, flags: withoutLanes(request.flags), signal: interrupt.signal,
      onStage: (stage) => status.update(stage),
      onCase: (_outcome, done, of) => status.update(`control run: ${done} of ${of}`),
    });
  } finally {
    status.clear();
    interrupt.release();
  }
  const failed = runs[0]?.outcomes.filter((outcome) => outcome.status !== 'completed').length ?? 0;
  process.stderr.write(`${pc.green('control')}  the baseline was replayed ${runs.length} times from the recorded state in ${((performance.now() - started) / 1000).toFixed(1)} s`
    + `${failed > 0 ? pc.yellow(`, ${failed} requests failed`) : ''}\n`);
}

function withoutLanes(flags: RecordRequest['flags']): RecordRequest['flags'] {
  const { instances: _instances, concurrency: _concurrency, ...rest } = flags;
  return rest;
}

function withoutSecret(upstream: string): string {
  return upstream.replace(/\/\/[^@/]*@/, '//');
}
