import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A redis-server of our own on a Unix socket, without persistence. */
export interface RealRedis {
  connect(): Promise<Socket>;
  stop(): Promise<void>;
}

/** Whether redis-server can be run. In CI its absence is an error rather than a reason to skip. */
export function hasRedisServer(): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (!found && process.env['CI'] !== undefined) throw new Error('redis-server is not installed, and in CI nothing may be skipped: apt-get install redis-server');
  if (!found) process.stderr.write('SKIPPED: redis-server is not installed, so the keyspace is not compared with a real one\n');
  return found;
}

/** Starts one (often looking after timeouts, so that blocking commands with short ones end soon) in a fresh folder and waits until it answers. */
export async function startRealRedis(): Promise<RealRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'foreshard-differential-'));
  const path = join(folder, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes', '--hz', '500', '--dir', folder];
  const child = spawn('redis-server', options, { stdio: 'ignore', env: { ...process.env, LC_ALL: 'C' } });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const open = (): Promise<Socket> => new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      (await open()).destroy();
      break;
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error('redis-server did not start', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    connect: open,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
