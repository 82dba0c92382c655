import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../src/model/report.ts';
import { root } from './example.ts';

/** What a command printed and how it ended; `code` is -1 when a signal ended it. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line while it runs. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }) {
    this.child = spawn(process.execPath, [join(root, 'bin/foreshard.js'), ...args], { cwd: options.cwd, env: { ...process.env, NO_COLOR: '1', ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (text: Buffer) => (this.stdout += text.toString()));
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.ended = new Promise((done) => this.child.once('close', (code) => done({ code: code ?? -1, stdout: this.stdout, stderr: this.stderr })));
  }

  /** Waits until it has printed this on standard error. Fails when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stderr);
      if (found !== null) return found;
      const over = await Promise.race([this.ended, new Promise<undefined>((done) => setTimeout(() => done(undefined), 10))]);
      if (over !== undefined && pattern.exec(this.stderr) === null) throw new Error(`ended with ${over.code} and never said ${pattern}:\n${over.stderr}`);
    }
  }

  /** Where a recording takes traffic. */
  async url(): Promise<string> {
    return (await this.says(/send traffic to (http:\/\/\S+)/))[1] as string;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

/** A folder for one test file, and the command line run in it so that nothing it starts can hide. */
export class Workshop {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'foreshard-workshop-'));
  readonly #env: Readonly<Record<string, string>>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = { ...env, TMPDIR: join(this.folder, 'tmp') };
    mkdirSync(join(this.folder, 'tmp'));
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts a command. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
    return new RunningCommand(args, { cwd: this.folder, env: { ...this.#env, ...env } });
  }

  /** Runs a command to its end. */
  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.start(args, env).ended;
  }

  /** Records what `traffic` sends and ends with Ctrl-C. What an earlier try of the test has recorded is replaced. */
  async record(args: readonly string[], traffic: (url: string) => Promise<unknown>, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const recorder = this.start(['record', '--overwrite', '--listen', '0', ...args], env);
    await traffic(await recorder.url());
    recorder.signal('SIGINT');
    return recorder.ended;
  }

  /** Replays and gives the report back, which alone stands on standard output. */
  async replay(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended & { readonly report: Report }> {
    const ended = await this.run(['replay', '--json', '-', ...args], env);
    if (!ended.stdout.startsWith('{')) throw new Error(`no report: exit code ${ended.code}\n${ended.stderr}`);
    return { ...ended, report: JSON.parse(ended.stdout) as Report };
  }

  /** Processes that were started from here and still live, and files they have left in their temporary folder. */
  leftBehind(): string[] {
    const found: string[] = readdirSync(join(this.folder, 'tmp')).filter((name) => name !== 'jiti'); // its cache of configuration files
    if (!existsSync('/proc/self/environ')) return found;
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      const [environment, command] = ['environ', 'cmdline'].map((file) => readOrEmpty(`/proc/${pid}/${file}`));
      if (environment?.includes(this.folder) === true || command?.includes(join(this.folder, 'tmp')) === true) found.push(`${pid}: ${command?.replaceAll('\0', ' ')}`);
    }
    return found;
  }

  /** Waits until nothing is left behind, for what ends by itself a moment after its parent; what is left after `withinMs`. */
  async leftBehindAfter(withinMs: number): Promise<string[]> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.leftBehind();
      if (found.length === 0 || performance.now() > deadline) return found;
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** Empties the temporary folder. */
  sweep(): void {
    for (const name of readdirSync(join(this.folder, 'tmp'))) rmSync(join(this.folder, 'tmp', name), { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until a file is there. */
export async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((done) => setTimeout(done, 10));
}

/** Whether one can listen on a port of 127.0.0.1 now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/** `VERDICT problem` of every case, by request. */
export function verdicts(report: Report): Record<string, string> {
  return Object.fromEntries(report.cases.map((one) => [`${one.method} ${one.target}`, [one.verdict, one.problems[0]?.code].filter((word) => word !== undefined).join(' ')]));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
