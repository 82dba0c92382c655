import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeyspaceServer } from '../src/gateways/redis/keyspace-server.ts';
import { manualKeyspace } from '../src/keyspace/manual-keyspace.ts';
import { ControlServer } from '../src/lanes/control-server.ts';
import { startInstance } from '../src/lanes/instance.ts';
import type { ServiceInstance, StartOptions } from '../src/lanes/instance.ts';
import { FakeClock } from '../src/lanes/fake-clock.ts';
import { insideNetwork, namespaceSupport } from '../src/lanes/namespace.ts';
import { freePort } from '../src/lanes/ports.ts';
import { contextHeader } from '../src/model/preload-protocol.ts';
import { redisServerPath } from './support/example.ts';

const fixtures = fileURLToPath(new URL('./fixtures/lanes/', import.meta.url));
const registerPath = fileURLToPath(new URL('../dist/register/register.js', import.meta.url));
const forwarderPath = fileURLToPath(new URL('../dist/lanes/namespace-forwarder.js', import.meta.url));

/** In CI nothing may be missing; elsewhere what is missing is said. */
function available(condition: boolean, what: string): boolean {
  if (condition) return true;
  if (process.env['CI'] !== undefined) throw new Error(`${what}: it may not be skipped in CI`);
  console.warn(`SKIPPED: ${what}`);
  return false;
}

const preload = available(existsSync(registerPath), 'dist/register is not built (npm run build)');
const namespaces = available(existsSync(forwarderPath), 'dist/lanes is not built (npm run build)')
  && available(await namespaceSupport() !== null, 'network namespaces do not work here')
  && available(spawnSync('python3', ['--version']).status === 0, 'python3 is missing');

const running: ServiceInstance[] = [];
const servers: Server[] = [];
let control: ControlServer;

beforeAll(async () => {
  control = await ControlServer.start();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((instance) => instance.stop()));
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => control.close());

async function start(options: Partial<StartOptions>): Promise<ServiceInstance> {
  const instance = await startInstance({
    id: 'lane-1', command: [process.execPath, 'plain.mjs'], cwd: fixtures, env: {}, readyTimeoutMs: 20_000, redirects: [], determinism: 'real',
    backgroundClockOffsetMs: 0, preload: 'auto', isolation: 'auto', control, registerPath, ...options,
  });
  running.push(instance);
  return instance;
}

function get(address: { host: string; port: number }, path = '/', headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ ...address, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data.toString();
      });
      response.on('end', () => resolve(body));
    }).on('error', reject).end();
  });
}

/** A gateway that says its name to every line. */
async function gateway(name: string, onLine: () => void = () => {}): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('data', () => {
      onLine();
      socket.write(`${name}\n`);
    });
    socket.on('error', () => {});
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

describe.skipIf(!preload)('Node.js services with the preload', () => {
  test('two instances with the same port in their code run side by side', async () => {
    const [one, two] = [await start({ id: 'lane-1', port: 18123 }), await start({ id: 'lane-2', port: 18123 })];
    for (const instance of [one, two]) {
      expect(instance).toMatchObject({ preloaded: true, plan: 'preload' });
      expect(instance.address.port).not.toBe(18123);
      expect(await get(instance.address)).toContain('asked');
    }
    expect(one.address.port).not.toBe(two.address.port);
  });

  test('through npm and through a shell', async () => {
    const shell = await start({ command: ['sh', '-c', `true; "${process.execPath}" plain.mjs; true`] });
    expect(shell.preloaded).toBe(true);
    const npm = await start({ id: 'npm', command: ['npm', 'exec', '--call', `"${process.execPath}" plain.mjs`] });
    expect(npm.preloaded).toBe(true);
    expect(await get(npm.address)).toContain('asked');
  });

  test('a context is idle when its late effect is over, not before', async () => {
    let effects = 0;
    const dependency = createHttpServer((_request, response) => {
      effects++;
      response.end();
    });
    servers.push(dependency);
    await new Promise<void>((resolve) => {
      dependency.listen(0, '127.0.0.1', resolve);
    });
    const instance = await start({ env: { GATEWAY_PORT: String((dependency.address() as AddressInfo).port) } });
    for (const tag of ['r1', 'r2']) {
      effects = 0;
      await get(instance.address, '/late-call', { [contextHeader]: `${tag};${Date.now()};${'0'.repeat(32)}` });
      expect(effects).toBe(0);
      expect(await instance.contextIdle(tag, 5_000)).toBe(true);
      expect(effects).toBe(1);
      expect(await instance.contextIdle(tag, 5_000)).toBe(true); // asked again: it has been said
      instance.forget(tag);
    }
    expect(await instance.contextIdle('never', 20)).toBe(false);
    const waiting = instance.contextIdle('r9', 20_000);
    await instance.stop();
    expect(await waiting).toBe(false);
  });

  test('direct connections are told', async () => {
    const to = await gateway('elsewhere');
    const instance = await start({ env: { GATEWAY_PORT: String(to.port) } });
    const told: number[] = [];
    instance.onDirect(({ port }) => told.push(port));
    await get(instance.address, '/late', { [contextHeader]: `r1;${Date.now()};${'0'.repeat(32)}` });
    await instance.contextIdle('r1', 5_000);
    await expect.poll(() => told).toContain(to.port);
    expect(instance.directConnections).toContainEqual({ host: '127.0.0.1', port: to.port, count: 1 });
  });
});

