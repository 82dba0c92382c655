import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeHeatmap, decodeShardMap } from '../src/model/artefact-codec.ts';
import type { Heatmap } from '../src/model/heatmap.ts';
import { generateTraffic, type GeneratedTraffic } from '../src/testing/traffic-generator.ts';
import { Workshop } from './support/command-line.ts';
import { root } from './support/example.ts';

const shop = new Workshop();
const [hourMs, dayMs] = [3_600_000, 86_400_000];
const startMs = Date.UTC(2026, 0, 5);
const historyMs = 16 * dayMs;
let traffic: GeneratedTraffic;

function fixture(name: string): string {
  return join(root, 'test/fixtures/importers', name);
}

async function write(path: string, fromMs: number, toMs: number): Promise<void> {
  const file = createWriteStream(path);
  for (const item of traffic.items()) if (item.at >= fromMs && item.at < toMs && !file.write(`${JSON.stringify(item)}\n`)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
}

async function predicted(args: readonly string[]): Promise<Heatmap> {
  const ended = await shop.run(['predict', '--json', ...args]);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return decodeHeatmap(ended.stdout);
}

beforeAll(async () => {
  traffic = generateTraffic({ seed: '00000000000000000000000000000007', startMs, durationMs: historyMs + dayMs / 2, elements: 60, requestsPerSecond: 0.04, driftPerDay: 0 });
  await write(shop.path('history.ndjson'), startMs, startMs + historyMs);
  await write(shop.path('next.ndjson'), startMs + historyMs, startMs + historyMs + dayMs / 2);
});
afterAll(() => {
  const left = shop.leftBehind();
  shop.remove();
  expect(left, 'processes or temporary files that nobody ended').toEqual([]);
});

describe('a forecast from logs, as people make it', () => {
  const asked = ['history.ndjson', '--bucket', '1h', '--horizon', '12h'];

  test('the same inputs and seed give the same bytes; elements, routes and services are in it', async () => {
    const runs = await Promise.all(['one', 'two'].map((name) => shop.run(['predict', ...asked, '-o', `${name}.json`])));
    for (const run of runs) expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/^(?:[\w ]+: \d+ %\n)*$/) as string });
    const text = readFileSync(shop.path('one.json'), 'utf8');
    expect(readFileSync(shop.path('two.json'), 'utf8')).toBe(text);
    const heatmap = decodeHeatmap(text);
    expect(heatmap).toMatchObject({ source: 'forecast', startMs: startMs + historyMs, bucketMs: hourMs, buckets: 12 });
    expect(heatmap.series?.filter(({ kind }) => kind === 'rate').map(({ name }) => name.replace(/^\w+ /, '')).sort()).toEqual([...traffic.routes].sort());
    expect(heatmap.series?.flatMap(({ scores }) => scores.map(({ name }) => name))).toEqual(expect.arrayContaining(['LSTM', 'Prophet', 'MSTL', 'Holt-Winters', 'ridge', 'EWMA', 'naive']));
    expect(heatmap.graph?.edges).toEqual([{ from: 'web GET /', to: 'catalogue GET /products/:id', callsPerRequest: 3 }]);
    const truth = traffic.accesses('redis:0/home', heatmap.startMs, heatmap.startMs + 12 * hourMs).reads;
    const expected = heatmap.elements.find(({ key }) => key === 'redis:0/home')?.expected.reduce((sum, value) => sum + value, 0) ?? 0;
    expect(expected / truth).toBeGreaterThan(0.75);
    expect(expected / truth).toBeLessThan(1.25);
  }, 240_000);

  test('is drawn beside what was observed: terminal, picture, page, JSON', async () => {
    const drawn = await shop.run(['heatmap', 'one.json', '--observed', 'next.ndjson', '--png', 'made/heat.png', '--html', 'made/heat.html']);
    expect(drawn, drawn.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(drawn.stdout).toMatch(/predicted.*observed/s);
    const { width, height } = PNG.sync.read(readFileSync(shop.path('made/heat.png')));
    expect(Math.min(width, height)).toBeGreaterThan(100);
    const page = readFileSync(shop.path('made/heat.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="?http/);
    const { predicted: foretold, observed } = JSON.parse((await shop.run(['heatmap', 'one.json', '--observed', 'next.ndjson', '--json'])).stdout) as Record<string, { elements: { key: string; accesses: number[] }[] }>;
    const homes = [foretold, observed].map((side) => side?.elements.find(({ key }) => key === 'redis:0/home')?.accesses.reduce((sum, value) => sum + value, 0) ?? 0);
    expect(homes[1]).toBeGreaterThan(250);
    expect((homes[0] as number) / (homes[1] as number)).toBeCloseTo(1, 0);
  });

  test('an element is explained in sentences with numbers', async () => {
    const { stdout } = await shop.run(['explain', 'stats:added', 'one.json']);
    expect(stdout).toMatch(/redis:0\/stats:added is number \d+ of \d+ by heat: \d[\d.,]* accesses expected in 12 h.*web POST \/carts\/:id\/items \(\d.* %\).*web POST \/carts\/:id\/items: \d[\d.,]* requests expected, by .*P\(read\) by .*Brier skill/s);
    expect(JSON.parse((await shop.run(['explain', 'redis:0/home', 'one.json', '--json'])).stdout)).toMatchObject({ key: 'redis:0/home', why: { total: expect.any(Number) as number } });
    const missing = await shop.run(['explain', 'nobody', 'one.json']);
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toMatch(/no element of the heatmap is called nobody.*hint/s);
  });

  test('methods are scored at past moments', async () => {
    const few = ['next.ndjson', '--bucket', '15m', '--horizon', '1h'];
    const table = await shop.run(['backtest', ...few]);
    expect(table.stdout).toMatch(/▸ [\w -]+ \d[^\n]* \d+ %.*P\(access\) of elements.*▸ /s);
    const scores = JSON.parse((await shop.run(['backtest', ...few, '--json'])).stdout) as { series: { model: string; scores: { name: string; relativeMae: number }[] }[] };
    for (const { model, scores: rivals } of scores.series) expect(rivals.map(({ name }) => name)).toContain(model);
  });

  test('state is placed by it', async () => {
    const map = decodeShardMap((await shop.run(['shard', '--heatmap', 'one.json', '--state-node', 'embedded', '--state-node', 'redis://127.0.0.1:7001', '--json'])).stdout);
    expect(map.members.map(({ address }) => address)).toEqual(['embedded', 'redis://127.0.0.1:7001']);
    expect(new Set(map.slots).size).toBeGreaterThan(1);
  });
});

describe('logs of requests alone', () => {
  test('say so; with rules from the configuration their elements are known', async () => {
    const bare = await predicted([fixture('access-combined.txt')]);
    expect(bare.elements).toEqual([]);
    expect(bare.notes?.join('\n')).toMatch(/says nothing of state/);
    writeFileSync(shop.path('rules.json'), JSON.stringify({ predict: { rules: [{ route: 'GET /presentations/:name/images/:file', key: 'redis:0/image:{file}', access: 'read' }] } }));
    const ruled = await predicted([fixture('access-combined.txt'), '--config', 'rules.json']);
    expect(ruled.elements.map(({ key }) => key)).toContain('redis:0/image:kibana-search.png');
    expect(ruled.notes?.join('\n')).toMatch(/come from rules over requests/);
  });

  test.each([
    [['predict', 'nowhere.log'], /error input_not_found .*nowhere.log/],
    [['predict', join(root, 'LICENSE')], /error input_unreadable .*hint/s],
    [['predict', fixture('nginx.txt'), '--format', 'har'], /error input_unreadable /],
    [['predict', fixture('nginx.txt'), '--horizon', 'soon'], /error usage --horizon soon is not a time.*hint/s],
    [['heatmap', join(root, 'package.json')], /error recording_damaged This is no heatmap/],
    [['backtest'], /missing required argument/],
  ])('%j ends with exit code 2', async (args, says) => {
    const ended = await shop.run(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(says);
  });
});

describe('traces as they are sent', () => {
  test('are received until Ctrl-C and then forecast', async () => {
    const running = shop.start(['predict', '--listen-otlp', '0', '--json']);
    const url = (await running.says(/OTLP\/HTTP on (http:\/\/\S+);/))[1] as string;
    for (const line of readFileSync(fixture('otlp-traces.jsonl'), 'utf8').trim().split('\n')) {
      expect((await fetch(`${url}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: line })).status).toBe(200);
    }
    expect((await fetch(`${url}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '[]' })).status).toBe(400);
    running.signal('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(/OTLP receiver: export requests refused: 400 The body is no JSON object/);
    expect(decodeHeatmap(ended.stdout).elements.length).toBeGreaterThan(3);
  });
});
