import { createServer, type AddressInfo } from 'node:net';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../src/model/report.ts';
import { appears, isFree, verdicts, Workshop } from './support/command-line.ts';
import { describeWith, freePort, redisServerPath, root, startRedis } from './support/example.ts';

const service = join(root, 'test/fixtures/failures/service.mjs');
const traffic = join(root, 'test/fixtures/failures/traffic.mjs');

const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });
const onEmbedded = ['--redis', 'embedded'];

async function send(url: string, requests: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const request of requests) {
    const [method, path, body] = request.split(':') as [string, string, string?];
    statuses.push(await fetch(url + path, { method, ...(body === undefined ? {} : { body }) }).then(async (answer) => (await answer.arrayBuffer(), answer.status), () => 0));
  }
  return statuses;
}

/** A configuration file with short timeouts. */
function configOf(name: string, config: object): string {
  const path = shop.path(`${name}.json`);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

afterAll(() => shop.remove());
afterEach(async () => {
  expect(await shop.leftBehindAfter(3_000), 'processes or temporary files that nobody ended').toEqual([]);
});

describe('a service that does not start', () => {
  const cases: readonly { readonly name: string; readonly command: readonly string[]; readonly code: string; readonly says: RegExp }[] = [
    { name: 'does not exist', command: ['no-such-program'], code: 'service_not_started', says: /cannot start "no-such-program".*ENOENT/ },
    { name: 'exits at once', command: ['node', service, 'exit-at-start'], code: 'service_died', says: /ended with exit code 7 before it was ready.*the licence file is missing/s },
    { name: 'never becomes ready', command: ['node', service, 'never-ready'], code: 'service_not_ready', says: /not ready within 2500 ms.*listens on no TCP port.*warming up.*readyTimeoutMs/s },
  ];

  test.each(cases)('$name: said with its last output, exit code 3, and nothing stays behind', async ({ command, code, says }) => {
    const config = configOf('impatient', { service: { readyTimeoutMs: 2_500 } });
    const ended = await shop.run(['record', '--config', config, '-r', 'unstarted', '--listen', '0', ...onEmbedded, '--', ...command]);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toContain(`error ${code} `);
    expect(ended.stderr).toMatch(says);
    expect(existsSync(shop.path('unstarted'))).toBe(false);
  });

  test('is not waited for after Ctrl-C', async () => {
    const recorder = shop.start(['record', '-r', 'unstarted', ...onEmbedded, '--', 'node', service, 'never-ready'], { MARK: shop.path('starting') });
    await appears(shop.path('starting'));
    recorder.signal('SIGINT');
    expect(await recorder.ended).toMatchObject({ code: 130 });
    expect(existsSync(shop.path('unstarted'))).toBe(false);
  });

  test('a port in use is named, and what listens there goes on', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as AddressInfo;
    const ended = await shop.run(['record', '-r', 'unstarted', '--listen', String(port), ...onEmbedded, '--', 'node', service]);
    taken.close();
    expect(ended).toMatchObject({ code: 3 });
    expect(ended.stderr).toMatch(new RegExp(`error port_in_use the ingress cannot listen on 127.0.0.1:${port}.*hint .*another port`, 's'));
    expect(existsSync(shop.path('unstarted'))).toBe(false);
  });
});

