import { spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ControlServer } from './control-server.ts';
import { startInstance } from './instance.ts';
import type { ServiceInstance } from './instance.ts';

const python = spawnSync('python3', ['--version']).status === 0;
if (!python && process.env['CI'] !== undefined) throw new Error('python3 is missing: it may not be skipped in CI');
if (!python) console.warn('SKIPPED: python3 is missing, waiting for services in other languages is not tested');
const fixtures = fileURLToPath(new URL('../../test/fixtures/lanes/', import.meta.url));

/** A gateway that takes lines and counts as gateways do. */
class LineGateway {
  readonly lines: string[] = [];
  pendingNow = 0;
  seen = 0;
  readonly server: Server;

  constructor() {
    this.server = createServer((socket) => {
      socket.on('data', (data) => {
        this.pendingNow++;
        this.seen++;
        this.lines.push(data.toString().trim());
        socket.write('ok\n', () => {
          this.pendingNow--;
        });
      });
      socket.on('error', () => {});
    });
  }

  pending(): number {
    return this.pendingNow;
  }

  activity(): number {
    return this.seen;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.server.listen(0, '127.0.0.1', resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }
}

function get(address: { host: string; port: number }, path: string, agent: Agent | false = false): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ ...address, path, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject).end();
  });
}

describe.skipIf(!python || process.platform !== 'linux')('a Python service', () => {
  const gateway = new LineGateway();
  let control: ControlServer;
  let instance: ServiceInstance;

  beforeAll(async () => {
    control = await ControlServer.start();
    instance = await startInstance({
      id: 'late', command: ['python3', `${fixtures}late.py`], cwd: fixtures, env: { GATEWAY_PORT: String(await gateway.listen()), HEARTBEAT: '1' }, readyTimeoutMs: 15_000,
      redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
    });
  });

  afterAll(async () => {
    await instance.stop();
    await control.close();
    gateway.server.close();
  });

  async function effectsOf(path: string): Promise<{ atResponse: number; atIdle: string[]; tookMs: number; idle: boolean }> {
    gateway.lines.length = 0;
    instance.beforeRequest();
    await get(instance.address, path);
    const atResponse = gateway.lines.length;
    const before = performance.now();
    const idle = await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 });
    return { atResponse, atIdle: [...gateway.lines], tookMs: performance.now() - before, idle };
  }

  test.each(['thread', 'timer', 'burn', 'process', 'daemon'])('an effect after the response (%s) is waited for', async (kind) => {
    for (let round = 0; round < 2; round++) {
      const result = await effectsOf(`/${kind}`);
      expect(result).toMatchObject({ atResponse: 0, atIdle: [kind], idle: true });
      expect(result.tookMs).toBeLessThan(2_500);
    }
  });

  test('nothing late: idle at once, although its loops wait with time limits', async () => {
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      const result = await effectsOf(round % 2 === 0 ? '/now' : '/nothing');
      expect(result.atIdle).toHaveLength(round % 2 === 0 ? 1 : 0);
      expect(result.idle).toBe(true);
      times.push(result.tookMs);
    }
    times.sort((a, b) => a - b);
    expect(times[10]).toBeLessThan(50);
  });

  test('an open call keeps it busy; time up is told, with the reason', async () => {
    gateway.pendingNow++;
    expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 60 })).toBe(false);
    expect(instance.waitingFor).toBe('1 open call at a gateway');
    gateway.pendingNow--;
    expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 })).toBe(true);
  });

  test('work that outlasts the bound is named, once', async () => {
    instance.beforeRequest();
    await get(instance.address, '/burn');
    expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 30 })).toBe(false);
    expect(instance.waitingFor).toMatch(/process \d+ \(python3 late\.py\).* is working|never came to rest/);
    expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 })).toBe(true);
    // a sleep far beyond the bound has no effect that could be waited for
    instance.beforeRequest();
    await get(instance.address, '/long');
    const before = performance.now();
    expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 })).toBe(true);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test('a service that has ended is at rest', async () => {
    const other = await startInstance({
      id: 'other', command: ['python3', `${fixtures}late.py`], cwd: fixtures, env: { GATEWAY_PORT: '1' }, readyTimeoutMs: 15_000,
      redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
    });
    process.kill(other.pid, 'SIGKILL');
    await other.exited;
    expect(await other.quiescent({ gateways: [gateway], timeoutMs: 1_000 })).toBe(true);
    expect(other.alive).toBe(false);
    await other.stop();
  });
});