describe.skipIf(!namespaces)('services with everything in their code', () => {
  const lane = async (id: string): Promise<ServiceInstance> => {
    const [first, second] = [await gateway(`${id}-a`), await gateway(`${id}-b`)];
    return start({
      id, command: ['python3', 'hard-coded.py'], port: 18000, readyPath: '/',
      redirects: [{ kind: 'redis', name: 'redis', from: 'localhost:16379', to: first }, { kind: 'redis', name: 'other', from: 'state.example.internal:6380', to: second }],
    });
  };

  test('two lanes side by side, each with its own gateways', async () => {
    const lanes = await Promise.all([lane('lane-1'), lane('lane-2')]);
    for (const instance of lanes) {
      expect(instance).toMatchObject({ plan: 'namespace', preloaded: false });
      for (let round = 0; round < 3; round++) expect(await get(instance.address)).toBe(`${instance.id}-a ${instance.id}-b`);
      expect(await instance.quiescent({ gateways: [], timeoutMs: 5_000 })).toBe(true);
    }
    const pids = lanes.map(({ pid }) => pid);
    await Promise.all(lanes.map((instance) => instance.stop()));
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    for (const instance of lanes) await expect(get(instance.address)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('what it writes after its response, over a new connection and in pieces, is waited for', async () => {
    let commands = 0;
    const { keyspace } = manualKeyspace();
    const server = new KeyspaceServer({ route: () => ({ keyspace, ensure: () => undefined, onCommand: () => commands++ }) });
    try {
      const instance = await start({
        command: ['python3', 'afterwards.py'], port: 18002, preload: 'off', accept: (_redirect, connection) => server.accept(connection),
        redirects: [{ kind: 'redis', name: 'redis', from: 'state.example.internal:6380', to: await server.listen() }],
      });
      const gateways = [{ pending: () => server.pending - server.blocked, activity: () => server.activity }];
      for (let request = 1; request <= 60; request++) {
        await get(instance.address, `/${request}`);
        expect(await instance.quiescent({ gateways, timeoutMs: 5_000 })).toBe(true);
        expect(commands).toBe(request);
      }
    } finally {
      await server.close();
    }
  });

  test('the same port in two Python services leads to namespaces by itself', async () => {
    const options = { command: ['python3', '-c', 'import http.server as h; h.HTTPServer(("127.0.0.1", 18001), h.SimpleHTTPRequestHandler).serve_forever()'], port: 18001, preload: 'off' as const };
    const one = await start({ ...options, id: 'lane-1' });
    const two = await start({ ...options, id: 'lane-2' });
    expect([one.plan, two.plan]).toEqual(['env', 'namespace']);
    expect(await get(two.address, '/late.py')).toContain('http.server');
  });

  test('Node.js in a namespace, preload and all', async () => {
    const instance = await start({ isolation: 'namespace', port: 18123, redirects: [{ kind: 'redis', from: 'redis:6379', to: await gateway('g') }] });
    expect(instance.plan).toBe('namespace');
    expect(instance.preloaded).toBe(preload);
    expect(await get(instance.address)).toContain('asked');
  });

  test('a service that dies or does not exist in there is told like any other', async () => {
    await expect(start({ isolation: 'namespace', env: { DIE: '1' } })).rejects.toMatchObject({ code: 'service_died', message: expect.stringContaining('cannot find the thing') });
    await expect(start({ isolation: 'namespace', command: ['no-such-program'] })).rejects.toMatchObject({ code: 'service_not_started' });
  });
});

test('host names get an address each, other addresses are put on the loopback device', () => {
  const to = { host: '127.0.0.1', port: 1 };
  const network = insideNetwork([{ from: 'db:1', to }, { from: 'DB:2', to }, { from: 'cache:1', to }, { from: '10.0.0.5:7', to }, { from: 'localhost:9', to }, { from: '127.0.0.1:9', to }]);
  expect(network.hosts).toContain('127.77.0.1 db\n127.77.0.2 cache\n');
  expect(network.addresses).toEqual(['10.0.0.5']);
  expect(network.listeners.map(({ at }) => `${at.host}:${at.port}`)).toEqual(['127.77.0.1:1', '127.77.0.1:2', '127.77.0.2:1', '10.0.0.5:7', '127.0.0.1:9', '::1:9']);
});

const anyClock = FakeClock.create(0);
anyClock?.close([]);
/** Debian's redis-server: its allocator looks at the clock before libfaketime is ready. */
const hangsWithClock = anyClock !== null && redisServerPath !== undefined && spawnSync('sh', ['-c', `ldd ${redisServerPath} | grep -q jemalloc`]).status === 0;

test.skipIf(!hangsWithClock)('a program that hangs with a clock in it is started without', async () => {
  const port = await freePort();
  const begun = performance.now();
  const instance = await start({ command: [redisServerPath as string, '--port', String(port), '--save', ''], port, fakeClock: true, preload: 'off', isolation: 'none' });
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect([instance.followsClock(), instance.whyRealClock]).toEqual([false, 'it does not start with libfaketime in it']);
});
