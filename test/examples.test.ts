import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from '../src/model/report.ts';
import { changedSource, describeWith, foreshard, freePort, pythonWithRedis, redisServerPath, root, startRedis, type Change } from './support/example.ts';

/** Records an example once, then replays changed versions of it through the command line, as users do. */
class ExampleRun {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'foreshard-example-'));

  async record(args: readonly string[], command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const result = await foreshard(['record', '-r', join(this.folder, 'recording'), '--overwrite', ...args, '--', ...command], { env });
    expect(result, result.stderr).toMatchObject({ code: 0 });
  }

  async replay(candidate: string, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<{ code: number; report: Report; text: string }> {
    const result = await foreshard(['replay', '-r', join(this.folder, 'recording'), '--candidate', candidate, '--json', '-', ...args], { env });
    if (!result.stdout.startsWith('{')) throw new Error(`no report: exit code ${result.code}\n${result.stderr}`);
    return { code: result.code, report: JSON.parse(result.stdout) as Report, text: result.stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a change must lead to: every regression is found, nothing harmless raises an alarm, and no answer gives a state-only one away. */
function judge(change: Change, result: { code: number; report: Report; text: string }): void {
  const { report } = result;
  expect(report.totals.error + report.totals.not_run, result.text).toBe(0);
  if (change.kind === 'benign') {
    expect(report.groups, result.text).toEqual([]);
    expect(report.totals.differs + report.totals.inconclusive, result.text).toBe(0);
    expect(result.code).toBe(0);
    return;
  }
  expect(report.totals.differs, `${change.name} was not found\n${result.text}`).toBeGreaterThan(0);
  expect(result.code).toBe(1);
  if (change.stateOnly === true) expect(report.groups.filter((group) => group.kind === 'response'), result.text).toEqual([]);
}

function expectGate(report: Report): void {
  expect(report.gate.failures).toEqual([]);
  expect(report.gate.reproduced).toBe(report.gate.of);
}

describeWith(redisServerPath !== undefined, 'redis-server')('examples/cart on a real Redis', async () => {
  const { changes } = (await import(join(root, 'examples/cart/changes.js'))) as { changes: readonly Change[] };
  const server = join(root, 'examples/cart/server.js');
  const run = new ExampleRun();
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let catalogue: { close(): void; address(): AddressInfo };
  let env: Record<string, string>;

  beforeAll(async () => {
    const { startCatalogue } = (await import(join(root, 'examples/cart/catalogue.js'))) as { startCatalogue(): Promise<typeof catalogue> };
    redis = await startRedis();
    catalogue = await startCatalogue();
    const catalogueUrl = `http://127.0.0.1:${catalogue.address().port}`;
    env = { CATALOGUE_URL: catalogueUrl, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    await run.record(['--listen', '0', '--redis', env['REDIS_URL'] as string, '--http', `catalogue=${catalogueUrl}`,
      '--drive', `node ${join(root, 'examples/cart/traffic.js')} {url} 40 8`], ['node', server], env);
  }, 120_000);

  afterAll(async () => {
    catalogue?.close();
    await redis?.stop();
    run.remove();
  });

  test('the unchanged service reproduces every recorded request', async () => {
    const { code, report, text } = await run.replay(`node ${server}`, env);
    expectGate(report);
    expect(report.totals, text).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    expect(report.requests).toBeGreaterThan(500);
    expect(code).toBe(0);
  });

  test.each(changes)('$kind: $name', async (change) => {
    const candidate = changedSource(server, change);
    try {
      judge(change, await run.replay(`node ${candidate.path}`, env));
    } finally {
      candidate.remove();
    }
  });
});

const python = pythonWithRedis();

describeWith(redisServerPath !== undefined && python !== undefined, 'redis-server with python3-redis')('examples/notes, a Python service', async () => {
  const { changes } = (await import(join(root, 'examples/notes/changes.js'))) as { changes: readonly Change[] };
  const server = join(root, 'examples/notes/server.py');
  const run = new ExampleRun();
  let redis: Awaited<ReturnType<typeof startRedis>>;

  beforeAll(async () => {
    redis = await startRedis();
    const config = join(run.folder, 'foreshard.config.json');
    // The service has 127.0.0.1:6379 and port 8077 in its code; the real Redis is somewhere else.
    writeFileSync(config, JSON.stringify({ redis: [{ upstream: `redis://127.0.0.1:${redis.port}`, address: '127.0.0.1:6379' }], service: { port: 8077, ready: '/health' } }));
    await run.record(['--config', config, '--listen', '0', '--instances', '2', '--drive', `node ${join(root, 'examples/notes/traffic.js')} {url} 10 4`], [python as string, server]);
  }, 120_000);

  afterAll(async () => {
    await redis?.stop();
    run.remove();
  });

  test('the unchanged service reproduces every recorded request', async () => {
    const { code, report, text } = await run.replay(`${python} ${server}`);
    expectGate(report);
    expect(report.totals, text).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    expect(code).toBe(0);
  }, 120_000);

  test.each(changes)('$kind: $name', async (change) => {
    const candidate = changedSource(server, change);
    try {
      judge(change, await run.replay(`${python} ${candidate.path}`));
    } finally {
      candidate.remove();
    }
  }, 120_000);
});

describeWith(redisServerPath !== undefined, 'redis-server')('redis-commander, which nobody here wrote', () => {
  const folder = join(root, 'examples/redis-commander');
  const run = new ExampleRun();
  let redis: Awaited<ReturnType<typeof startRedis>>;

  beforeAll(async () => {
    if (!existsSync(join(folder, 'node_modules/redis-commander'))) {
      spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
    }
    redis = await startRedis();
  }, 120_000);

  afterAll(async () => {
    await redis?.stop();
    run.remove();
  });

  test('is recorded and reproduces every recorded request', async () => {
    const address = `127.0.0.1:${redis.port}`;
    const command = ['node', join(folder, 'node_modules/redis-commander/bin/redis-commander.js'), '--redis-host', '127.0.0.1', '--redis-port', String(redis.port),
      '--address', '127.0.0.1', '--port', String(await freePort()), '--noload', '--nosave'];
    await run.record(['--listen', '0', '--redis', `redis://${address}`, '--drive', `node ${join(folder, 'traffic.js')} {url} ${address} 12 4`], command);
    const { code, report, text } = await run.replay(command.join(' '));
    expectGate(report);
    expect(report.totals, text).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    expect(report.requests).toBeGreaterThan(250);
    expect(code).toBe(0);
  }, 120_000);
});

describeWith(redisServerPath !== undefined, 'redis-server')('examples/cluster', () => {
  test('every element is read and written while one of three state nodes is dead', { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'examples/cluster/run.js')], { encoding: 'utf8' });
    expect({ status, said: stdout.trim().split('\n') }, stderr).toEqual({
      status: 0, said: ['100 carts are on 3 state nodes', 'one state node is dead', '100 carts were read, 100 written and read again'],
    });
  });
});