describe('a recording that is interrupted', () => {
  test('by the end of the service: what came before is kept, exit code 3', async () => {
    const recorder = shop.start(['record', '-r', 'died', '--listen', '0', ...onEmbedded, '--', 'node', service]);
    const url = await recorder.url();
    expect(await send(url, ['PUT:/item?name=a:apple', 'GET:/item?name=a', 'POST:/die'])).toEqual([200, 200, 502]);
    const ended = await recorder.ended;
    expect(ended).toMatchObject({ code: 3 });
    expect(ended.stderr).toMatch(/recorded 3 requests.*error service_died the service ended with exit code 9 while it was being recorded.*out of cheese.*kept/s);
    const listed = await shop.run(['list', '-r', 'died', '--json', '--requests']);
    const summary = JSON.parse(listed.stdout) as { requests: number; ended: boolean; list: { response: object | null; problems: { code: string }[] }[] };
    expect(summary).toMatchObject({ requests: 3, ended: true });
    expect(summary.list[2]).toMatchObject({ response: null, problems: [{ code: 'service_died' }] });
    expect(await isFree(Number(new URL(url).port))).toBe(true);
  });

  test('by Ctrl-C: requests in flight are answered and recorded, exit code 0', async () => {
    const recorder = shop.start(['record', '-r', 'drained', '--no-control', '--listen', '0', ...onEmbedded, '--', 'node', service], { MARK: shop.path('in-flight') });
    const url = await recorder.url();
    const answers = send(url, ['GET:/slow?ms=700']);
    await appears(shop.path('in-flight'));
    recorder.signal('SIGINT');
    expect(await answers).toEqual([200]);
    const ended = await recorder.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(/waiting for 1 requests in flight.*recorded 1 requests/s);
    expect(await isFree(Number(new URL(url).port))).toBe(true);
  });

  test('by Ctrl-C: what does not end in time is recorded as far as it came, and named', async () => {
    const config = configOf('hasty', { replay: { lateTimeoutMs: 400 } });
    const recorder = shop.start(['record', '--config', config, '-r', 'cut', '--no-control', '--listen', '0', ...onEmbedded, '--', 'node', service, 'slow'], { MARK: shop.path('hanging') });
    const url = await recorder.url();
    const answers = send(url, ['GET:/slow?ms=1']);
    await appears(shop.path('hanging'));
    recorder.signal('SIGINT');
    expect(await answers).toEqual([0]);
    expect(await recorder.ended).toMatchObject({ code: 0 });
    expect((await shop.run(['inspect', 'r000001', '-r', 'cut'])).stdout).toMatch(/redis:0\/slow read, written.*recording_stopped the recording was stopped before the response was complete/s);
  });

  test('by the end of one instance of two: said, and the other goes on', async () => {
    const recorder = shop.start(['record', '-r', 'halved', '--no-control', '--instances', '2', '--listen', '0', ...onEmbedded, '--', 'node', service]);
    const url = await recorder.url();
    expect(await send(url, ['POST:/count', 'POST:/die', 'POST:/count', 'POST:/count'])).toEqual([200, 502, 200, 200]);
    recorder.signal('SIGINT');
    expect(await recorder.ended).toMatchObject({ code: 0 });
    expect((await shop.run(['list', '-r', 'halved'])).stdout).toMatch(/4 requests.*loss an instance of the service ended by itself \(lane-\d ended with exit code 9\); the others went on \(1\)/s);
  });

  test('by SIGKILL: its children end, the recording says where it ends, and is replayed', async () => {
    const recorder = shop.start(['record', '-r', 'killed', '--listen', '0', ...onEmbedded, '--', 'node', service]);
    await send(await recorder.url(), ['PUT:/item?name=a:apple', 'GET:/item?name=a', 'POST:/count']);
    await new Promise((done) => setTimeout(done, 250)); // what is recorded is written within 100 ms
    recorder.signal('SIGKILL');
    await recorder.ended;
    shop.sweep(); // nobody was left to remove the folder of its sockets
    expect(await shop.leftBehindAfter(3_000)).toEqual([]);
    expect((await shop.run(['list', '-r', 'killed'])).stdout).toMatch(/not ended: .*r000003/);
    const { code, report } = await shop.replay(['-r', 'killed']);
    expect(report.notes.join('\n')).toMatch(/whole up to request r000003/);
    expect(report.totals).toMatchObject({ same: 3 });
    expect(code).toBe(0);
    const again = await shop.run(['record', '-r', 'killed', ...onEmbedded, '--', 'node', service]);
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toMatch(/error recording_exists .*hint .*--overwrite/s);
  });

  test('by a full disk: named, exit code 3, and what was written before is readable', async () => {
    // `ulimit -f` counts kilobytes: a file that would grow beyond fails to be written, as on a full disk.
    const limited = shop.start(['record', '-r', 'full', '--listen', '0', ...onEmbedded, '--', 'bash', '-c', `exec node ${service}`]);
    await limited.url();
    const { pid } = limited.child;
    await new Promise<void>((done) => {
      import('node:child_process').then(({ execFile }) => execFile('prlimit', ['--pid', String(pid), '--fsize=65536'], () => done()), () => done());
    });
    const url = await limited.url();
    const noise = Array.from({ length: 30 }, () => `PUT:/item?name=a:${Array.from({ length: 400 }, () => Math.random().toString(36)).join('')}`);
    await send(url, noise);
    const ended = await limited.ended;
    expect(ended).toMatchObject({ code: 3 });
    expect(ended.stderr).toMatch(/error recording_not_written Writing the recording in .*full failed: EFBIG.*free space/s);
    const listed = await shop.run(['list', '-r', 'full']);
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout).toMatch(/not ended/);
  });

  test('by traffic that fails: kept, exit code 3; traffic that cannot be sent: exit code 2', async () => {
    const failed = await shop.run(['record', '-r', 'driven', '--listen', '0', ...onEmbedded, '--drive', `node ${traffic} {url} POST:/count fail`, '--', 'node', service]);
    expect(failed).toMatchObject({ code: 3 });
    expect(failed.stderr).toMatch(/recorded 1 requests.*error drive_failed --drive ended with exit code 4.*kept/s);
    const unsent = await shop.run(['record', '-r', 'undriven', '--listen', '0', ...onEmbedded, '--drive', 'no-such-program {url}', '--', 'node', service]);
    expect(unsent).toMatchObject({ code: 2 });
    expect(unsent.stderr).toMatch(/error usage --drive cannot be started: .*ENOENT/);
  });

  test('with nothing recorded: exit code 2, and the recording it was to replace is still there', async () => {
    const before = readdirSync(shop.path('driven')).sort();
    const ended = await shop.run(['record', '-r', 'driven', '--overwrite', '--listen', '0', ...onEmbedded, '--drive', 'true', '--', 'node', service]);
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stderr).toMatch(/error recording_empty no request came to http:.*as it was before.*hint/s);
    expect(readdirSync(shop.path('driven')).sort()).toEqual(before);
    expect((await shop.run(['list', '-r', 'driven', '--json'])).stdout).toContain('"requests": 1');
    const unstarted = await shop.run(['record', '-r', 'driven', '--overwrite', ...onEmbedded, '--', 'node', service, 'exit-at-start']);
    expect(unstarted).toMatchObject({ code: 3 });
    expect(readdirSync(shop.path('driven')).sort()).toEqual(before);
  });

  test('a second recorder in the same folder is turned away, the first goes on', async () => {
    const first = shop.start(['record', '-r', 'shared', '--no-control', '--listen', '0', ...onEmbedded, '--', 'node', service]);
    const url = await first.url();
    const second = await shop.run(['record', '-r', 'shared', '--overwrite', '--listen', '0', ...onEmbedded, '--', 'node', service]);
    expect(second).toMatchObject({ code: 2 });
    expect(second.stderr).toMatch(new RegExp(`error recording_locked .*is being written by process ${first.child.pid} on .*hint`, 's'));
    expect(await send(url, ['POST:/count'])).toEqual([200]);
    first.signal('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect((await shop.run(['list', '-r', 'shared', '--json'])).stdout).toContain('"requests": 1');
  });
});

