/** Reading revisions through the router against a plain ioredis MGET of the same keys, on the same redis-server, at the same time. */
import { hash, randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { contentHash } from '../dist/lib/content-hash.js';
import { slotOf, tagHash } from '../dist/model/directory.js';
import { shardMapFormatVersion, slotCount } from '../dist/model/shard-map.js';
import { RedisStateNode } from '../dist/state-nodes/redis-state-node.js';
import { StateRouter } from '../dist/state-nodes/router.js';
import { interleaved, median, pairedRatio } from './support/measure.mjs';
import { pinSelf, startRedis } from './support/processes.mjs';

export const claim = 'revisions of 1 KB a second through StateRouter and RedisStateNode ÷ a plain ioredis MGET of the same keys';

const revisions = 10_000;
const valueBytes = 1024;
const concurrency = 64;
const servers = 6;
const roundMs = 300;
const rounds = 7;

export async function measure() {
  pinSelf(0); // the client on one core, the servers on the other
  const redises = await Promise.all(Array.from({ length: servers }, () => startRedis({ core: 1 })));
  try {
    const plain = redises.map(({ url }) => new Redis(url));
    const state = await placed(redises, plain);
    const figures = [];
    for (const { fanOut, items } of [{ fanOut: 1, items: 10 }, { fanOut: 2, items: 10 }, { fanOut: 6, items: 10 }, { fanOut: 1, items: 100 }]) {
      figures.push(...(await compare(state, { fanOut, items })));
    }
    await state.router.close();
    for (const client of plain) client.disconnect();
    return [...figures, ...hashing(figures.find(({ name }) => name === '  through the router').value)];
  } finally {
    await Promise.all(redises.map((redis) => redis.stop()));
  }
}

/** Revisions on six state nodes, each slot on one of them; per node the items there and the names of their payloads. */
async function placed(redises, plain) {
  const members = redises.map((_, index) => ({ id: `node-${index}`, address: 'redis', zone: 'a', capacity: 1 }));
  const slots = Uint16Array.from({ length: slotCount }, (_, slot) => slot % servers);
  const map = {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets: members.map((_, index) => [index]), slots, overrides: new Map(),
    ages: new Uint8Array(slotCount), changes: new Map(),
  };
  const nodes = new Map();
  for (const [index, { port }] of redises.entries()) nodes.set(`node-${index}`, await RedisStateNode.connect({ id: `node-${index}`, namespace: 'bench', host: '127.0.0.1', port }));
  const router = new StateRouter(map, nodes);
  const items = Array.from({ length: revisions }, (_, index) => {
    const bytes = Buffer.from(randomBytes(valueBytes / 2).toString('hex')); // text: the decoding of `mget` is spared its slow path
    return { key: `redis:0/product:${index}:stock`, revision: 1, bytes, hash: contentHash(bytes) };
  });
  await router.publish(items);
  const byNode = members.map((_, index) => items.filter((item) => slots[slotOf(item.key)] === index).map(({ key, revision, hash }) => ({ key, revision, hash, tag: tagHash(key) })));
  const bare = byNode.map((list) => list.map(({ key, revision, hash }) => ({ key, revision, hash })));
  const names = await Promise.all(plain.map((client) => valueNames(client)));
  return { router, byNode, bare, plain, names };
}

/** The keys under which a server keeps the payloads, however a state node names them. */
async function valueNames(client) {
  const names = await client.keys('fs:bench:*');
  const types = await Promise.all(names.map((name) => client.type(name)));
  const strings = names.filter((_, index) => types[index] === 'string');
  const lengths = await Promise.all(strings.map((name) => client.strlen(name)));
  return strings.filter((_, index) => lengths[index] >= valueBytes);
}

async function compare({ router, byNode, bare, plain, names }, { fanOut, items }) {
  const share = Array.from({ length: fanOut }, (_, node) => Math.floor(items / fanOut) + (node < items % fanOut ? 1 : 0));
  const pick = (lists, n) => share.map((count, node) => Array.from({ length: count }, (_, at) => lists[node][(n * 7919 + at * 104_729) % lists[node].length]));
  const check = (values) => {
    if (values.length !== items || values.some((value) => value === undefined || value === null)) throw new Error('a value is missing');
  };
  const samples = await interleaved({
    count: rounds, warmUp: 2,
    variants: {
      router: () => perSecond(async (n) => check(await router.fetch(pick(byNode, n).flat()))),
      bare: () => perSecond(async (n) => check(await router.fetch(pick(bare, n).flat()))),
      mget: () => perSecond(async (n) => check((await Promise.all(pick(names, n).map((keys, node) => plain[node].mget(keys)))).flat())),
      bytes: () => perSecond(async (n) => check((await Promise.all(pick(names, n).map((keys, node) => plain[node].mgetBuffer(keys)))).flat())),
    },
  });
  const name = `${items} × 1 KB, fan-out ${fanOut}`;
  const goal = fanOut === 1 && items === 10 ? { goal: '>= 0.7' } : {};
  return [
    { name, value: pairedRatio(samples.router, samples.mget), unit: 'of ioredis MGET', ...goal, anchor: `${Math.round(median(samples.mget))} requests/s, ioredis mget` },
    { name: '  as bytes', value: pairedRatio(samples.router, samples.bytes), unit: 'of ioredis MGET', ...goal, anchor: `${Math.round(median(samples.bytes))} requests/s, ioredis mgetBuffer` },
    { name: '  by keys whose tags are found on the way', value: pairedRatio(samples.bare, samples.mget), unit: 'of ioredis MGET', anchor: `${Math.round(median(samples.bare))} requests/s through the router` },
    { name: '  through the router', value: median(samples.router), unit: 'requests/s' },
  ];
}

/** Requests a second with 64 on their way all the time. */
async function perSecond(request) {
  const startedAt = performance.now();
  let done = 0;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (performance.now() - startedAt < roundMs) await request(done++);
  }));
  return done / (performance.now() - startedAt) * 1000;
}

/** What checking revisions costs, of which the plain MGET checks none; as a share of the client's time when it is that which is busy. */
function hashing(requestsPerSecond) {
  const value = randomBytes(valueBytes);
  const startedAt = performance.now();
  for (let n = 0; n < 50_000; n++) hash('sha256', value, 'hex');
  const micros = (performance.now() - startedAt) / 50;
  return [
    { name: 'SHA-256 of 1 KB', value: micros, unit: 'µs' },
    { name: '  share of a read of 10 × 1 KB, fan-out 1', value: 10 * micros * requestsPerSecond / 1e6, unit: 'ratio' },
  ];
}
