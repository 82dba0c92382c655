import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

/** The root of the checkout. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** A change of a service's source, as the examples list them. */
export interface Change {
  readonly name: string;
  readonly kind: 'regression' | 'benign';
  readonly stateOnly?: boolean;
  readonly find: string;
  readonly replace: string;
}

/** Where the real redis-server is; undefined where there is none. */
export const redisServerPath: string | undefined = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'].find(existsSync);

/** A Python that has the redis module; undefined where there is none. */
export function pythonWithRedis(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find((python) => spawnSync(python, ['-c', 'import redis']).status === 0);
}

/** `describe` that is skipped loudly where something is missing, and fails in CI. */
export function describeWith(present: boolean, what: string): typeof describe.skip {
  if (present) return describe;
  if (process.env['CI'] !== undefined) throw new Error(`${what} is missing, and in CI nothing may be skipped`);
  console.warn(`\n*** SKIPPED: ${what} is not installed ***\n`);
  return describe.skip;
}

/** A port that was free a moment ago, below the ephemeral range. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await new Promise<boolean>((done) => {
      const server = createServer();
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (free) return port;
  }
}

/** A real redis-server on a free port of 127.0.0.1, without persistence. */
export async function startRedis(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(redisServerPath as string, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise<void>((done, fail) => {
    child.stdout.on('data', (text: Buffer) => text.toString().includes('Ready to accept connections') && done());
    child.once('exit', () => fail(new Error('redis-server did not start')));
  });
  return { port, stop: () => stopProcess(child) };
}

/** Ends a child process and waits for it. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

/** Runs the command line as users do and returns what it printed and its exit code. */
export async function foreshard(args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(root, 'bin/foreshard.js'), ...args], { cwd: options.cwd ?? root, env: { ...process.env, NO_COLOR: '1', ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? -1)));
  return { code, stdout, stderr };
}

/** A source file with one change applied, beside the original; `remove` takes it away. */
export function changedSource(file: string, change: Change): { path: string; remove(): void } {
  const source = readFileSync(file, 'utf8');
  if (source.split(change.find).length !== 2) throw new Error(`${change.name}: its place stands ${source.split(change.find).length - 1} times in ${file}`);
  const dot = file.lastIndexOf('.');
  const slash = file.lastIndexOf('/');
  const path = `${file.slice(0, slash)}/.candidate-${change.name}-${process.pid}${file.slice(dot)}`;
  writeFileSync(path, source.replace(change.find, () => change.replace));
  return { path, remove: () => rmSync(path, { force: true }) };
}
