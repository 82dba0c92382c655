import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlServer } from './control-server.ts';
import { startInstance } from './instance.ts';
import type { ServiceInstance } from './instance.ts';

const python = spawnSync('python3', ['--version']).status === 0;
if (!python && process.env['CI'] !== undefined) throw new Error('python3 is missing: it may not be skipped in CI');
const fixtures = fileURLToPath(new URL('../../test/fixtures/lanes/', import.meta.url));

/** Takes lines, and counts as gateways do. */
class Gateway {
  readonly lines: string[] = [];
  #seen = 0;
  readonly #server: Server = createServer((socket) => {
    socket.on('data', (data) => {
      this.#seen++;
      this.lines.push(data.toString().trim());
      socket.write('ok\n');
    }).on('error', () => {});
  });

  pending(): number {
    return 0;
  }

  activity(): number {
    return this.#seen;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

describe.skipIf(!python || process.platform !== 'linux')('a lane is at rest', () => {
  let gateway: Gateway;
  let port: number;
  let control: ControlServer;
  const running: ServiceInstance[] = [];

  beforeEach(async () => {
    gateway = new Gateway();
    port = await gateway.listen();
    control = await ControlServer.start();
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((instance) => instance.stop()));
    await control.close();
    gateway.close();
  });

  async function start(program: string, env: Record<string, string> = {}): Promise<ServiceInstance> {
    const instance = await startInstance({
      id: 'lane', command: ['python3', `${fixtures}${program}`], cwd: fixtures, env: { GATEWAY_PORT: String(port), ...env }, readyTimeoutMs: 15_000,
      redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
    });
    running.push(instance);
    return instance;
  }

  /** What a request had brought about when it was taken for over. */
  async function effectsOf(instance: ServiceInstance, path: string, timeoutMs = 5_000): Promise<{ lines: string[]; idle: boolean; tookMs: number }> {
    gateway.lines.length = 0;
    instance.beforeRequest();
    await new Promise<void>((resolve, reject) => {
      request({ ...instance.address, path, agent: false }, (response) => response.resume().once('end', resolve)).on('error', reject).end();
    });
    const before = performance.now();
    const idle = await instance.quiescent({ gateways: [gateway], timeoutMs });
    return { lines: [...gateway.lines], idle, tookMs: performance.now() - before };
  }

  test('when its workers wait as they do while nothing is asked of them, not when they wait otherwise', async () => {
    const instance = await start('workers.py');
    for (let round = 0; round < 3; round++) {
      for (const kind of ['idler', 'batcher', 'flusher']) {
        expect(await effectsOf(instance, `/${kind}`)).toMatchObject({ lines: [kind], idle: true });
      }
    }
    const tookMs: number[] = [];
    for (let round = 0; round < 4; round++) {
      expect(await effectsOf(instance, '/idler')).toMatchObject({ lines: ['idler'], idle: true });
      tookMs.push((await effectsOf(instance, '/nothing')).tookMs);
    }
    expect(Math.min(...tookMs.slice(1))).toBeLessThan(100);
  });

  test('whatever was seen while it was still starting', async () => {
    const instance = await start('workers.py');
    await effectsOf(instance, '/nothing');
    await delay(1_300);
    for (let round = 0; round < 3; round++) expect(await effectsOf(instance, '/starter')).toMatchObject({ lines: ['starter'], idle: true });
  });

  test('although a timer of its own rings every one and a half seconds', async () => {
    const instance = await start('event-loop.py', { BEATS: '1.5' });
    const tookMs: number[] = [];
    for (let round = 0; round < 24; round++) {
      const result = await effectsOf(instance, round % 3 === 1 ? '/later' : '/nothing');
      expect(result).toMatchObject({ lines: round % 3 === 1 ? ['later'] : [], idle: true });
      tookMs.push(result.tookMs);
      await delay(230);
    }
    expect(tookMs.filter((ms) => ms > 600).length).toBeLessThanOrEqual(3);
  }, 40_000);

  test('although a timer of its own rings all the time', async () => {
    const instance = await start('event-loop.py', { BEATS: '0.1' });
    const tookMs: number[] = [];
    let missed = 0;
    for (let round = 0; round < 21; round++) {
      const { lines, idle, tookMs: took } = await effectsOf(instance, round % 3 === 1 ? '/later' : '/nothing');
      expect(idle).toBe(true);
      if (round % 3 === 1 && lines.length === 0) missed++;
      // what was missed comes after all: not into the next request
      for (const deadline = performance.now() + 5_000; round % 3 === 1 && gateway.lines.length === 0 && performance.now() < deadline;) await delay(10);
      tookMs.push(took);
    }
    // nothing tells it from the ringing but a quarter of a second of quiet, which a machine under load may exceed
    expect(missed).toBeLessThanOrEqual(3);
    expect(tookMs.filter((ms) => ms > 700).length).toBeLessThanOrEqual(4);
  }, 40_000);

  test('although a request has set a thread to wake again and again for good', async () => {
    const instance = await start('workers.py');
    expect(await effectsOf(instance, '/watcher')).toMatchObject({ idle: true });
    const tookMs: number[] = [];
    for (let round = 0; round < 4; round++) tookMs.push((await effectsOf(instance, '/nothing')).tookMs);
    expect(Math.min(...tookMs)).toBeLessThan(250);
    expect(await effectsOf(instance, '/batcher')).toMatchObject({ lines: ['batcher'], idle: true });
  });

  test('with a helper process that it has started and keeps', async () => {
    const instance = await start('workers.py');
    expect(await effectsOf(instance, '/helper')).toMatchObject({ idle: true });
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round++) tookMs.push((await effectsOf(instance, '/helper')).tookMs);
    expect(Math.min(...tookMs)).toBeLessThan(250);
  });

  test('and where it is not, the process, the thread and what it waits in are named', async () => {
    const instance = await start('workers.py');
    await effectsOf(instance, '/nothing');
    expect(await effectsOf(instance, '/stuck', 1_500)).toMatchObject({ idle: false });
    expect(instance.waitingFor).toMatch(/process \d+ \(python3 workers\.py\), thread \d+ "python3", in (?:clock_)?nanosleep \(a sleep\) for another \d+ ms(;|$)/);
  });

  test('at once in the next instance, which knows what the one before has shown', async () => {
    const first = await start('workers.py');
    for (let round = 0; round < 4; round++) await effectsOf(first, '/nothing');
    await first.stop();
    const second = await start('workers.py');
    const tookMs = [await effectsOf(second, '/nothing'), await effectsOf(second, '/nothing')].map((result) => result.tookMs);
    expect(Math.min(...tookMs)).toBeLessThan(250);
    expect(await effectsOf(second, '/batcher')).toMatchObject({ lines: ['batcher'] });
    expect(await effectsOf(second, '/flusher')).toMatchObject({ lines: ['flusher'] });
  });
});
