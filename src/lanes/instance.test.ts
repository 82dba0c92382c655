import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { ControlServer } from './control-server.ts';
import { startInstance } from './instance.ts';
import type { ServiceInstance, StartOptions } from './instance.ts';
import { listeningSockets } from './ports.ts';
import { numbersIn, readProc } from './proc.ts';

const fixtures = fileURLToPath(new URL('../../test/fixtures/lanes/', import.meta.url));
const linux = process.platform === 'linux';
const running: ServiceInstance[] = [];
let control: ControlServer;

beforeAll(async () => {
  control = await ControlServer.start();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((instance) => instance.stop()));
});

afterAll(() => control.close());

async function start(options: Partial<StartOptions> = {}): Promise<ServiceInstance> {
  const instance = await startInstance({
    id: 'lane-1', command: [process.execPath, `${fixtures}plain.mjs`], cwd: fixtures, env: {}, readyTimeoutMs: 15_000, redirects: [], determinism: 'real',
    backgroundClockOffsetMs: 0, preload: 'off', isolation: 'none', control, registerPath: '', ...options,
  });
  running.push(instance);
  return instance;
}

async function failure(options: Partial<StartOptions>): Promise<ForeshardError> {
  const error = await start(options).then(() => null, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(ForeshardError);
  return error as ForeshardError;
}

function get(address: { host: string; port: number }, path = '/'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ ...address, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject).end();
  });
}

/** Processes whose environment holds this text. */
function marked(text: string): number[] {
  return numbersIn('/proc').filter((pid) => readProc(`/proc/${pid}/environ`)?.includes(text) === true && !/^\S+ \(.*\) [ZX]/.test(readProc(`/proc/${pid}/stat`) ?? ''));
}

test('a service that takes PORT gets a free one below the ephemeral range', async () => {
  const [one, two] = await Promise.all([start({ id: 'lane-1' }), start({ id: 'lane-2' })]);
  expect(one?.address.port).not.toBe(two?.address.port);
  for (const instance of [one, two]) {
    expect(instance?.address.port).toBeGreaterThanOrEqual(20_000);
    expect(instance?.address.port).toBeLessThan(32_768);
    expect((await get(instance?.address ?? { host: '', port: 0 })).status).toBe(200);
    expect(instance).toMatchObject({ preloaded: false, alive: true, plan: 'env' });
  }
});

test('placeholders and addresses in the environment lead to the gateways', async () => {
  const redirects = [
    { kind: 'redis' as const, name: 'redis', from: 'localhost:6379', to: { host: '127.0.0.1', port: 21001 } },
    { kind: 'http' as const, name: 'catalogue', from: 'catalogue.internal:8000', to: { host: '127.0.0.1', port: 21002 } },
  ];
  const show = async (env: Record<string, string>, name: string): Promise<unknown> => {
    const instance = await start({ redirects, env: { SEEN: '{redis.url} {http.catalogue.url}', ...env, SHOW: name } });
    return (JSON.parse((await get(instance.address)).body) as { env: unknown }).env;
  };
  expect(await show({ A: '{redis.host}|{redis.port}|{redis.redis.url}|{http.catalogue.url}/v1|{"json":{port}}' }, 'A'))
    .toMatch(/^127\.0\.0\.1\|21001\|redis:\/\/127\.0\.0\.1:21001\|http:\/\/127\.0\.0\.1:21002\/v1\|\{"json":[23]\d+\}$/);
  expect(await show({ A: 'redis://u:p@127.0.0.1:6379/0,127.0.0.1:63790,10.127.0.0.1:6379' }, 'A')).toBe('redis://u:p@127.0.0.1:21001/0,127.0.0.1:63790,10.127.0.0.1:6379');
  expect(await show({ REDIS_HOST: '127.0.0.1', REDIS_PORT: '6379' }, 'REDIS_PORT')).toBe('21001');
  const unknown = await failure({ redirects, env: { A: '{redis.socket}' } });
  expect(unknown).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('{redis.socket}'), hint: expect.stringContaining('{redis.url}') });
});

