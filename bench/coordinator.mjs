/** How soon a change of the shard map is decided, and known to everyone, with the coordinator on Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { RedisClient } from '../dist/gateways/redis/redis-client.js';
import { RedisCoordinator } from '../dist/state-nodes/redis-coordinator.js';
import { quantile } from './support/measure.mjs';
import { startRedis } from './support/processes.mjs';

export const claim = 'a change of the shard map, on a real redis-server: compare-and-set, and until 50 clients know';
export const servers = ['redis-server'];

const watchers = 50;
const sizes = [{ name: '2 kB map', bytes: 2048, changes: 2000 }, { name: '256 KiB map', bytes: 262_144, changes: 200 }];
const warmUp = 50;

export async function measure() {
  const redis = await startRedis();
  try {
    const figures = [];
    for (const size of sizes) figures.push(...await changesOf(size, redis.port));
    return figures;
  } finally {
    await redis.stop();
  }
}

/** Changes one after the other, each beside a plain SET of the same text through the same client, before or after it in turn. */
async function changesOf({ name, bytes, changes }, port) {
  const map = Buffer.alloc(bytes / 2, 0xa7).toString('base64').padEnd(bytes, '=').slice(0, bytes);
  const client = new RedisClient({ address: { host: '127.0.0.1', port }, database: 0, timeoutMs: 10_000 });
  const open = () => new RedisCoordinator({ host: '127.0.0.1', port, namespace: name.replaceAll(' ', '-') });
  const writer = open();
  const crowd = new Crowd(Array.from({ length: watchers }, open));
  const token = await writer.lease('bench', 600_000);
  const spent = { set: [], decided: [], known: [] };
  let revision = await writer.compareAndSet(0, { map }, token);
  await crowd.knows(revision);
  const set = async () => {
    const startedAt = performance.now();
    await client.send([['SET', 'plain', map]]);
    return performance.now() - startedAt;
  };
  for (let n = -warmUp; n < changes; n++) {
    const first = n % 2 === 0 ? await set() : undefined;
    await delay(1); // what the change before left to do is done
    const startedAt = performance.now();
    revision = await writer.compareAndSet(revision, { map, diff: 'a diff of some slots' }, token);
    const decided = performance.now() - startedAt;
    const known = await crowd.knows(revision) - startedAt;
    await delay(1);
    const plain = first ?? await set();
    if (n < 0) continue;
    spent.set.push(plain);
    spent.decided.push(decided);
    spent.known.push(known);
  }
  await Promise.all([client.close(), writer.close(), crowd.close()]);
  const anchor = `plain SET in the same run: p50 ${ms(quantile(spent.set, 0.5))}, p99 ${ms(quantile(spent.set, 0.99))}`;
  return [
    { name: `${name}: compare-and-set, p50`, value: quantile(spent.decided, 0.5), unit: 'ms', anchor },
    { name: `${name}: compare-and-set, p99`, value: quantile(spent.decided, 0.99), unit: 'ms', anchor },
    { name: `${name}: until ${watchers} clients know, p50`, value: quantile(spent.known, 0.5), unit: 'ms', anchor },
    { name: `${name}: until ${watchers} clients know, p99`, value: quantile(spent.known, 0.99), unit: 'ms', goal: '<= 15', anchor },
    { name: `  ${name}: compare-and-set ÷ SET, p50`, value: quantile(spent.decided, 0.5) / quantile(spent.set, 0.5), unit: 'times' },
  ];
}

/** Clients that each watch on a connection of their own. */
class Crowd {
  #clients;
  #knowing = new Map();
  #waiting = new Map();

  constructor(clients) {
    this.#clients = clients;
    for (const client of clients) client.watch(0, (revision) => this.#told(revision));
  }

  /** The time at which the last of them was told of this revision. */
  knows(revision) {
    if (this.#knowing.get(revision) === this.#clients.length) return performance.now();
    return new Promise((resolve) => this.#waiting.set(revision, resolve));
  }

  async close() {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #told(revision) {
    const count = (this.#knowing.get(revision) ?? 0) + 1;
    this.#knowing.set(revision, count);
    if (count === this.#clients.length) this.#waiting.get(revision)?.(performance.now());
  }
}

function ms(value) {
  return `${value.toPrecision(3)} ms`;
}
