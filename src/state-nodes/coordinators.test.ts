import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ControlConnection } from '../gateways/redis/upstream-control.ts';
import { coordinatorCases, type CoordinatorHarness } from '../testing/coordinator-cases.ts';
import { EmbeddedCoordinator } from './embedded-coordinator.ts';
import { RedisCoordinator } from './redis-coordinator.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);

describe('the embedded coordinator', () => {
  coordinatorCases(async () => {
    let now = 0;
    const coordinator = new EmbeddedCoordinator({ now: () => now });
    return {
      client: () => coordinator,
      pass: async (ms) => void (now += ms),
      snapshot: async () => {
        const state = coordinator.snapshot();
        return async () => {
          now += 1;
          coordinator.restore(state);
        };
      },
      close: () => coordinator.close(),
    };
  }, { test, equal });

  test('calls back after whoever changed the map is done, once for all changes in one go', async () => {
    const coordinator = new EmbeddedCoordinator({ now: () => 1 });
    const told: number[] = [];
    coordinator.watch(0, (revision) => told.push(revision));
    const changes = Promise.all([coordinator.compareAndSet(0, { map: 'a' }, 0), coordinator.compareAndSet(1000, { map: 'b' }, 0)]);
    expect(told).toEqual([]);
    expect(await changes).toEqual([1000, 1001]);
    expect(told).toEqual([1001]);
  });
});

const installed = spawnSync('redis-server', ['--version']).status === 0;
if (!installed && process.env['CI'] !== undefined) throw new Error('redis-server is not installed, and in CI nothing is skipped');
if (!installed) console.warn('SKIPPED: the Redis coordinator, for want of a redis-server');

