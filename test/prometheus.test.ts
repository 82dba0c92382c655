import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prometheusRange, type PrometheusRange } from '../src/importers/prometheus.ts';
import type { MetricSample } from '../src/model/traffic.ts';
import { describeWith, freePort, stopProcess } from './support/example.ts';
import { sleep } from './support/recording-gateway.ts';

const binary = '/usr/bin/prometheus';

describeWith(existsSync(binary), 'prometheus')('against a real Prometheus', () => {
  let folder: string;
  let metrics: Server;
  let prometheus: ChildProcess;
  let url: string;
  const startedMs = Date.now();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foreshard-prometheus-'));
    let count = 0;
    metrics = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`# TYPE shop_requests_total counter\nshop_requests_total ${(count += 10)}\n# TYPE shop_queue gauge\nshop_queue{pod="p1"} 7\n`));
    const [port, metricsPort] = [await freePort(), await freePort()];
    await new Promise<void>((done) => metrics.listen(metricsPort, '127.0.0.1', done));
    writeFileSync(join(folder, 'prometheus.yml'), `global: { scrape_interval: 500ms, scrape_timeout: 400ms }\nscrape_configs: [{ job_name: shop, static_configs: [{ targets: ['127.0.0.1:${metricsPort}'], labels: { instance: 'shop-1' } }] }]\n`);
    url = `http://127.0.0.1:${port}`;
    prometheus = spawn(binary, [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    for (;;) {
      const samples = await all({}).catch(() => []); // it needs a moment to start, and longer until it has scraped
      if (samples.length > 3) return;
      await sleep(250);
    }
  });

  afterAll(async () => {
    await stopProcess(prometheus);
    metrics.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function all(range: Partial<PrometheusRange>): Promise<MetricSample[]> {
    const samples: MetricSample[] = [];
    for await (const sample of prometheusRange({ url, query: 'shop_queue', metric: 'queue', start: startedMs, end: Date.now(), step: 500, ...range })) samples.push(sample);
    return samples;
  }

  test('samples come with their member, in order of time', async () => {
    const samples = await all({});
    expect(samples.length).toBeGreaterThan(3);
    expect(new Set(samples.map(({ member, metric, value }) => `${member} ${metric} ${value}`))).toEqual(new Set(['shop-1 queue 7']));
    const times = samples.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.every((at) => (at - startedMs) % 500 === 0)).toBe(true);
    expect((await all({ query: 'sum(shop_queue)' }))[0]).toMatchObject({ member: 'all' });
    expect((await all({ query: 'shop_requests_total', metric: 'requests' })).every(({ value }) => value % 10 === 0)).toBe(true);
  });

  test('a range of more points than it answers at once', async () => {
    const samples = await all({ start: startedMs - 20_000_000, end: startedMs + 30_000, step: 1000 });
    expect(samples.length).toBeGreaterThan(0);
    expect(new Set(samples.map(({ at }) => at)).size).toBe(samples.length);
  });

  test('its errors', async () => {
    await expect(all({ query: 'shop_queue{' })).rejects.toMatchObject({ code: 'upstream_refused', message: expect.stringContaining('bad_data') as string });
    await expect(all({ url: `${url}/nowhere` })).rejects.toMatchObject({ code: 'upstream_refused' });
  });
});
