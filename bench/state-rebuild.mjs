/** Giving one case its state against loading all of it: a redis-server with 100,000 keys of 1 KB, a case that needs 20. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { contentHash } from '../dist/lib/content-hash.js';
import { encodeValue } from '../dist/model/element-codec.js';
import { redisStateKey } from '../dist/model/state-key.js';
import { CaseClock } from '../dist/replay/case-clock.js';
import { EntryCache } from '../dist/replay/entry-cache.js';
import { KeyIndex, KnownState } from '../dist/replay/known-state.js';
import { Overlay } from '../dist/replay/overlay.js';
import { RedisStateNode } from '../dist/state-nodes/redis-state-node.js';
import { median, quantile } from './support/measure.mjs';
import { freePort, listening, start, startRedis, temporaryFolder } from './support/processes.mjs';
import { command, connectRaw } from './support/raw-resp.mjs';

export const claim = "loading 100,000 keys ÷ building one case's state of 20 elements";

const keys = 100_000;
const needed = 20;
const cases = 2000;

export async function measure() {
  const full = await fullReload();
  const lane = await startRedis();
  try {
    const restore = await restoreOfOneCase(lane.port);
    const overlay = await overlayOfOneCase(lane);
    const reload = Math.min(full.restartMs, full.restoreMs);
    const anchor = `${Math.round(reload)} ms: ${full.restartMs < full.restoreMs ? 'restart from RDB' : 'FLUSHALL + RESTORE'} of ${keys} keys`;
    return [
      { name: 'overlay, state fetched from a state node', value: reload / overlay.coldMs, unit: 'times', goal: '>= 1000', anchor },
      { name: 'overlay, state prefetched', value: reload / overlay.warmMs, unit: 'times', goal: '>= 1000', anchor },
      { name: 'FLUSHDB + RESTORE on a redis-server', value: reload / restore, unit: 'times', goal: '>= 1000', anchor },
      { name: 'FLUSHDB + RESTORE ÷ prefetched overlay', value: restore / overlay.warmMs, unit: 'times', goal: '>= 30', anchor: `${Math.round(restore * 1000)} µs FLUSHDB + RESTORE` },
      { name: '  full reload, restart from RDB', value: full.restartMs, unit: 'ms' },
      { name: '  full reload, FLUSHALL + pipelined RESTORE', value: full.restoreMs, unit: 'ms' },
      { name: '  overlay from a state node, p50', value: overlay.coldMs * 1000, unit: 'µs' },
      { name: '  overlay prefetched, p50', value: overlay.warmMs * 1000, unit: 'µs' },
      { name: '  FLUSHDB + RESTORE, p50', value: restore * 1000, unit: 'µs' },
    ];
  } finally {
    await lane.stop();
  }
}

/** The best of several full reloads, both ways. */
async function fullReload() {
  const folder = temporaryFolder();
  const args = ['--dir', folder, '--dbfilename', 'all.rdb', '--rdbcompression', 'no'];
  const first = await startRedis({ args });
  const client = new Redis(first.url);
  const payloads = [];
  for (let from = 0; from < keys; from += 10_000) {
    const pipeline = client.pipeline();
    for (let key = from; key < from + 10_000; key++) pipeline.set(`key:${key}`, randomBytes(512).toString('hex'));
    await pipeline.exec();
  }
  for (let from = 0; from < keys; from += 10_000) {
    const pipeline = client.pipeline();
    for (let key = from; key < from + 10_000; key++) pipeline.dumpBuffer(`key:${key}`);
    payloads.push(...(await pipeline.exec()).map(([, payload]) => payload.toString('latin1')));
  }
  await client.save();
  client.disconnect();
  const raw = await connectRaw(first.port);
  const restores = [];
  for (let round = 0; round < 2; round++) {
    const startedAt = performance.now();
    await raw.send(command('FLUSHALL'));
    for (let from = 0; from < keys; from += 5000) {
      await raw.send(payloads.slice(from, from + 5000).map((payload, index) => command('RESTORE', `key:${from + index}`, '0', payload)).join(''), 5000);
    }
    restores.push(performance.now() - startedAt);
  }
  raw.close();
  await first.stop();
  const restarts = [];
  for (let round = 0; round < 3; round++) restarts.push(await restart(folder));
  return { restoreMs: Math.min(...restores), restartMs: Math.min(...restarts) };
}

