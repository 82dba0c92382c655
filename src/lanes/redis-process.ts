import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ForeshardError } from '../model/errors.ts';
import type { LocalAddress } from '../model/preload-protocol.ts';
import { launch, type Launched } from './launch.ts';
import { longestSocketPath } from './local-doors.ts';
import { freePort } from './ports.ts';

const programs = ['redis-server', 'valkey-server'];
const startTimeoutMs = 10_000;

/** Where a real Redis or Valkey server is on this machine; undefined where there is none. */
export function findRedisServer(path: string = process.env['PATH'] ?? ''): string | undefined {
  const folders = [...path.split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find((file) => existsSync(file));
}

/** A real Redis server of our own: nothing on disk, on loopback, ended with us. */
export class RedisProcess {
  readonly address: LocalAddress;
  readonly #launched: Launched;
  readonly #folder: string;

  private constructor(address: LocalAddress, launched: Launched, folder: string) {
    this.address = address;
    this.#launched = launched;
    this.#folder = folder;
  }

  /** Starts one and waits until it takes connections. @throws ForeshardError `lane_unavailable` where there is no redis-server */
  static async start(databases: number): Promise<RedisProcess> {
    const program = findRedisServer();
    if (program === undefined) {
      throw new ForeshardError('lane_unavailable', 'laneStore redis needs a redis-server or valkey-server, and none is on PATH', {
        hint: 'install one (on Debian: apt-get install redis-server), or use --lane-store overlay',
      });
    }
    const folder = mkdtempSync(join(tmpdir(), 'foreshard-redis-'));
    const address: LocalAddress = { host: '127.0.0.1', port: await freePort(), ...socketIn(folder) };
    const launched = await launch({
      cwd: folder, env: { PATH: process.env['PATH'] ?? '' },
      command: [program, '--port', String(address.port), '--bind', address.host, '--save', '', '--appendonly', 'no', '--databases', String(databases), '--dir', folder, '--loglevel', 'warning',
        ...(address.path === undefined ? [] : ['--unixsocket', address.path, '--unixsocketperm', '700'])],
    });
    const server = new RedisProcess(address, launched, folder);
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#launched.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    let ended = false;
    void this.#launched.exited.then(() => (ended = true));
    const deadline = performance.now() + startTimeoutMs;
    while (!(await accepts(this.address))) {
      if (ended || performance.now() > deadline) {
        throw new ForeshardError('lane_unavailable', `the redis-server of a lane did not start on port ${this.address.port}: ${this.#launched.output.text}`);
      }
      await delay(2);
    }
  }
}

/** A Unix socket costs half of TCP. */
function socketIn(folder: string): { readonly path?: string } {
  const path = join(folder, 'socket');
  return process.platform === 'win32' || path.length > longestSocketPath ? {} : { path };
}

async function accepts(address: LocalAddress): Promise<boolean> {
  return new Promise((done) => {
    const socket = address.path === undefined ? connect(address.port, address.host) : connect(address.path);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
