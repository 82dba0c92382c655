import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workshop } from './support/command-line.ts';
import { changedSource, describeWith, pythonWithRedis, redisServerPath, root, startRedis } from './support/example.ts';

const python = pythonWithRedis();

async function traffic(url: string): Promise<void> {
  for (const path of ['/', '/job/one', '/job/three', '/', '/job/four', '/']) await (await fetch(`${url}${path}`)).arrayBuffer();
}

describeWith(redisServerPath !== undefined && python !== undefined, 'redis-server and python3-redis')('a Python service with a thread that waits at a queue', () => {
  const server = join(root, 'test/fixtures/other-languages/queue_worker.py');
  const shop = new Workshop();
  const config = shop.path('foreshard.json');
  let redis: Awaited<ReturnType<typeof startRedis>>;

  beforeAll(async () => {
    redis = await startRedis();
    writeFileSync(config, JSON.stringify({ redis: [{ upstream: `redis://127.0.0.1:${redis.port}`, address: 'redis:6379' }], service: { env: { REDIS_HOST: '{redis.host}', REDIS_PORT: '{redis.port}' } } }));
    const recorded = await shop.record(['-r', 'recording', '--instances', '1', '--config', config, '--', python as string, server], traffic);
    expect(recorded, recorded.stderr).toMatchObject({ code: 0 });
  }, 60_000);

  afterAll(async () => {
    await redis?.stop();
    expect(await shop.leftBehindAfter(3_000)).toEqual([]);
    shop.remove();
  });

  const replay = (candidate: string): ReturnType<Workshop['replay']> => shop.replay(['-r', 'recording', '--config', config, '--candidate', `${python} ${candidate}`]);

  test('what it takes belongs to the request that gave it, recorded and replayed', async () => {
    const { code, report, stderr } = await replay(server);
    expect(report.gate.failures).toEqual([]);
    expect(report.totals, stderr).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    expect(code).toBe(0);
  }, 60_000);

  test('what it does otherwise is found', async () => {
    const candidate = changedSource(server, { name: 'twice', kind: 'regression', find: 'len(taken[1])', replace: '2 * len(taken[1])' });
    try {
      expect((await replay(candidate.path)).report.totals.differs).toBe(3);
    } finally {
      rmSync(candidate.path, { force: true });
    }
  }, 60_000);
});
