/** Processes that benchmarks measure: real redis-servers, services, wrk. Each is stopped by who started it; all die with this one. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A folder of its own for the length of a benchmark. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'foreshard-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port that is free now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a command; `core` pins it to one CPU. `stop` ends it and waits until it has. */
export function start(command, { core, env = {}, cwd } = {}) {
  const argv = core === undefined || !existsSync('/usr/bin/taskset') ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-4096)));
  running.add(child);
  const exited = new Promise((resolve) => child.once('close', (code) => {
    running.delete(child);
    resolve(code);
  }));
  child.once('error', (error) => (output += error.message));
  const firstLine = new Promise((resolve, reject) => {
    child.stdout.on('data', () => output.includes('\n') && resolve(output.slice(0, output.indexOf('\n'))));
    void exited.then(() => reject(new Error(`${command.join(' ')} ended: ${output}`)));
  });
  firstLine.catch(() => {}); // whoever asks for it hears
  return {
    pid: child.pid, exited, firstLine,
    get output() { return output; },
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Keeps this process on one core, where that can be done: a client that shares a core with its server is measured as something else. */
export function pinSelf(core) {
  spawnSync('taskset', ['-acp', String(core), String(process.pid)], { stdio: 'ignore' });
}

/** Waits until something listens there. */
export async function listening(port, started, timeoutMs = 15_000) {
  let ended = false;
  void started.exited.then(() => (ended = true));
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline && !ended; await delay(2)) {
    const open = await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false)).unref();
      setTimeout(() => socket.destroy(), 100).unref();
    });
    if (open) return;
  }
  throw new Error(`nothing listens on port ${port}: ${started.output}`);
}

/** A redis-server of its own that keeps nothing on disk unless told so. */
export async function startRedis({ core, args = [] } = {}) {
  const port = await freePort();
  const redis = start(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir(), ...args], { core });
  await listening(port, redis);
  return { ...redis, port, url: `redis://127.0.0.1:${port}` };
}

/** Starts a Node.js script that listens on PORT. */
export async function startService(script, { core, env = {} } = {}) {
  const port = await freePort();
  const service = start([process.execPath, script], { core, env: { ...env, PORT: String(port) } });
  await listening(port, service);
  return { ...service, port, url: `http://127.0.0.1:${port}` };
}

/** Runs wrk and reads what it says: requests a second, the middle latency in ms, failed requests. */
export async function wrk(url, { connections, seconds, script, core }) {
  const argv = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...(script === undefined ? [] : ['-s', script]), url];
  const child = start(argv, { core });
  const code = await child.exited;
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(child.output)?.[1];
  if (code !== 0 || perSecond === undefined) throw new Error(`wrk failed: ${child.output}`);
  const [, p50 = 'NaN', unit = 'ms'] = /50%\s+([\d.]+)(us|ms|s)/.exec(child.output) ?? [];
  const failed = [...child.output.matchAll(/(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  return { perSecond: Number(perSecond), p50Ms: Number(p50) * { us: 0.001, ms: 1, s: 1000 }[unit], failed };
}
