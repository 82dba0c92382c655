/** Reads while state nodes die: three real redis-servers under load, one killed at random and started again empty, twenty times. */
import { randomBytes, randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { contentHash } from '../dist/lib/content-hash.js';
import { shardMapFormatVersion, slotCount } from '../dist/model/shard-map.js';
import { RedisStateNode } from '../dist/state-nodes/redis-state-node.js';
import { StateRouter } from '../dist/state-nodes/router.js';
import { median, quantile } from './support/measure.mjs';
import { freePort, listening, start } from './support/processes.mjs';

export const claim = 'no read fails and no byte is wrong while one of three state nodes is killed, twenty times';

const kills = 20;
const revisions = 5000;
const valueBytes = 1024;
const readers = 16;
const batch = 10;
/** How long there is load before a kill, until the server is started again, and after that, in milliseconds. */
const phases = { before: 400, during: 500, after: 500 };

export async function measure() {
  const cluster = await startCluster(3);
  try {
    const load = startLoad(cluster);
    for (let kill = 0; kill < kills; kill++) await killOne(cluster, load);
    await load.stop();
    return figures(cluster, load);
  } finally {
    await cluster.close();
  }
}

/** Redis-servers as state nodes, two replicas of every slot, and revisions on them. */
async function startCluster(size) {
  const servers = await Promise.all(Array.from({ length: size }, async () => startServer(await freePort())));
  const members = servers.map(({ port }, index) => ({ id: `node-${index}`, address: `redis://127.0.0.1:${port}`, zone: `zone-${index}`, capacity: 1 }));
  const map = {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets: members.map((_, index) => [index, (index + 1) % size]),
    slots: Uint16Array.from({ length: slotCount }, (_, slot) => slot % size), overrides: new Map(), ages: new Uint8Array(slotCount), changes: new Map(),
  };
  const open = ({ id }) => RedisStateNode.connect({ id, namespace: 'failure', host: '127.0.0.1', port: servers[members.findIndex((member) => member.id === id)].port, onClose: 'keep' });
  const router = new StateRouter(map, open);
  const items = Array.from({ length: revisions }, (_, index) => {
    const bytes = randomBytes(valueBytes);
    return { key: `redis:0/product:${index}:stock`, revision: 1, bytes, hash: contentHash(bytes) };
  });
  await router.publish(items);
  return {
    servers, router, items,
    close: async () => {
      await router.close();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function startServer(port) {
  const server = start(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]);
  await listening(port, server);
  return { ...server, port };
}

/** Readers that ask for ten revisions at a time, one request after the other, and check every byte; latencies by phase. */
function startLoad({ router, items }) {
  const load = { phase: 'before', failed: 0, wrong: 0, reads: 0, latencies: { before: [], during: [], after: [], healing: [] }, spent: { before: 0, during: 0, after: 0, healing: 0 }, worst: [] };
  let isOver = false;
  const readOnce = async () => {
    const wanted = Array.from({ length: batch }, () => items[randomInt(items.length)]);
    const { phase } = load;
    const startedAt = performance.now();
    const got = await router.fetch(wanted.map(({ key, revision, hash }) => ({ key, revision, hash }))).catch(() => []);
    load.latencies[phase].push(performance.now() - startedAt);
    load.reads += 1;
    if (got.length === 0 || got.includes(undefined)) load.failed += 1;
    for (const [index, bytes] of got.entries()) if (bytes !== undefined && !wanted[index].bytes.equals(bytes)) load.wrong += 1;
  };
  const reading = Array.from({ length: readers }, async () => {
    while (!isOver) await readOnce();
  });
  return Object.assign(load, {
    /** Lets the load run for a while and counts it as this phase. */
    run: async (phase, work) => {
      load.phase = phase;
      const startedAt = performance.now();
      const value = await work();
      load.spent[phase] += performance.now() - startedAt;
      return value;
    },
    stop: async () => {
      isOver = true;
      await Promise.all(reading);
    },
  });
}

/** Load, a kill, load without the server, the server again but empty, load; then what it has lost is written again. */
async function killOne(cluster, load) {
  await load.run('before', () => delay(phases.before));
  const index = randomInt(cluster.servers.length);
  const { pid, exited, port } = cluster.servers[index];
  const from = load.latencies.during.length;
  await load.run('during', async () => {
    process.kill(pid, 'SIGKILL');
    await exited;
    await delay(phases.during);
  });
  load.worst.push(Math.max(...load.latencies.during.slice(from)));
  await load.run('after', async () => {
    cluster.servers[index] = await startServer(port);
    await delay(phases.after);
  });
  await load.run('healing', () => heal(cluster));
}

/** Two replicas of everything again: read repair has written what was read, this writes the rest. */
async function heal({ router, items }) {
  await router.repaired();
  await router.publish(items);
}

function figures({ router }, load) {
  const { hedges, stalls, failures, retries, repaired, missing } = router.stats;
  const rows = [
    { name: 'failed reads', value: load.failed, unit: `of ${load.reads}`, goal: '<= 0', anchor: `${kills} kills, 3 redis-servers, 2 replicas, 10 × 1 KB a read` },
    { name: 'wrong bytes', value: load.wrong, unit: 'revisions', goal: '<= 0', anchor: `${load.reads * batch} revisions compared` },
  ];
  const perSecond = (phase) => load.latencies[phase].length / load.spent[phase] * 1000;
  for (const [phase, title] of [['before', 'before a kill'], ['during', 'after a kill, one server gone'], ['after', 'after it has come back empty']]) {
    const latencies = load.latencies[phase];
    rows.push(
      { name: `${title}: p50`, value: quantile(latencies, 0.5), unit: 'ms' },
      { name: '  p99', value: quantile(latencies, 0.99), unit: 'ms' },
      { name: '  longest', value: latencies.reduce((longest, latency) => Math.max(longest, latency), 0), unit: 'ms' },
      { name: '  throughput', value: perSecond(phase), unit: 'reads/s' },
    );
  }
  return [
    ...rows,
    { name: 'longest read after a kill, median of the kills', value: median(load.worst), unit: 'ms' },
    { name: 'throughput with one of three gone ÷ before', value: perSecond('during') / perSecond('before'), unit: 'ratio' },
    { name: 'revisions asked of another replica', value: retries, unit: 'revisions' },
    { name: 'written back by read repair', value: repaired, unit: 'revisions' },
    { name: 'operations that failed, hedges, stalls, missing', value: failures + hedges + stalls + missing, unit: `${failures}, ${hedges}, ${stalls}, ${missing}` },
  ];
}
