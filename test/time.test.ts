import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '../src/lanes/fake-clock.ts';
import { Workshop } from './support/command-line.ts';
import { changedSource, describeWith, pythonWithRedis, root } from './support/example.ts';

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

const python = pythonWithRedis();
const longAgo = FakeClock.create(-150 * 86_400_000);

describeWith(python !== undefined && longAgo !== null, 'python3-redis or faketime')('a service recorded 150 days ago that stores moments', () => {
  const service = join(root, 'test/fixtures/time/service.py');
  const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });
  const routes = ['/session', '/brief', '/left'];
  /** With PLAIN in the environment the library with the clock is kept out, as a statically linked program keeps it out. */
  const command = (source: string): readonly string[] => ['sh', '-c', `exec \${PLAIN:+env -u LD_PRELOAD} ${python} ${source}`];
  const longer = (): ReturnType<typeof changedSource> => changedSource(service, { name: 'longer', kind: 'regression', find: 'int(now) + 3600', replace: 'int(now) + 7200' });

  beforeAll(async () => {
    const recorded = await shop.record(['-r', 'recording', '--no-control', '--redis', 'embedded', '--', ...command(service)], async (url) => {
      for (const path of [...routes, ...routes]) expect((await fetch(url + path)).status).toBe(200);
    }, (longAgo as FakeClock).environment(''));
    expect(recorded, recorded.stderr).toMatchObject({ code: 0 });
    cpSync(shop.path('recording'), shop.path('again'), { recursive: true });
  }, 60_000);

  afterAll(async () => {
    longAgo?.close([]);
    expect(await shop.leftBehindAfter(3_000)).toEqual([]);
    shop.remove();
  });

  test.each([
    { name: 'in its own time', recording: 'recording', given: {}, said: [] },
    { name: 'in real time after control runs in its own', recording: 'recording', given: { PLAIN: '1' }, said: ['candidate: clock_real'] },
    { name: 'in real time', recording: 'again', given: { PLAIN: '1' }, said: ['clock_real'] },
  ])('$name: nothing differs, and a later expiry is found in the state alone', async ({ recording, given, said }) => {
    const { report, stderr } = await shop.replay(['-r', recording], given);
    expect(report.gate.failures).toEqual([]);
    expect(report.totals, stderr).toMatchObject({ differs: 0, inconclusive: 0, error: 0, not_run: 0 });
    const [start, reason] = [/: the time of day in the service is the real one, not the recorded one; /, /does not go by libfaketime/];
    expect(report.notes.filter((note) => start.test(note) && reason.test(note)).map((note) => note.split(start)[0])).toEqual(said);
    const candidate = longer();
    try {
      const changed = await shop.replay(['-r', recording, '--candidate', `sh -c "${command(candidate.path)[2]}"`], given);
      expect(changed.report.totals, changed.stderr).toMatchObject({ differs: 2 });
      expect(changed.report.groups.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['expiry']));
    } finally {
      candidate.remove();
    }
  }, 60_000);
});
