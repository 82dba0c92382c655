/** Real redis-servers under load: one of three killed at random and started again empty, twenty times; then a cluster that looks after itself, losing owners, its coordinator, and gaining a member. */
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { contentHash } from '../dist/lib/content-hash.js';
import { shardMapFormatVersion, slotCount } from '../dist/model/shard-map.js';
import { RedisStateNode } from '../dist/state-nodes/redis-state-node.js';
import { StateRouter } from '../dist/state-nodes/router.js';
import { measureCluster } from './support/cluster-failure.mjs';
import { measureHeads } from './support/cluster-heads.mjs';
import { median, quantile } from './support/measure.mjs';
import { freePort } from './support/processes.mjs';
import { startLoad, startServer } from './support/state-load.mjs';

export const claim = 'no read fails and no byte is wrong while state nodes are killed and join, and while the coordinator is away; who died is replaced within two seconds';

export const servers = ['redis-server'];

const revisions = 5000;
const valueBytes = 1024;
/** How long there is load before a kill, until the server is started again, and after that, in milliseconds. */
const phases = { before: 400, during: 500, after: 500 };

/** How often a server is killed in each part, and how long the coordinator is away. */
export const options = { kills: 20, away: 60 };

export async function measure({ kills, away } = options) {
  return [...await measureRouter(kills), ...await measureCluster({ kills, awaySeconds: away }), ...await measureHeads({ kills: Math.ceil(kills / 4) })];
}

/** A fixed map, and readers that find what is left. */
async function measureRouter(kills) {
  const cluster = await startCluster(3);
  try {
    const load = startLoad(cluster, ['before', 'during', 'after', 'healing']);
    for (let kill = 0; kill < kills; kill++) await killOne(cluster, load);
    await load.stop();
    return figures(cluster, load, kills);
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

function figures({ router }, load, kills) {
  const { hedges, stalls, failures, retries, repaired, missing } = router.stats;
  const rows = [
    { name: 'failed reads', value: load.failed, unit: `of ${load.reads}`, goal: '<= 0', anchor: `${kills} kills, 3 redis-servers, 2 replicas, ${load.batch} × 1 KB a read` },
    { name: 'wrong bytes', value: load.wrong, unit: 'revisions', goal: '<= 0', anchor: `${load.reads * load.batch} revisions compared` },
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