describe.skipIf(!installed)('the Redis coordinator', () => {
  let server: RestartableRedis;
  let namespaces = 0;
  const clients: RedisCoordinator[] = [];
  const connect = (options: { namespace: string; database?: number; timeoutMs?: number; pollMs?: number }): RedisCoordinator => {
    const coordinator = new RedisCoordinator({ host: '127.0.0.1', port: server.port, pollMs: 60_000, ...options });
    clients.push(coordinator);
    return coordinator;
  };
  const namespace = (): string => `test ${++namespaces} é`;

  beforeAll(async () => {
    server = await RestartableRedis.start();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((one) => one.close()));
  });
  afterAll(() => server.end());

  coordinatorCases(async (): Promise<CoordinatorHarness> => {
    const name = namespace();
    return {
      client: () => connect({ namespace: name }),
      pass: (ms) => delay(ms),
      snapshot: () => server.snapshot(),
      close: async () => {},
    };
  }, { test, equal });

  test('keeps namespaces and databases apart, and nothing outside of its own keys', async () => {
    const name = namespace();
    const [one, other, third] = [connect({ namespace: name }), connect({ namespace: name, database: 3 }), connect({ namespace: `${name}2` })];
    const told: number[] = [];
    other.watch(0, (revision) => told.push(revision));
    const revision = await one.compareAndSet(0, { map: 'map', diff: 'diff' }, 0) ?? 0;
    await one.lease('holder', 1000);
    expect([await other.get(), await third.get()]).toEqual([undefined, undefined]);
    const next = await other.compareAndSet(0, { map: 'other' }, 0);
    await expect.poll(() => told).toEqual([next]);
    expect(await one.get()).toEqual({ revision, map: 'map' });
    expect((await server.control((control) => control.one('KEYS', `fs:${utf8(name)}:*`)) as string[]).sort()).toEqual(['diffs', 'state'].map((key) => `fs:${utf8(name)}:c:${key}`));
  });

  test('refuses what a later release wrote, also to change it, and still tells watchers', async () => {
    const name = namespace();
    const [coordinator, key] = [connect({ namespace: name }), `fs:${utf8(name)}:c:state`];
    const revision = await coordinator.compareAndSet(0, { map: 'map' }, 0) ?? 0;
    const told: number[] = [];
    coordinator.watch(revision, (newer) => told.push(newer));
    await server.control(async (control) => {
      await control.one('HSET', key, 'format', '2', 'revision', String(revision + 5));
      await control.one('PUBLISH', `fs:${utf8(name)}:c:changes:0`, String(revision + 5));
    });
    await expect.poll(() => told).toEqual([revision + 5]);
    const newer = { code: 'recording_newer', message: expect.stringContaining('format 2; this release reads up to 1') as string };
    await expect(coordinator.get()).rejects.toMatchObject(newer);
    await expect(coordinator.since(revision)).rejects.toMatchObject(newer);
    await expect(coordinator.compareAndSet(revision + 5, { map: 'x' }, 0)).rejects.toMatchObject(newer);
    await expect(coordinator.lease('a', 1000)).rejects.toMatchObject(newer);
    await expect(coordinator.release('a')).rejects.toMatchObject(newer);
  });

  test('tells watchers the newest revision after their connections were killed', async () => {
    const name = namespace();
    const writer = connect({ namespace: name });
    let revision = await writer.compareAndSet(0, { map: '0' }, 0) ?? 0;
    const told = watchedBy(connect({ namespace: name }));
    for (let round = 1; round <= 10; round++) {
      await expect.poll(() => told.at(-1), { interval: 5 }).toBe(revision);
      await server.control(async (control) => {
        await control.one('CLIENT', 'KILL', 'TYPE', 'pubsub');
        if (round % 2 === 0) await control.one('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      });
      revision = await untilAnswered(() => writer.compareAndSet(revision, { map: String(round) }, 0)) ?? 0;
    }
    await expect.poll(() => told.at(-1)).toBe(revision);
  });

  test('notices by its poll what no message told', async () => {
    const name = namespace();
    const writer = connect({ namespace: name });
    const told = watchedBy(connect({ namespace: name, pollMs: 20 }));
    const revision = await writer.compareAndSet(0, { map: 'map' }, 0) ?? 0;
    await expect.poll(() => told.at(-1)).toBe(revision);
    await server.control((control) => control.one('HSET', `fs:${utf8(name)}:c:state`, 'revision', String(revision + 1)));
    await expect.poll(() => told.at(-1)).toBe(revision + 1);
  });

  test('fails soon while the server hangs or is away, and goes on when it is back', async () => {
    const name = namespace();
    const coordinator = connect({ namespace: name, timeoutMs: 100 });
    const told = watchedBy(coordinator);
    const revision = await coordinator.compareAndSet(0, { map: 'map' }, 0) ?? 0;
    await expect.poll(() => told.at(-1)).toBe(revision);
    const unreachable = { code: 'coordinator_unreachable', message: expect.stringContaining(`127.0.0.1:${server.port}`) as string };
    await server.pause(async () => {
      for (let tries = 0; tries < 3; tries++) await expect(coordinator.get()).rejects.toMatchObject({ ...unreachable, message: expect.stringContaining('no answer within 100 ms') as string });
      await expect(connect({ namespace: name, timeoutMs: 100 }).lease('b', 1000)).rejects.toMatchObject(unreachable);
    });
    const next = await untilAnswered(() => coordinator.compareAndSet(revision, { map: 'next' }, 0)) ?? 0;
    await expect.poll(() => told.at(-1)).toBe(next);

    await (await server.snapshot())(); // restarts with what there is
    const after = await untilAnswered(() => connect({ namespace: name }).compareAndSet(next, { map: 'after' }, 0)) ?? 0;
    await expect.poll(() => told.at(-1)).toBe(after);
    await server.stop();
    await expect(coordinator.get()).rejects.toMatchObject(unreachable);
    await expect(coordinator.get()).rejects.toMatchObject(unreachable);
    await server.restart();
    expect(await untilAnswered(() => coordinator.lease('a', 1000))).toBeGreaterThan(0);
  });
});

function watchedBy(coordinator: RedisCoordinator): number[] {
  const told: number[] = [];
  coordinator.watch(0, (revision) => told.push(revision));
  return told;
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      expect(error).toMatchObject({ code: 'coordinator_unreachable' });
      if (tries > 200) throw error;
      await delay(20);
    }
  }
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A redis-server with a file, which tests stop, start again, and roll back. */
class RestartableRedis {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'foreshard-coordinator-'));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<RestartableRedis> {
    const redis = new RestartableRedis(await freePort());
    await redis.restart();
    return redis;
  }

  async restart(): Promise<void> {
    this.#process = spawn('redis-server', ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder], { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      try {
        return (await ControlConnection.open({ host: '127.0.0.1', port: this.port })).close();
      } catch (error) {
        if (tries > 200) throw error;
        await delay(20);
      }
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process?.once('close', resolve));
    this.#process?.kill('SIGKILL');
    await ended;
  }

  /** The server neither answers nor refuses anything for as long as this takes. */
  async pause(run: () => Promise<void>): Promise<void> {
    this.#process?.kill('SIGSTOP');
    try {
      await run();
    } finally {
      this.#process?.kill('SIGCONT');
    }
  }

  async snapshot(): Promise<() => Promise<void>> {
    const [now, then] = [join(this.#folder, 'dump.rdb'), join(this.#folder, 'then.rdb')];
    await this.control((control) => control.one('SAVE'));
    copyFileSync(now, then);
    return async () => {
      await this.stop();
      copyFileSync(then, now);
      await this.restart();
    };
  }

  async control<T>(run: (control: ControlConnection) => Promise<T>): Promise<T> {
    const control = await ControlConnection.open({ host: '127.0.0.1', port: this.port });
    try {
      return await run(control);
    } finally {
      control.close();
    }
  }

  end(): void {
    this.#process?.kill('SIGKILL');
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
