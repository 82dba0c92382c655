/** Our own Redis client against ioredis and node-redis, for what state nodes do most: MGET of payloads, in one process that also does other work. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient, RESP_TYPES } from 'redis';
import { RedisClient } from '../dist/gateways/redis/redis-client.js';
import { cpuMicros, interleaved, median } from './support/measure.mjs';
import { pinSelf, startRedis } from './support/processes.mjs';

export const claim = 'reading payloads of 1 KB from Redis: throughput and CPU per value of our client beside ioredis and node-redis';
export const servers = ['redis-server'];

const keys = Array.from({ length: 10_000 }, (_, index) => `payload:${index}`);
const payloadBytes = 1024;
const shapes = [{ values: 10, concurrency: 64 }, { values: 500, concurrency: 4 }];
const roundMs = 800;

export async function measure() {
  const redis = await startRedis({ core: 0 });
  pinSelf(1);
  const clients = await connectAll(redis.port);
  try {
    await fill(redis.port);
    const figures = [];
    for (const shape of shapes) figures.push(...await compare(clients, shape));
    return figures;
  } finally {
    await clients.close();
    await redis.stop();
  }
}

async function connectAll(port) {
  const own = new RedisClient({ address: { host: '127.0.0.1', port }, database: 0, timeoutMs: 30_000 });
  const ioredis = new Redis(port, '127.0.0.1');
  const nodeRedis = createClient({ socket: { host: '127.0.0.1', port } }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  await nodeRedis.connect();
  return {
    mget: {
      ours: async (names) => (await own.send([['MGET', ...names]], { wantsBytes: true }))[0],
      ioredis: (names) => ioredis.mgetBuffer(names),
      'node-redis': (names) => nodeRedis.mGet(names),
    },
    close: async () => {
      ioredis.disconnect();
      nodeRedis.destroy();
      await own.close();
    },
  };
}

async function fill(port) {
  const client = new Redis(port, '127.0.0.1');
  for (let from = 0; from < keys.length; from += 500) {
    const pipeline = client.pipeline();
    for (const key of keys.slice(from, from + 500)) pipeline.set(key, randomBytes(payloadBytes));
    await pipeline.exec();
  }
  client.disconnect();
}

async function compare({ mget }, { values, concurrency }) {
  const variants = Object.fromEntries(Object.entries(mget).map(([name, get]) => [name, () => run(get, values, concurrency)]));
  const samples = await interleaved({ count: 7, warmUp: 2, variants });
  const of = (name, field) => median(samples[name].map((sample) => sample[field]));
  const shape = `MGET of ${values}, ${concurrency} at a time`;
  return ['ioredis', 'node-redis'].flatMap((other) => [
    { name: `${shape}: CPU per value, ours ÷ ${other}`, value: median(samples.ours.map((own, index) => own.cpu / samples[other][index].cpu)), unit: 'times', goal: other === 'ioredis' ? '<= 1.2' : null, anchor: `${other} ${of(other, 'cpu').toFixed(2)} µs` },
    { name: `${shape}: throughput, ours ÷ ${other}`, value: median(samples.ours.map((own, index) => own.perSecond / samples[other][index].perSecond)), unit: 'times', anchor: `${other} ${Math.round(of(other, 'perSecond'))} values/s` },
  ]).concat([{ name: `  ${shape}: ours`, value: of('ours', 'cpu'), unit: 'µs of CPU' }, { name: `  ${shape}: ours`, value: of('ours', 'perSecond'), unit: 'values/s' }]);
}

async function run(get, values, concurrency) {
  const before = cpuMicros([process.pid]);
  const startedAt = performance.now();
  let read = 0;
  await Promise.all(Array.from({ length: concurrency }, async (_, lane) => {
    let at = lane * 137;
    while (performance.now() - startedAt < roundMs) {
      const names = Array.from({ length: values }, () => keys[(at = (at + 7919) % keys.length)]);
      const found = await get(names);
      if (found.length !== values || found.some((bytes) => bytes?.length !== payloadBytes)) throw new Error('a value is missing');
      read += values;
    }
  }));
  return { cpu: (cpuMicros([process.pid]) - before) / read, perSecond: read / ((performance.now() - startedAt) / 1000) };
}