test('ready when readyPath answers below 500, not before', async () => {
  const instance = await start({ readyPath: '/ready' });
  expect((JSON.parse((await get(instance.address)).body) as { asked: number }).asked).toBe(4);
});

test('a path that is not there does not make it ready', async () => {
  const missing = await failure({ readyPath: '/missing', readyTimeoutMs: 700 });
  expect(missing).toMatchObject({ code: 'service_not_ready', message: expect.stringMatching(/\/missing answers 404/), hint: expect.stringContaining('--ready') });
});

test.skipIf(!linux)('what it listens on first is not taken for the service while it may still listen on its port', async () => {
  const instance = await start({ env: { METRICS: '1', DELAY_MS: '250' } });
  expect((JSON.parse((await get(instance.address)).body) as { asked: number }).asked).toBe(1);
  const named = await start({ port: 18123, env: { METRICS: '1', DELAY_MS: '1000', PORT: '18123' } });
  expect(named.address.port).toBe(18123);
  const never = await failure({ port: 18124, env: { METRICS: '1', DELAY_MS: '60000', PORT: '18124' }, readyTimeoutMs: 700, readyPath: '/missing' });
  expect(never.message).toMatch(/\/missing answers 404|listens on TCP port \d+ \(expected: 18124/);
});

test.skipIf(!linux)('one that goes into the background is told to stay in the foreground', async () => {
  const gone = await failure({ command: ['sh', '-c', `"${process.execPath}" plain.mjs >/dev/null 2>&1 & sleep 0.3`], env: { DELAY_MS: '60000' } });
  expect(gone).toMatchObject({ code: 'service_died', hint: expect.stringMatching(/in the background as process \d+ \(node plain\.mjs\): start it in the foreground/) });
});

test('a service that dies, is silent or does not exist: a coded error with its output', async () => {
  const died = await failure({ env: { DIE: '1', SAY: 'starting up' } });
  expect(died.code).toBe('service_died');
  expect(died.message).toMatch(/exit code 3[^]*starting up[^]*cannot find the thing/);
  const silent = await failure({ env: { SILENT: '1', SAY: 'here I am' }, readyTimeoutMs: 700 });
  expect(silent.code).toBe('service_not_ready');
  expect(silent.message).toMatch(/within 700 ms[^]*listens on no TCP port[^]*here I am/);
  const unready = await failure({ readyPath: '/ready', env: { SAY: 'x' }, readyTimeoutMs: 1 });
  expect(unready.code).toBe('service_not_ready');
  expect((await failure({ command: ['no-such-program-here'] })).code).toBe('service_not_started');
  expect((await failure({ command: [process.execPath, 'x.mjs'], cwd: '/no/such/folder' })).code).toBe('service_not_started');
  expect((await failure({ command: [] })).code).toBe('service_not_started');
});

test.skipIf(!linux)('stop ends everything it has started, also what has left its group or ignores SIGTERM; the port is free again', async () => {
  for (const env of [{ CHILD: 'group' }, { CHILD: 'detached' }, { STUBBORN: '1', CHILD: 'group' }]) {
    const mark = `LANE_TEST=${Math.random()}`;
    const instance = await start({ env: { ...env, LANE_TEST: mark.slice(10) } });
    await expect.poll(() => marked(mark).length).toBe(2);
    await instance.stop();
    expect(marked(mark)).toEqual([]);
    expect(instance.alive).toBe(false);
    await expect(get(instance.address)).rejects.toThrow(/ECONNREFUSED/);
  }
}, 40_000);

test.skipIf(!linux)('a wrapper in front of the service is no obstacle', async () => {
  const mark = `LANE_TEST=${Math.random()}`;
  const instance = await start({ command: ['sh', '-c', `"${process.execPath}" plain.mjs; true`], env: { LANE_TEST: mark.slice(10) } });
  expect((await get(instance.address)).status).toBe(200);
  await instance.stop();
  expect(marked(mark)).toEqual([]);
});

test.skipIf(!linux)('a port that someone else takes meanwhile is replaced by another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshard-port-'));
  const script = `if [ -e ${folder}/tried ]; then exec "${process.execPath}" plain.mjs; else touch ${folder}/tried; echo 'listen EADDRINUSE'; exit 1; fi`;
  try {
    expect(await start({ command: ['sh', '-c', script] })).toMatchObject({ plan: 'env' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(!linux)('nothing outlives us: exit, SIGINT, SIGTERM', async () => {
  for (const end of ['exit', 'SIGINT', 'SIGTERM'] as const) {
    const mark = `LANE_TEST=${Math.random()}`;
    const runner = spawn(process.execPath, ['--import', 'jiti/register', `${fixtures}runner.ts`, end], { cwd: fileURLToPath(new URL('../../', import.meta.url)), env: { ...process.env, LANE_TEST: mark.slice(10) }, stdio: ['ignore', 'pipe', 'inherit'] });
    const [first] = await once(runner.stdout, 'data') as [Buffer];
    expect(first.toString()).toMatch(/^\d+/);
    expect(marked(mark).length).toBeGreaterThanOrEqual(2);
    if (end !== 'exit') runner.kill(end);
    await once(runner, 'exit');
    await expect.poll(() => marked(mark)).toEqual([]);
  }
});

test.skipIf(!linux)('where the gateway must stand at the original port: there, or a clear refusal', async () => {
  const busy = createServer((socket) => socket.end());
  const redirectTo = async (server: Server): Promise<{ host: string; port: number }> => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  };
  const gateway = createServer((socket) => socket.end('gateway'));
  const to = await redirectTo(gateway);
  const taken = await redirectTo(busy);
  try {
    const instance = await start({ redirects: [{ kind: 'redis', from: '127.77.0.9:6390', to }] });
    expect(instance.plan).toBe('original-port');
    const socket = connect(6390, '127.77.0.9');
    const [data] = await once(socket, 'data') as [Buffer];
    expect(data.toString()).toBe('gateway');
    await instance.stop();
    const refused = await failure({ redirects: [{ kind: 'redis', from: `127.0.0.1:${taken.port}`, to }] });
    expect(refused).toMatchObject({ code: 'lane_unavailable', message: expect.stringContaining(`127.0.0.1:${taken.port}`), hint: expect.stringContaining('{redis.url}') });
  } finally {
    gateway.close();
    busy.close();
  }
});

test('output is the last 64 KB', async () => {
  const instance = await start({ env: { SAY: 'x'.repeat(100_000) } });
  await delay(20);
  expect(instance.output.length).toBeLessThanOrEqual(64 * 1024);
  expect(instance.output.endsWith('x\n')).toBe(true);
});

test.skipIf(!linux)('the kernel says who listens where', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  expect(listeningSockets([process.pid])).toContainEqual({ host: '127.0.0.1', port, pid: process.pid });
  server.close();
});

test('what other programs say to the control port is ignored', async () => {
  const heard: unknown[] = [];
  const stop = control.subscribe('me', (message) => heard.push(message));
  const socket = connect(control.address.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\n\r\n\n{"instance":"me"}\n{"instance":"me","pid":1,"type":"idle","tag":7}\n[]\nnull\n');
  socket.write('{"instance":"me","pid":1,"type":"id');
  await delay(5);
  socket.write('le","tag":"r1"}\n{"instance":"other","pid":1,"type":"idle","tag":"r2"}\n');
  await expect.poll(() => heard).toEqual([{ instance: 'me', pid: 1, type: 'idle', tag: 'r1' }]);
  socket.destroy();
  stop();
});
