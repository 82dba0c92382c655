import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workshop } from './support/command-line.ts';
import { describeWith, redisServerPath, root, startRedis } from './support/example.ts';

const service = join(root, 'test/fixtures/register/counting-service.cjs');

describeWith(redisServerPath !== undefined, 'redis-server')('a Redis client nobody knows, with requests side by side', () => {
  const shop = new Workshop();
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let env: Record<string, string>;

  beforeAll(async () => {
    redis = await startRedis();
    env = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  });
  afterAll(async () => {
    await redis.stop();
    shop.remove();
  });

  async function record(name: string, kind: string): Promise<string> {
    const ended = await shop.record(['-r', name, '--redis', env['REDIS_URL'] as string, '--', process.execPath, service, kind], async (url) => {
      await Promise.all(Array.from({ length: 30 }, async (_, index) => {
        expect(await (await fetch(`${url}/${kind}${index % 3}`)).text()).toMatch(/^:\d+$/);
      }));
    }, env);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    return (await shop.run(['list', '-r', name], env)).stdout;
  }

  test('is recorded and replayed like any other where it writes at once', async () => {
    expect(await record('direct', 'direct')).not.toMatch(/writes commands later/);
    const { report, stderr } = await shop.replay(['-r', 'direct'], env);
    expect(report.totals, stderr).toMatchObject({ same: 30 });
  });

  test('is a loss by name where it writes later, and no case of it passes for the same', async () => {
    expect(await record('gathering', 'gathering')).toMatch(/raw-clients\.cjs writes commands later/);
    const { report, stderr } = await shop.replay(['-r', 'gathering'], env);
    expect(report.totals, stderr).toMatchObject({ same: 0, differs: 0 });
    expect(stderr).toMatch(/raw-clients\.cjs/);
  });

  test('what the preload could not patch is said, in the recording and in the report', async () => {
    const frozen = join(root, 'test/fixtures/register/frozen.cjs');
    const ended = await shop.record(['-r', 'frozen', '--redis', 'embedded', '--', process.execPath, '--require', frozen, service, 'direct'], (url) => fetch(`${url}/direct0`), env);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const said = /does not see all of the service: compression: Cannot redefine property/;
    expect((await shop.run(['list', '-r', 'frozen'])).stdout).toMatch(said);
    const { report } = await shop.replay(['-r', 'frozen'], env);
    expect(report.notes.filter((note) => note.startsWith('preload_problem') && said.test(note))).toHaveLength(1);
  });
});
