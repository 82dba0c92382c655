/** Reading ten revisions of 1 KB from `foreshard node` against ioredis MGET of the same from a redis-server: one connection each, 64 reads under way. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { contentHash } from '../dist/lib/content-hash.js';
import { ForeshardStateNode } from '../dist/state-nodes/foreshard-state-node.js';
import { interleaved, median, pairedRatio } from './support/measure.mjs';
import { freePort, listening, pinSelf, start, startRedis } from './support/processes.mjs';

export const claim = 'reading 10 × 1 KB from a state node process ÷ ioredis MGET from a redis-server';

const elements = 20_000;
const perRead = 10;
const underWay = 64;
const reads = 6400;

export async function measure() {
  pinSelf(0);
  const redis = await startRedis({ core: 1 });
  const port = await freePort();
  const node = start([process.execPath, fileURLToPath(new URL('../bin/foreshard.js', import.meta.url)), 'node', '--port', String(port)], { core: 1 });
  const ioredis = new Redis(redis.url);
  try {
    await listening(port, node);
    const client = await ForeshardStateNode.connect({ id: 'node', host: '127.0.0.1', port });
    for (let from = 0; from < elements; from += 1000) {
      const items = Array.from({ length: 1000 }, (_, index) => {
        const bytes = randomBytes(1024);
        return { key: `redis:0/key:${from + index}`, revision: 1, bytes, hash: contentHash(bytes) };
      });
      await client.write(items);
      await ioredis.mset(items.flatMap(({ key, bytes }) => [key, bytes]));
    }
    const samples = await interleaved({ count: 9, warmUp: 3, variants: {
      node: () => perSecond(async (keys) => ready(await client.read(keys.map((key) => ({ key, revision: 1 }))))),
      ioredis: () => perSecond(async (keys) => ready(await ioredis.mgetBuffer(keys))),
    } });
    await client.close();
    return [
      { name: 'ForeshardStateNode.read, hashes checked', value: pairedRatio(samples.node, samples.ioredis), unit: 'ratio', goal: '>= 0.7', anchor: `${Math.round(median(samples.ioredis))} reads/s: ioredis mgetBuffer` },
      { name: '  reads a second', value: median(samples.node), unit: 'reads/s' },
    ];
  } finally {
    ioredis.disconnect();
    await node.stop();
    await redis.stop();
  }
}

function ready(found) {
  if (found.length !== perRead || found.some((bytes) => bytes?.length !== 1024)) throw new Error('a value is missing');
}

/** Reads a second of `reads` reads, `underWay` at a time. */
async function perSecond(read) {
  let left = reads;
  const one = async (seed) => {
    for (let at = seed * 977; left-- > 0; at += 7919) await read(Array.from({ length: perRead }, (_, index) => `redis:0/key:${(at + index * 131) % elements}`));
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: underWay }, (_, seed) => one(seed)));
  return reads / ((performance.now() - startedAt) / 1000);
}
