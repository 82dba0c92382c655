/** What the replay benchmarks work on: a seeded redis-server, the bench service, and a recording of its traffic. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { ReplayClient } from '../../dist/gateways/http/replay-client.js';
import { startRecording } from '../../dist/foreshard.js';
import { openRecording } from '../../dist/recordings/open-recording.js';
import { temporaryFolder } from './processes.mjs';

export const servicePath = fileURLToPath(new URL('service.mjs', import.meta.url));
/** The script that makes wrk ask for another product each time. */
export function wrkScript(kind) {
  return fileURLToPath(new URL(`${kind}.lua`, import.meta.url));
}

/** Fills a Redis with the bench service's products: 500 JSON documents of 1 KB. */
export async function seedProducts(url) {
  const redis = new Redis(url);
  const pipeline = redis.pipeline().flushall();
  for (let id = 0; id < 500; id++) {
    pipeline.set(`product:${id}`, JSON.stringify({ id, name: `product ${id}`, stock: id % 17, text: randomBytes(480).toString('hex') }));
    pipeline.set(`views:${id}`, '0');
  }
  for (let id = 0; id < 50; id++) pipeline.set(`last:${id}`, '{}');
  await pipeline.exec();
  redis.disconnect();
}

/** Sends requests through `concurrency` workers a client, each to the next client in turn; resolves when all are answered. */
export async function sendAll(clients, requests, concurrency) {
  let next = 0;
  const worker = async (client) => {
    while (next < requests.length) {
      const response = await client.send(requests[next++]);
      if (response.status !== 200) throw new Error(`the bench service answered ${response.status}: ${response.body}`);
    }
  };
  await Promise.all(clients.flatMap((client) => Array.from({ length: concurrency }, () => worker(client))));
}

/** A GET as a replay client takes it. */
export function get(target) {
  return { method: 'GET', target, headers: [['host', 'bench.local'], ['accept', 'application/json'], ['user-agent', 'foreshard-bench']], body: null };
}

/**
 * Records `count` requests of the bench service, 32 at a time.
 * @param {{ redisUrl: string, count: number, target?: (n: number) => string, folder?: string }} options
 */
export async function recordTraffic({ redisUrl, count, target = (n) => `/page/${n}`, folder = join(temporaryFolder(), 'recording') }) {
  const job = await startRecording({
    config: { service: { env: { REDIS_URL: redisUrl } } }, folder, command: [process.execPath, servicePath],
    flags: { recording: folder, listen: 0, redis: redisUrl, snapshot: 'auto', overwrite: true },
  });
  const client = new ReplayClient(job.session.address, { connections: 32 });
  try {
    await sendAll([client], Array.from({ length: count }, (_, n) => get(target(n))), 32);
  } finally {
    await client.close();
    await job.stop();
  }
  return openRecording(folder);
}
