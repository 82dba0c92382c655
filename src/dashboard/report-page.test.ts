import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Report } from '../model/report.ts';
import type { CaseOutcome, Run } from '../model/run.ts';
import type { RequestRecord } from '../model/recording.ts';
import { hasBrowser, withPage } from '../testing/browser.ts';
import { reportPage, type ReportPageInput } from './report-page.ts';

const hostile = '/search?q=</script><script>window.broken=1</script><img src=x onerror=window.broken=1>';

function outcome(id: string, total: number): CaseOutcome {
  return {
    id, status: 'completed', response: { status: 200, headers: [['content-type', 'application/json']], body: JSON.stringify({ id, note: hostile, total }) },
    effects: [{ key: 'redis:0/cart:7', before: null, after: { value: { type: 'hash', fields: [['qty', String(total)]] }, expiresAtMs: null }, parts: ['qty'], valueWritten: true, expiry: total === 1 ? { kind: 'relative', ms: 60_000 } : null }],
    calls: [{ dependency: 'pay', method: 'POST', target: '/charge', headers: [], body: `{"amount":${total}}`, status: 200, provenance: 'recorded' }], messages: [],
    reads: [{ key: 'redis:0/cart:7', provenance: 'chain', revision: 3, fault: true }], commands: 2, problems: [], timing: { stateWaitMs: 0, totalMs: 1, faults: 1 },
  };
}

function input(cases: number): ReportPageInput {
  const ids = Array.from({ length: cases }, (_, index) => `r${String(index + 1).padStart(6, '0')}`);
  const differs = (index: number): boolean => index % 100 === 1;
  const difference = { kind: 'response', path: '$.response.body.total', baseline: '1', candidate: '2', message: 'response body total is another value', change: 'value' } as const;
  const expiry = { kind: 'expiry', path: "$.writes['redis:0/cart:*'].expiry", key: 'redis:0/cart:7', baseline: 'expires 1 min after it is set', candidate: 'expiry left alone', message: 'no expiry', change: 'missing' } as const;
  const differing = ids.filter((_, index) => differs(index));
  const report: Report = {
    kind: 'report', formatVersion: 1, createdAt: 0, baseline: 'v1', candidate: 'v2', requests: cases,
    totals: { same: cases - differing.length, noise: 0, differs: differing.length, inconclusive: 0, error: 0, not_run: 0 },
    groups: [{ kind: 'response', path: difference.path, route: 'GET /search', cases: differing, example: difference }],
    cases: ids.map((id, index) => ({ id, method: 'GET', target: index === 1 ? hostile : `/search?q=${index}`, verdict: differs(index) ? 'differs' : 'same', differences: differs(index) ? [difference, expiry] : [], hidden: 0, problems: [], route: 'GET /search' })),
    noise: [], assertedShare: 1, gate: { reproduced: cases, of: cases, failures: [] }, durationMs: 1000, stateFaults: 1, notes: [],
  };
  const run: Run = { kind: 'run', formatVersion: 1, label: '', startedAt: 0, durationMs: 1, mode: 'virtual', lanes: 8, concurrency: 8, outcomes: ids.map((id, index) => outcome(id, differs(index) ? 2 : 1)), notes: [] };
  const requests: RequestRecord[] = ids.map((id) => ({
    kind: 'request', id, position: 1, endPosition: 2, at: 0, durationMs: 1, lane: '0', attribution: 'lane', seed: '', request: { method: 'GET', target: '/', headers: [['host', 'x']], body: null },
    response: null, touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [],
  }));
  return { report, run, baseline: new Map(ids.map((id) => [id, outcome(id, 1)])), recording: { requests, payload: () => Promise.resolve(new Uint8Array()) } };
}

describe('the page as text', () => {
  it('holds its data where nothing can break out of it, and asks for nothing from elsewhere', async () => {
    const html = await reportPage(input(3));
    expect(html).not.toContain('window.broken');
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
    const data = /id="data">([^<]*)</.exec(html)?.[1] ?? '';
    const parsed = JSON.parse(gunzipSync(Buffer.from(data, 'base64')).toString('utf8')) as { cases: unknown[][]; details: Record<string, unknown> };
    expect(parsed.cases[1]?.[2]).toBe(hostile);
    expect(parsed.details['r000002']).toBeDefined();
  });
  it('stays small with 20,000 cases', async () => {
    expect((await reportPage(input(20_000))).length).toBeLessThan(2_000_000);
  });
});

describe.skipIf(!hasBrowser)('the page in a browser', () => {
  it('opens 20,000 cases from disk, lists only what is in sight, filters, and shows a case without running anything in it', async () => {
    await withPage(await reportPage(input(20_000)), async (page, errors) => {
      expect(await page.locator('#shown').innerText()).toBe('200 of 20,000');
      await page.locator('#only').uncheck();
      expect(await page.locator('.case').count()).toBeLessThan(60);
      await page.locator('#filter').fill('onerror');
      await page.locator('.case').first().click();
      expect(await page.locator('.title').innerText()).toContain(hostile);
      const main = await page.locator('#main').innerText();
      for (const text of ['$.response.body.total', 'expires 1 min after it is set', 'expiry left alone', 'POST /charge', 'chain', 'state fault']) expect(main).toContain(text);
      const [left, right] = [await page.locator('.ln.del').first().boundingBox(), await page.locator('.ln.add').first().boundingBox()];
      expect(left?.y).toBe(right?.y);
      expect((right?.x ?? 0) - (left?.x ?? 0)).toBeGreaterThan(200);
      expect(await page.evaluate('window.broken')).toBeUndefined();
      expect(errors).toEqual([]);
    });
  });
});
