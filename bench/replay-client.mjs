/** The replay client against wrk, both on the same HTTP server, 64 connections each. */
import { fileURLToPath } from 'node:url';
import { ReplayClient } from '../dist/gateways/http/replay-client.js';
import { interleaved, median, metered, pairedRatio } from './support/measure.mjs';
import { startService, wrk } from './support/processes.mjs';
import { get } from './support/workload.mjs';

export const claim = 'requests a second of the replay client ÷ wrk';

const connections = 64;
const seconds = 1;

export async function measure() {
  const server = await startService(fileURLToPath(new URL('support/plain-http.mjs', import.meta.url)));
  const client = new ReplayClient({ host: '127.0.0.1', port: server.port }, { connections });
  try {
    const samples = await interleaved({
      count: 9, warmUp: 2,
      variants: {
        client: () => metered({ own: [process.pid] }, () => sendFor(client)),
        wrk: () => wrk(server.url, { connections, seconds }),
      },
    });
    const perSecond = samples.client.map(({ value, seconds: spent }) => value / spent);
    return [
      { name: 'replay client', value: pairedRatio(perSecond, samples.wrk.map((run) => run.perSecond)), unit: 'ratio', goal: '>= 0.5', anchor: `${Math.round(median(samples.wrk.map((run) => run.perSecond)))} req/s by wrk` },
      { name: '  requests', value: median(perSecond), unit: 'req/s' },
      { name: '  CPU a request', value: median(samples.client.map(({ value, cpu }) => cpu.own / value)), unit: 'µs' },
    ];
  } finally {
    await client.close();
    await server.stop();
  }
}

async function sendFor(client) {
  const request = get('/product/1');
  const until = performance.now() + seconds * 1000;
  let count = 0;
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < until) {
      await client.send(request);
      count++;
    }
  }));
  return count;
}
