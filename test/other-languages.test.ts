import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../src/lanes/fake-clock.ts';
import { Workshop } from './support/command-line.ts';
import { changedSource, describeWith, pythonWithRedis, redisServerPath, root, startRedis } from './support/example.ts';

const python = pythonWithRedis();
const dayMs = 86_400_000;
const longAgo = FakeClock.create(-150 * dayMs);

async function traffic(url: string): Promise<void> {
  for (const user of ['ann', 'bob', 'cy']) {
    const { token } = (await (await fetch(url, { method: 'POST', body: JSON.stringify({ user }) })).json()) as { token: string };
    for (const authorization of [token, token, 'nobody']) await (await fetch(`${url}/me`, { headers: { authorization } })).arrayBuffer();
  }
}

describeWith(redisServerPath !== undefined && python !== undefined && longAgo !== null, 'redis-server with python3-redis and faketime')('a Python service recorded 150 days ago', () => {
  const server = join(root, 'test/fixtures/other-languages/sessions.py');
  const shop = new Workshop();
  const config = (name: string, more: object = {}): string => {
    const path = shop.path(`${name}.json`);
    writeFileSync(path, JSON.stringify({ redis: [{ upstream: `redis://127.0.0.1:${redis.port}`, address: 'redis:6379' }], service: { port: 8079, ready: '/health' }, ...more }));
    return path;
  };
  const replay = (candidate: string, ...args: readonly string[]): ReturnType<Workshop['replay']> => shop.replay(['-r', 'recording', '--candidate', `${python} ${candidate}`, ...args]);
  let redis: Awaited<ReturnType<typeof startRedis>>;

  beforeAll(async () => {
    redis = await startRedis();
    const clock = (longAgo as FakeClock).environment('');
    const recorded = await shop.record(['-r', 'recording', '--instances', '2', '--config', config('foreshard'), '--', python as string, server], traffic, clock);
    expect(recorded, recorded.stderr).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    longAgo?.close([]);
    await redis?.stop();
    expect(await shop.leftBehindAfter(3_000)).toEqual([]);
    shop.remove();
  });

  test('lives in its own time: no session has expired, and nothing differs', async () => {
    const { code, report, stderr } = await replay(server, '--config', config('foreshard'));
    expect(report.gate.failures).toEqual([]);
    expect(report.totals, stderr).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    expect(report.cases.filter(({ target }) => target === '/me')).toHaveLength(9);
    expect(code).toBe(0);
  });

  test('a session that lasts longer is found in the state alone', async () => {
    const candidate = changedSource(server, { name: 'longer', kind: 'regression', find: 'SESSION_SECONDS = 3600', replace: 'SESSION_SECONDS = 7200' });
    try {
      const { code, report, stderr } = await replay(candidate.path, '--config', config('foreshard'));
      expect(report.totals.differs, stderr).toBe(3);
      expect(code).toBe(1);
    } finally {
      rmSync(candidate.path, { force: true });
    }
  });

  test('with the real time of day every session has expired', async () => {
    const { report } = await replay(server, '--config', config('real', { determinism: 'real' }));
    expect(report.totals.differs).toBeGreaterThanOrEqual(6);
  });
});
