/** A cluster of redis-servers with a steward, under load: owners are killed and replaced, a fourth joins, the coordinator is away. */
import { fork } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { contentHash } from '../../dist/lib/content-hash.js';
import { memberName } from '../../dist/model/shard-map.js';
import { ClusterConnection } from '../../dist/state-nodes/cluster.js';
import { openStateNode } from '../../dist/state-nodes/open-state-node.js';
import { RedisCoordinator } from '../../dist/state-nodes/redis-coordinator.js';
import { median, quantile } from './measure.mjs';
import { freePort } from './processes.mjs';
import { startLoad, startServer } from './state-load.mjs';

const namespace = 'failure';
const [revisions, valueBytes] = [10_000, 4096];
const phases = ['well', 'replacing', 'back', 'joining', 'away'];

/** @param {{ kills: number, awaySeconds: number }} options */
export async function measureCluster({ kills, awaySeconds }) {
  const cluster = await startCluster();
  try {
    const load = startLoad({ router: cluster.connection.router, items: cluster.items }, phases);
    const replaced = [];
    for (let kill = 0; kill < kills; kill++) replaced.push(await killOne(cluster, load));
    const plain = await plainCopies(cluster, load);
    const joinedMs = await joinOne(cluster, load);
    await coordinatorAway(cluster, load, awaySeconds);
    await load.stop();
    return figures({ load, replaced, plain, joinedMs, kills, awaySeconds });
  } finally {
    await cluster.close();
  }
}

/** Three state nodes and an address for a fourth, a coordinator, a steward in its own process, and revisions with two copies of each. */
async function startCluster() {
  const ports = await Promise.all(Array.from({ length: 5 }, () => freePort()));
  const [coordinatorPort, ...nodePorts] = ports;
  const nodes = await Promise.all(nodePorts.slice(0, 3).map((port) => startServer(port)));
  const cluster = { nodePorts, nodes, coordinator: await startServer(coordinatorPort), maps: [] };
  const members = nodePorts.map((port, index) => ({ id: `node-${index}`, address: `redis://127.0.0.1:${port}`, zone: `zone-${index}`, capacity: 1 }));
  const steward = startSteward({ members, coordinatorPort, namespace, replicas: 2 });
  const coordinator = new RedisCoordinator({ host: '127.0.0.1', port: coordinatorPort, namespace });
  const connection = await ClusterConnection.open({
    coordinator, open: (member) => openStateNode(member, { namespace, onClose: 'keep' }), onMap: (map) => cluster.maps.push({ map, at: performance.now() }),
  });
  const items = Array.from({ length: revisions }, (_, index) => {
    const bytes = randomBytes(valueBytes);
    return { key: `redis:0/product:${index}:stock`, revision: 1, bytes, hash: contentHash(bytes) };
  });
  Object.assign(cluster, { steward, connection, items });
  await settled(cluster, 3);
  await connection.router.publish(items, { acknowledge: () => 2 });
  return Object.assign(cluster, {
    close: async () => {
      await connection.close();
      await coordinator.close();
      await steward.ask('stop');
      await Promise.all([...cluster.nodes, cluster.coordinator].map((server) => server.stop()));
    },
  });
}

/** A steward's process, and how it is asked. */
function startSteward(options) {
  const child = fork(fileURLToPath(new URL('steward-process.mjs', import.meta.url)), [JSON.stringify(options)]);
  process.on('exit', () => child.kill('SIGKILL'));
  const waiting = new Map();
  let asked = 0;
  child.on('message', ({ id, answer }) => waiting.get(id)?.(answer));
  child.on('exit', (code) => {
    if (code !== 0) throw new Error(`the steward ended with ${code}`);
    for (const answer of waiting.values()) answer();
  });
  return {
    ask: (ask, about) => new Promise((resolve) => {
      const id = ++asked;
      waiting.set(id, resolve);
      child.send({ id, ask, about });
    }),
  };
}

/** Owners named by a map. */
function ownersOf(map) {
  return new Set([...new Set(map.slots)].flatMap((set) => map.sets[set].map((place) => memberName(map.members[place]))));
}

/** Waits for a map, in the order of publication from `from` on, and says when the client had it. */
async function mapSuch(cluster, wanted, what, from = 0) {
  for (const until = performance.now() + 120_000; performance.now() < until; await delay(5)) {
    const found = cluster.maps.slice(from).find(({ map }) => wanted(map));
    if (found !== undefined) return found;
  }
  throw new Error(`no ${what} within two minutes`);
}

/** Waits until so many members own everything and nothing is on its way. */
async function settled(cluster, members, from = 0) {
  const isSettled = (map) => map.changes.size === 0 && ownersOf(map).size === members;
  if (from === 0 && isSettled(cluster.connection.view.map)) return { at: performance.now() };
  return mapSuch(cluster, isSettled, `settled map of ${members} members`, from);
}

