import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import pc from 'picocolors';
import { splitCommand } from '../config/config.ts';
import { runControls, startRecording, type RecordJob, type RecordRequest } from '../foreshard.ts';
import { ForeshardError } from '../model/errors.ts';
import { collect, configFor, interruptible, sizeText, StatusLine, portNumber, wholeNumber, type Exit } from './terminal.ts';

interface RecordFlags {
  readonly recording?: string;
  readonly listen?: number;
  readonly servicePort?: number;
  readonly redis?: string;
  readonly http?: readonly string[];
  readonly snapshot?: 'auto' | 'touch' | 'full';
  readonly instances?: number;
  readonly concurrency?: number;
  readonly preload?: boolean;
  readonly overwrite?: boolean;
  readonly drive?: string;
  readonly control?: boolean;
}

/** `foreshard record -- node server.js` */
export function addRecord(program: Command, exit: Exit): void {
  program.command('record')
    .description('start the service behind gateways and record what goes through; Ctrl-C ends it')
    .argument('[command...]', 'how the service is started (after --)')
    .option('-r, --recording <folder>', 'where the recording goes')
    .option('--listen <port>', 'port where traffic is taken (0 for a free one; the service’s own unless given)', portNumber('--listen'))
    .option('--service-port <port>', 'port the service has in its code', portNumber('--service-port'))
    .option('--redis <upstream>', "'embedded' or redis://host:port")
    .option('--http <name=url>', 'an HTTP dependency of the service (repeatable)', collect)
    .option('--snapshot <kind>', 'auto: all keys of a small server; touch: what is touched; full: all', 'auto')
    .option('--instances <n>', 'instances of the service', wholeNumber('--instances'))
    .option('--concurrency <n>', 'requests in flight in one instance, with the preload', wholeNumber('--concurrency'))
    .option('--no-preload', 'leave Node.js services alone too')
    .option('--overwrite', 'replace a recording that is there')
    .option('--drive <command>', 'send the traffic with this command and end with it; {url} stands for the address')
    .option('--no-control', 'do not replay the baseline at the end')
    .action(async (command: string[], _flags: unknown, self: Command) => {
      exit.code = await runRecord(self, command, self.opts<RecordFlags>());
    });
}

async function runRecord(self: Command, command: readonly string[], flags: RecordFlags): Promise<number> {
  const { config, folder } = await configFor(self);
  const status = new StatusLine();
  const interrupt = interruptible();
  const request: RecordRequest = {
    config, folder, ...(command.length === 0 ? {} : { command }),
    flags: { ...flags, ...(flags.servicePort === undefined ? {} : { port: flags.servicePort }) },
    onRequest: (recorded) => status.update(`recorded ${recorded} requests`),
  };
  try {
    const job = await startRecording(request);
    announce(job);
    const reason = await untilOver(job, flags.drive, interrupt.signal);
    status.clear();
    const ended = await job.stop();
    process.stderr.write(`${pc.green('recorded')} ${ended.requests} requests, ${sizeText(ended.bytes)} in ${job.folder}\n`);
    if (ended.losses > 0) process.stderr.write(`${pc.yellow('losses')} ${ended.losses}: foreshard list shows them\n`);
    if (reason instanceof Error) throw reason;
    if (flags.control !== false && ended.requests > 0) await control(request, status);
    return 0;
  } finally {
    status.clear();
    interrupt.release();
  }
}

function announce(job: RecordJob): void {
  const { session } = job;
  const upstream = job.redis.map((spec) => `${spec.name} ${spec.upstream}`).join(', ');
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
  const waits: Promise<Error | undefined>[] = [interrupted, job.session.failed];
  if (drive !== undefined) waits.push(runDriver(drive, `http://${job.session.address.host}:${job.session.address.port}`));
  return Promise.race(waits);
}

async function runDriver(drive: string, url: string): Promise<Error | undefined> {
  const [file, ...args] = splitCommand(drive).map((word) => word.replaceAll('{url}', url));
  return new Promise((done) => {
    const child = spawn(file as string, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, FORESHARD_URL: url } });
    child.once('error', (error) => done(new ForeshardError('usage', `--drive cannot be started: ${error.message}`)));
    child.once('exit', (code) => done(code === 0 ? undefined : new ForeshardError('usage', `--drive ended with exit code ${code}`, { hint: 'what was recorded up to then is kept' })));
  });
}

/** The baseline is still here: its replay is paid now, once. */
async function control(request: RecordRequest, status: StatusLine): Promise<void> {
  const started = performance.now();
  const runs = await runControls({
    config: request.config, folder: request.folder, flags: withoutLanes(request.flags),
    onStage: (stage) => status.update(stage),
    onCase: (_outcome, done, of) => status.update(`control run: ${done} of ${of}`),
  });
  status.clear();
  const failed = runs[0]?.outcomes.filter((outcome) => outcome.status !== 'completed').length ?? 0;
  process.stderr.write(`${pc.green('control')}  the baseline was replayed ${runs.length} times from the recorded state in ${((performance.now() - started) / 1000).toFixed(1)} s`
    + `${failed > 0 ? pc.yellow(`, ${failed} requests failed`) : ''}\n`);
}

function withoutLanes(flags: RecordRequest['flags']): RecordRequest['flags'] {
  const { instances: _instances, concurrency: _concurrency, ...rest } = flags;
  return rest;
}
