import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workshop } from './support/command-line.ts';
import { changedSource, root } from './support/example.ts';

describe('a service whose clock is the preload’s', () => {
  const service = join(root, 'test/fixtures/time/service.mjs');
  const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });

  beforeAll(async () => {
    const recorded = await shop.record(['-r', 'recording', '--redis', 'embedded', '--', 'node', service], async (url) => {
      for (const path of ['/brief', '/left', '/lock', '/brief', '/left', '/lock']) expect((await fetch(url + path)).status).toBe(200);
    });
    expect(recorded, recorded.stderr).toMatchObject({ code: 0 });
  }, 60_000);

  afterAll(async () => {
    expect(await shop.leftBehindAfter(3_000)).toEqual([]);
    shop.remove();
  });

  test('expiry goes by the same clock: it stands still with it, and moves with its timers', async () => {
    const { code, report, stderr } = await shop.replay(['-r', 'recording']);
    expect(report.gate.failures).toEqual([]);
    expect(report.totals, stderr).toMatchObject({ same: 6 });
    expect(report.noise).toEqual([]);
    expect(code).toBe(0);
  }, 60_000);

  test('a write that expires before the request ends is missed where it is no longer made', async () => {
    const candidate = changedSource(service, { name: 'not-brief', kind: 'regression', find: `await redis.set('brief', 'here', 'PX', 1);`, replace: `await redis.get('brief');` });
    try {
      const { code, report, stderr } = await shop.replay(['-r', 'recording', '--candidate', `node ${candidate.path}`]);
      expect(report.totals, stderr).toMatchObject({ differs: 2, same: 4 });
      expect(report.groups.map(({ kind, path }) => [kind, path])).toEqual([['write_missing', '$.writes[\'redis:0/brief\']']]);
      expect(code).toBe(1);
    } finally {
      candidate.remove();
    }
  }, 60_000);
});