async function restart(folder) {
  const port = await freePort();
  const startedAt = performance.now();
  const redis = start(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, '--dbfilename', 'all.rdb']);
  await listening(port, redis);
  const client = new Redis(port, '127.0.0.1'); // asks INFO until nothing is loading any more
  const size = await client.dbsize();
  const spent = performance.now() - startedAt;
  if (size !== keys) throw new Error(`${size} keys were loaded instead of ${keys}`);
  client.disconnect();
  await redis.stop();
  return spent;
}

/** p50 of emptying a lane's database and restoring 20 elements whose payloads are at hand, in ms. */
async function restoreOfOneCase(port) {
  const client = new Redis(port, '127.0.0.1');
  const payloads = [];
  for (let key = 0; key < needed; key++) {
    await client.set(`key:${key}`, randomBytes(512).toString('hex'));
    payloads.push((await client.dumpBuffer(`key:${key}`)).toString('latin1'));
  }
  client.disconnect();
  const raw = await connectRaw(port);
  const text = command('FLUSHDB') + payloads.map((payload, key) => command('RESTORE', `key:${key}`, '0', payload)).join('');
  const spent = [];
  for (let n = 0; n < cases; n++) {
    const startedAt = performance.now();
    await raw.send(text, needed + 1);
    spent.push(performance.now() - startedAt);
  }
  raw.close();
  return quantile(spent, 0.5);
}

/** p50 of an overlay with 20 elements in place, in ms: `cold` fetches them from a Redis state node and decodes them, `warm` has them prefetched. */
async function overlayOfOneCase({ port }) {
  const node = await RedisStateNode.connect({ id: 'node', namespace: 'bench', host: '127.0.0.1', port });
  const chains = new Map();
  const stored = [];
  for (let index = 0; index < 2000; index++) {
    const key = redisStateKey('redis', 0, `key:${index}`);
    const bytes = encodeValue({ type: 'string', value: randomBytes(512).toString('hex') });
    const revision = { kind: 'revision', key, revision: 1, hash: contentHash(bytes), sizeBytes: bytes.length, expiresAtMs: null, position: 0, at: 0, by: null, cause: 'initial' };
    chains.set(key, { key, revisions: [revision] });
    stored.push({ key, revision: 1, hash: revision.hash, bytes });
  }
  await node.write(stored);
  const recording = { requests: [], chains, completeness: [] };
  const all = [...chains.values()].map(({ revisions }) => revisions[0]);
  const keyIndex = new KeyIndex(recording);
  const caseOf = (n) => Array.from({ length: needed }, (_, index) => all[(n * 7 + index) % all.length]);
  const build = async (cache, revisions) => {
    await cache.load(revisions);
    const needs = new Map(revisions.map((revision) => [revision.key, revision]));
    const overlay = new Overlay({
      state: new KnownState(recording, { position: 1 }, needs), keys: keyIndex, cache, clock: new CaseClock(0, 'stands'), seed: '0'.repeat(32), hints: [],
    });
    const database = overlay.keyspace('redis').database(0);
    for (const { key } of revisions) if (database.read(key.slice('redis:0/'.length)) === undefined) throw new Error(`${key} is missing`);
    overlay.close();
  };
  const source = { fetch: (items) => node.read(items) };
  const shared = new EntryCache(source);
  await shared.load(all);
  const timed = async (cacheOf) => {
    const spent = [];
    for (let n = 0; n < cases; n++) {
      const revisions = caseOf(n);
      const cache = cacheOf();
      const startedAt = performance.now();
      await build(cache, revisions);
      spent.push(performance.now() - startedAt);
    }
    return median(spent.slice(cases / 4));
  };
  const coldMs = await timed(() => new EntryCache(source));
  const warmMs = await timed(() => shared);
  await node.close();
  return { coldMs, warmMs };
}