describe('a candidate with faults', () => {
  const hows = ['crash', 'spin', 'hang', 'garbage', 'reset'];
  const expected: Readonly<Record<string, string>> = {
    'GET /fragile?how=crash': 'error service_died', 'GET /fragile?how=spin': 'error timeout', 'GET /fragile?how=hang': 'error timeout',
    'GET /fragile?how=garbage': 'error protocol_error', 'GET /fragile?how=reset': 'error service_died',
  };
  let config: string;

  beforeAll(async () => {
    config = configOf('short', { replay: { requestTimeoutMs: 1_500, lateTimeoutMs: 4000 } });
    const requests = Array.from({ length: 30 }, (_, index) => [`PUT:/item?name=n${index}:value ${index}`, `GET:/item?name=n${index}`, ...(index % 6 === 0 ? [`GET:/fragile?how=${hows[index / 6]}`] : [])]).flat();
    const ended = await shop.record(['-r', 'fragile', ...onEmbedded, '--', 'node', service], (url) => send(url, ['GET:/slow?ms=5', ...requests]));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });

  test('that dies at its start: exit code 3 with its output', async () => {
    const ended = await shop.run(['replay', '-r', 'fragile', '--candidate', `node ${service} exit-at-start`]);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/error service_died .*exit code 7.*the licence file is missing/s);
  });

  test.each([['virtual lanes', []], ['process lanes', ['--no-preload']]])('in %s: each fault is named on its own case, all others get their verdicts', async (_name, flags) => {
    const { code, report, stderr } = await shop.replay(['-r', 'fragile', '--config', config, ...flags, '--candidate', `node ${service} troubled`]);
    expect(code, stderr).toBe(3);
    const found = verdicts(report);
    expect(Object.fromEntries(Object.entries(found).filter(([request]) => request.includes('fragile'))), stderr).toEqual(expected);
    expect(report.totals, stderr).toEqual({ same: 61, noise: 0, differs: 0, inconclusive: 0, error: 5, not_run: 0 });
    const crashed = report.cases.find((one) => one.target.endsWith('crash'));
    expect(crashed?.problems[0]?.message).toMatch(/ended with exit code 1.*TypeError: basket is not iterable/s);
    expect(report.notes.join('\n')).toMatch(/started again/);
  });

  test('what a case does after its end is counted, and does no harm', async () => {
    const ended = await shop.record(['-r', 'late', '--no-control', ...onEmbedded, '--', 'node', service], async (url) => {
      await send(url, ['POST:/after', 'GET:/slow?ms=250', 'POST:/after', 'GET:/slow?ms=250']);
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const { report, stderr } = await shop.replay(['-r', 'late', '--concurrency', '2']);
    expect(report.notes.join('\n'), stderr).not.toMatch(/started again/);
    expect(report.cases.filter((one) => one.verdict === 'error')).toEqual([]);
    expect(report.cases.flatMap(({ problems }) => problems.map(({ code }) => code))).toContain('late_command');
  });

  test('Ctrl-C during the replay: exit code 130, what had not finished is not run, and the report adds up', async () => {
    const mark = shop.path('replaying');
    const replay = shop.start(['replay', '-r', 'fragile', '--json', shop.path('interrupted.json'), '--candidate', `node ${service} slow`], { MARK: mark });
    await appears(mark);
    await new Promise((done) => setTimeout(done, 300));
    replay.signal('SIGINT');
    const interruptedAt = performance.now();
    const ended = await replay.ended;
    expect(performance.now() - interruptedAt).toBeLessThan(8_000);
    expect(ended, ended.stderr).toMatchObject({ code: 130 });
    const report = JSON.parse(readFileSync(shop.path('interrupted.json'), 'utf8')) as Parameters<typeof verdicts>[0];
    expect(Object.values(report.totals).reduce((sum, count) => sum + count, 0)).toBe(report.requests);
    expect(verdicts(report)['GET /slow?ms=5']).toBe('not_run interrupted');
    expect(report.totals).toMatchObject({ differs: 0, error: 0, inconclusive: 0 });
  });

  test('Ctrl-C during the control runs: exit code 130, the recording is kept and replayed later', async () => {
    const mark = shop.path('controlled');
    const recorder = shop.start(['record', '-r', 'uncontrolled', '--listen', '0', ...onEmbedded, '--', 'node', service, 'pause'], { MARK: mark });
    await send(await recorder.url(), ['GET:/slow?ms=5', 'POST:/count']);
    recorder.signal('SIGINT');
    await recorder.says(/recorded 2 requests/);
    await new Promise((done) => setTimeout(done, 700));
    recorder.signal('SIGINT');
    const ended = await recorder.ended;
    expect(ended).toMatchObject({ code: 130 });
    expect(ended.stderr).toMatch(/error interrupted interrupted.*recording is kept/s);
    expect(existsSync(shop.path('uncontrolled/artefacts/control-2.jsonl.gz'))).toBe(false);
    expect((await shop.run(['list', '-r', 'uncontrolled', '--json'])).stdout).toMatch(/"ended": true,\s+"requests": 2/);
  });
});

describeWith(redisServerPath !== undefined, 'redis-server')('a Redis with faults', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let url: string;

  beforeAll(async () => {
    redis = await startRedis();
    url = `redis://127.0.0.1:${redis.port}`;
  });
  afterAll(() => redis.stop());

  test('unreachable at the start: named, exit code 3', async () => {
    const nowhere = `redis://127.0.0.1:${await freePort()}`;
    const ended = await shop.run(['record', '-r', 'unreachable', '--redis', nowhere, '--', 'node', service], { REDIS_URL: nowhere });
    expect(ended).toMatchObject({ code: 3 });
    expect(ended.stderr).toMatch(/error upstream_unreachable Redis at 127.0.0.1:\d+ cannot be reached: .*ECONNREFUSED.*hint .*embedded/s);
    expect(existsSync(shop.path('unreachable'))).toBe(false);
  });

  test('with a password: refused without it, recorded and replayed with it, and it is in no file', async () => {
    const admin = new Redis(redis.port, '127.0.0.1');
    await admin.config('SET', 'requirepass', 'sesame-4711');
    try {
      const without = await shop.run(['record', '-r', 'guarded', '--redis', url, '--', 'node', service], { REDIS_URL: url });
      expect(without).toMatchObject({ code: 3 });
      expect(without.stderr).toMatch(/error upstream_refused .*NOAUTH.*hint .*user:password/s);
      const wrong = await shop.run(['record', '-r', 'guarded', '--redis', `redis://:wrong@127.0.0.1:${redis.port}`, '--', 'node', service], { REDIS_URL: url });
      expect(wrong.stderr).toMatch(/error upstream_refused .*WRONGPASS/s);
      const right = `redis://:sesame-4711@127.0.0.1:${redis.port}`;
      const ended = await shop.record(['-r', 'guarded', '--redis', right, '--', 'node', service], (at) => send(at, ['POST:/count', 'PUT:/item?name=a:apple']), { REDIS_URL: right });
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      expect(await shop.replay(['-r', 'guarded', '--candidate', `node ${service}`], { REDIS_URL: right })).toMatchObject({ code: 0 });
      expect(ended.stderr).not.toContain('sesame');
      for (const file of readdirSync(shop.path('guarded'), { recursive: true, withFileTypes: true })) {
        if (file.isFile()) expect(readFileSync(join(file.parentPath, file.name), 'latin1'), file.name).not.toContain('sesame');
      }
    } finally {
      await admin.config('SET', 'requirepass', '');
      admin.disconnect();
    }
  });

  test('that dies while it is recorded: said, what came before is kept and replayed', async () => {
    const doomed = await startRedis();
    const at = `redis://127.0.0.1:${doomed.port}`;
    const recorder = shop.start(['record', '-r', 'doomed', '--overwrite', '--no-control', '--listen', '0', '--redis', at, '--', 'node', service], { REDIS_URL: at });
    const ingress = await recorder.url();
    expect(await send(ingress, ['PUT:/item?name=a:apple', 'GET:/item?name=a'])).toEqual([200, 200]);
    await doomed.stop();
    expect(await send(ingress, ['GET:/item?name=a'])).toEqual([500]);
    recorder.signal('SIGINT');
    const ended = await recorder.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(/recorded 3 requests.*losses \d/s);
    expect((await shop.run(['list', '-r', 'doomed'])).stdout).toMatch(/loss the gateway's connection to Redis was lost/);
    const { report } = await shop.replay(['-r', 'doomed']);
    expect(verdicts(report)).toMatchObject({ 'PUT /item?name=a': 'same' });
    expect(Object.values(report.totals).reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  test('commands that the overlay has not: a real server in each lane, or inconclusive by name', async () => {
    const ended = await shop.record(['-r', 'scripted', '--redis', url, '--', 'node', service], (at) => send(at, ['PUT:/item?name=a:apple', 'POST:/script', 'POST:/script', 'POST:/count']), { REDIS_URL: url });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stderr).not.toMatch(/requests failed/); // its control runs found a real server by themselves
    const replayed = await shop.replay(['-r', 'scripted', '--lane-store', 'redis'], { REDIS_URL: url });
    expect(replayed.report.totals, replayed.stderr).toMatchObject({ same: 4 });
    expect(replayed.code).toBe(0);
    const other = await shop.replay(['-r', 'scripted', '--lane-store', 'redis', '--candidate', `node ${service} other-script`], { REDIS_URL: url });
    expect(other.report.groups.map(({ example }) => example.candidate), other.stderr).toEqual(['"apple"']);
    const overlay = await shop.replay(['-r', 'scripted', '--lane-store', 'overlay'], { REDIS_URL: url });
    expect(overlay.code).toBe(3);
    expect(verdicts(overlay.report)).toMatchObject({ 'POST /script': 'inconclusive unsupported_command', 'POST /count': 'same' });
    expect(overlay.stderr).toMatch(/EVAL is not served by the overlay/);
  });

  test('as state nodes: hold the state, are left empty, and one that dies is done without', async () => {
    const [one, two] = await Promise.all([startRedis(), startRedis()]);
    const nodes = [one, two].flatMap(({ port }) => ['--state-node', `redis://127.0.0.1:${port}`]);
    const names = Array.from({ length: 110 }, (_, index) => `n${index}`);
    const ended = await shop.record(['-r', 'placed', ...onEmbedded, '--', 'node', service],
      (at) => send(at, [...names.map((name) => `PUT:/item?name=${name}:${name}`), 'GET:/slow?ms=1', ...names.map((name) => `GET:/item?name=${name}`)]));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const observer = new Redis(one.port, '127.0.0.1');
    try {
      const whole = await shop.replay(['-r', 'placed', '-f', 'GET', ...nodes]);
      expect(whole.report.totals, whole.stderr).toMatchObject({ same: 111 });
      expect(Number(/cmdstat_mget:calls=(\d+)/.exec(await observer.info('commandstats'))?.[1] ?? 0)).toBeGreaterThan(0);
      expect(await observer.dbsize()).toBe(0);
    } finally {
      observer.disconnect();
    }
    const mark = shop.path('placed-mark');
    const slow = ['--instances', '1', '--concurrency', '1', '-f', 'GET', '--candidate', `node ${service} pause`];
    const replay = shop.start(['replay', '-r', 'placed', '--json', '-', ...nodes, ...slow], { MARK: mark });
    await appears(mark);
    await two.stop();
    const survived = await replay.ended;
    expect(survived, survived.stderr).toMatchObject({ code: 0 });
    expect((JSON.parse(survived.stdout) as Parameters<typeof verdicts>[0]).totals).toMatchObject({ same: 111 });
    const gone = await shop.run(['replay', '-r', 'placed', ...nodes]);
    await one.stop();
    expect(gone).toMatchObject({ code: 3 });
    expect(gone.stderr).toMatch(/error state_node_unreachable State node node-2 at 127.0.0.1:\d+ failed.*hint/s);
  });

  test('as state nodes with two replicas: one that dies in the middle is replaced and said, and nothing comes from the recording', async () => {
    const nodes = await Promise.all([startRedis(), startRedis(), startRedis()]);
    const config = configOf('replicated', { replicas: 2 });
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    const gets = names.map((name) => `GET:/item?name=${name}`);
    const ended = await shop.record(['-r', 'replicated', ...onEmbedded, '--', 'node', service],
      (at) => send(at, [...names.map((name) => `PUT:/item?name=${name}:${name}`), 'GET:/slow?ms=1', ...gets.slice(0, 30), 'GET:/slow?ms=2', ...gets.slice(30)]));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const mark = shop.path('replicated-mark');
    const flags = ['--instances', '1', '--concurrency', '1', '-f', 'GET', ...nodes.flatMap(({ port }) => ['--state-node', `redis://127.0.0.1:${port}`])];
    const replay = shop.start(['replay', '-r', 'replicated', '--config', config, '--json', '-', ...flags, '--candidate', `node ${service} pause`], { MARK: mark });
    await appears(mark);
    await nodes[0]?.stop();
    const survived = await replay.ended;
    await Promise.all(nodes.map((node) => node.stop()));
    expect(survived, survived.stderr).toMatchObject({ code: 0 });
    const report = JSON.parse(survived.stdout) as Report;
    expect(report.totals).toEqual({ same: 62, noise: 0, differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    const notes = report.notes.join('\n');
    expect(notes).toMatch(/state_node_changed.*state node node-1@\w+ is dead, it was (?:up|suspected): silent for \d+ ms.*heartbeats? failed/);
    expect(notes).not.toContain('state_from_recording');
    expect(notes).not.toContain('is up, it was suspected'); // slow is not gone
  }, 180_000);
});

describe('a dependency with faults', () => {
  test('that cannot be reached while recording: named, and not answered in replay either', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const ended = await shop.record(['-r', 'priceless', ...onEmbedded, '--http', `prices=${nowhere}`, '--', 'node', service], (url) => send(url, ['GET:/price']), { PRICES_URL: nowhere });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect((await shop.run(['list', '-r', 'priceless'])).stdout).toMatch(/problem upstream_unreachable in 1 requests/);
    const inspected = await shop.run(['inspect', 'r000001', '-r', 'priceless']);
    expect(inspected.stdout).toMatch(/"price":null.*call prices GET \/price → no answer.*upstream_unreachable the dependency prices at 127.0.0.1:\d+ cannot be reached/s);
    const { code, report } = await shop.replay(['-r', 'priceless'], { PRICES_URL: nowhere });
    expect(report.gate).toMatchObject({ reproduced: 1, of: 1 });
    expect(report.totals).toMatchObject({ same: 1 });
    expect(code).toBe(0);
  });
});