test.skipIf(!python || process.platform !== 'linux')('an event loop with timers of its own: its late effects are waited for, its kept-open connections are not', async () => {
  const gateway = new LineGateway();
  const control = await ControlServer.start();
  const instance = await startInstance({
    id: 'loop', command: ['python3', `${fixtures}event-loop.py`], cwd: fixtures, env: { GATEWAY_PORT: String(await gateway.listen()) }, readyTimeoutMs: 15_000,
    redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
  });
  const agent = new Agent({ keepAlive: true });
  try {
    for (const path of ['/later', '/now', '/pooled', '/nothing', '/later', '/nothing']) {
      gateway.lines.length = 0;
      instance.beforeRequest();
      await get(instance.address, path, agent);
      const before = performance.now();
      expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 })).toBe(true);
      expect(performance.now() - before).toBeLessThan(1_500);
      expect(gateway.lines).toEqual(path === '/nothing' ? [] : [path.slice(1)]);
    }
  } finally {
    agent.destroy();
    await instance.stop();
    await control.close();
    gateway.server.close();
  }
});

test.skipIf(!python || process.platform !== 'linux')('an event loop that is never at rest: late effects are waited for, what it does by itself is not', async () => {
  const gateway = new LineGateway();
  const control = await ControlServer.start();
  const instance = await startInstance({
    id: 'beats', command: ['python3', `${fixtures}event-loop.py`], cwd: fixtures, env: { GATEWAY_PORT: String(await gateway.listen()), BEATS: '0.3 0.37' }, readyTimeoutMs: 15_000,
    redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
  });
  try {
    const tookMs: number[] = [];
    for (const path of ['/nothing', '/later', '/now', '/pooled', '/nothing', '/later', '/nothing', '/later', '/nothing']) {
      gateway.lines.length = 0;
      instance.beforeRequest();
      await get(instance.address, path);
      const before = performance.now();
      expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 10_000 })).toBe(true);
      tookMs.push(performance.now() - before);
      expect(gateway.lines).toEqual(path === '/nothing' ? [] : [path.slice(1)]);
    }
    expect(Math.max(...tookMs)).toBeLessThan(4_000); // once, to see that it does so by itself
    expect(tookMs.at(-1)).toBeLessThan(1_500);
  } finally {
    await instance.stop();
    await control.close();
    gateway.server.close();
  }
});

test.skipIf(process.platform !== 'linux')('Node.js without the preload: timers are waited for, kept-open connections are not', async () => {
  const gateway = new LineGateway();
  const control = await ControlServer.start();
  const instance = await startInstance({
    id: 'node', command: [process.execPath, `${fixtures}plain.mjs`], cwd: fixtures, env: { GATEWAY_PORT: String(await gateway.listen()) }, readyTimeoutMs: 15_000,
    redirects: [], determinism: 'real', backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '',
  });
  try {
    for (let round = 0; round < 3; round++) {
      gateway.lines.length = 0;
      instance.beforeRequest();
      await get(instance.address, '/late');
      expect(gateway.lines).toHaveLength(0);
      expect(await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 })).toBe(true);
      expect(gateway.lines).toHaveLength(1);
    }
    const before = performance.now();
    instance.beforeRequest();
    await get(instance.address, '/');
    await instance.quiescent({ gateways: [gateway], timeoutMs: 5_000 });
    expect(performance.now() - before).toBeLessThan(1_500); // its Date header's timer, not the five seconds of a kept-open connection
  } finally {
    await instance.stop();
    await control.close();
    gateway.server.close();
  }
});