/** A state node is killed, replaced, started again empty and takes its share again: how long it took until it was in no map, and how fast its copies were made again. */
async function killOne(cluster, load) {
  await load.run('well', () => delay(300));
  const index = randomInt(3);
  const from = cluster.maps.length;
  const id = `node-${index}`;
  const before = await cluster.steward.ask('stats');
  const killedAt = performance.now();
  const result = await load.run('replacing', async () => {
    process.kill(cluster.nodes[index].pid, 'SIGKILL');
    const without = await mapSuch(cluster, (map) => [...ownersOf(map)].every((name) => !name.startsWith(`${id}@`)), `map without ${id}`, from);
    const whole = await settled(cluster, 2, from);
    const after = await cluster.steward.ask('stats');
    return { replacedMs: without.at - killedAt, copyMs: whole.at - without.at, megabytes: (after.bytes - before.bytes) / 1e6 };
  });
  await load.run('back', async () => {
    const back = cluster.maps.length;
    cluster.nodes[index] = await startServer(cluster.nodePorts[index]);
    await settled(cluster, 3, back);
  });
  return result;
}

/** The same client library's copies between two of the servers, under the same load and from the steward's process. */
async function plainCopies(cluster, load) {
  const [from, to] = cluster.nodePorts;
  const keys = await payloadsAt(from);
  const speeds = [];
  for (let round = 0; round < 5; round++) {
    const { bytes, seconds } = await load.run('well', () => cluster.steward.ask('copy', { from, to, keys }));
    speeds.push(bytes / 1e6 / seconds);
  }
  return median(speeds);
}

/** The keys of a server's payloads, once it no longer lets go of what it does not own any more. */
async function payloadsAt(port) {
  const redis = new Redis(port, '127.0.0.1');
  for (let before = []; ; await delay(500)) {
    const keys = await redis.keys(`fs:${namespace}:p:*`);
    if (keys.length === before.length) {
      redis.disconnect();
      return keys;
    }
    before = keys;
  }
}

async function joinOne(cluster, load) {
  const from = cluster.maps.length;
  const startedAt = performance.now();
  return load.run('joining', async () => {
    cluster.nodes.push(await startServer(cluster.nodePorts[3]));
    const { at } = await settled(cluster, 4, from);
    return at - startedAt;
  });
}

/** The coordinator is killed and comes back without its memory; then the map is published anew. */
async function coordinatorAway(cluster, load, awaySeconds) {
  const from = cluster.maps.length;
  await load.run('away', async () => {
    process.kill(cluster.coordinator.pid, 'SIGKILL');
    await delay(awaySeconds * 1000);
    cluster.coordinator = await startServer(cluster.coordinator.port);
    await mapSuch(cluster, (map) => map.changes.size === 0, 'map after the coordinator was away', from);
  });
}

function figures({ load, replaced, plain, joinedMs, kills, awaySeconds }) {
  const times = replaced.map(({ replacedMs }) => replacedMs / 1000);
  const speed = median(replaced.map(({ megabytes, copyMs }) => megabytes / copyMs * 1000));
  const p99 = (phase) => ({ name: `  p99 of reads meanwhile`, value: quantile(load.latencies[phase], 0.99), unit: 'ms', anchor: `${load.latencies[phase].length} reads; ${quantile(load.latencies.well, 0.99).toPrecision(3)} ms while all is well` });
  return [
    { name: 'cluster: SIGKILL until a map without the owner, median', value: median(times), unit: 's', goal: '<= 2', anchor: `${kills} kills, 3 redis-servers, 2 replicas, ${revisions} × ${valueBytes / 1024} KB` },
    { name: '  longest', value: Math.max(...times), unit: 's', goal: '<= 2' },
    { name: '  copies made again', value: speed, unit: 'MB/s', goal: `>= ${Math.min(100, 0.7 * plain).toFixed(1)}`, anchor: `0.7 × plain MGET/MSET, 200 at a time, 4 in flight, under the same load: ${plain.toFixed(0)} MB/s; ${median(replaced.map(({ megabytes }) => megabytes)).toFixed(1)} MB a kill` },
    p99('replacing'),
    { name: '  a fourth server joins: until it has its share', value: joinedMs / 1000, unit: 's' },
    p99('joining'),
    { name: `  the coordinator is away for ${awaySeconds} s, and comes back empty: reads meanwhile`, value: load.latencies.away.length, unit: 'reads' },
    p99('away'),
    { name: '  failed reads, all of that time', value: load.failed, unit: `of ${load.reads}`, goal: '<= 0' },
    { name: '  wrong bytes', value: load.wrong, unit: 'revisions', goal: '<= 0', anchor: `${load.reads * load.batch} revisions compared` },
  ];
}
