import { spawn, spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A server that a test has started for itself. */
export interface StartedServer {
  readonly host: string;
  readonly port: number;
  /** A folder of its own, deleted at the end. */
  readonly folder: string;
  /** Ends it at once (SIGKILL) and leaves it so. */
  kill(): Promise<void>;
  /** Ends it at once, without a chance to save, and starts it again with the same arguments. */
  restart(): Promise<void>;
  /** Ends it and deletes its folder. */
  stop(): Promise<void>;
}

/** Programs that tests start. */
export type RealServer = 'redis-server' | 'memcached';

/** Whether a program is installed. Where `CI` is set nothing may be skipped: it throws. Otherwise it says loudly what is. */
export function isInstalled(program: RealServer): boolean {
  if (spawnSync(program, ['--version']).status === 0) return true;
  if (process.env['CI'] !== undefined) throw new Error(`${program} is not installed, and in CI nothing is skipped`);
  process.emitWarning(`SKIPPED: the tests that need ${program}, which is not installed`);
  return false;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a server on a free port of 127.0.0.1, which keeps nothing on disk unless its arguments say so. */
export async function startServer(program: RealServer, args: readonly string[] = []): Promise<StartedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'foreshard-server-'));
  const port = await freePort();
  const argv = program === 'redis-server'
    ? ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...args]
    : ['-l', '127.0.0.1', '-p', String(port), ...(process.getuid?.() === 0 ? ['-u', 'root'] : []), ...args];
  let child = spawn(program, argv, { stdio: 'ignore', cwd: folder });
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  };
  await listening(port);
  return {
    host: '127.0.0.1', port, folder, kill: end,
    restart: async () => {
      await end();
      child = spawn(program, argv, { stdio: 'ignore', cwd: folder });
      await listening(port);
    },
    stop: async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await delay(25);
  }
  throw new Error(`nothing listens on port ${port}`);
}
