/** A cluster as users start it, three replicas: elements are written at two of three owners and read, while owners are killed one after the other. */
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { connectState } from '../../dist/clustering.js';
import { memberName } from '../../dist/model/shard-map.js';
import { quantile } from './measure.mjs';
import { freePort, start } from './processes.mjs';
import { startServer } from './state-load.mjs';

const [elements, writers, readers, batch, replicas] = [2000, 4, 8, 5, 3];
const program = fileURLToPath(new URL('../../bin/foreshard.js', import.meta.url));

/** @param {{ kills: number }} options */
export async function measureHeads({ kills }) {
  const [coordinator, ...nodes] = await Promise.all(Array.from({ length: 4 }, async () => startServer(await freePort())));
  const url = ({ port }) => `redis://127.0.0.1:${port}`;
  const steward = start([process.execPath, program, 'cluster', '--coordinator', url(coordinator), '--replicas', String(replicas), ...nodes.flatMap((node) => ['--state-node', url(node)])]);
  const connected = await connectState({ coordinator: url(coordinator), namespace: 'cluster' });
  try {
    const whole = (members) => waitForMap(connected.connection.view, members);
    await whole(replicas);
    const load = startLoad(connected.client);
    await load.filled;
    for (let kill = 0; kill < kills; kill++) {
      await delay(500);
      load.phase = 'gone';
      process.kill(nodes[kill % nodes.length].pid, 'SIGKILL');
      await whole(replicas - 1);
      load.phase = 'well';
      nodes[kill % nodes.length] = await startServer(nodes[kill % nodes.length].port);
      await whole(replicas);
    }
    return figures(await load.stop(), kills);
  } finally {
    await connected.close();
    await steward.stop();
    await Promise.all([coordinator, ...nodes].map((server) => server.stop()));
  }
}

/** Until so many members own something and nothing is on its way. */
async function waitForMap(view, members) {
  for (const until = performance.now() + 120_000; performance.now() < until; await delay(10)) {
    const { map } = view;
    const owners = new Set([...new Set(map.slots)].flatMap((set) => map.sets[set].map((place) => memberName(map.members[place]))));
    if (owners.size === members && map.changes.size === 0) return;
  }
  throw new Error(`no settled map of ${members} members within two minutes`);
}

/** An element has one writer, who numbers its values; what a read gives must be at least what was acknowledged when it began. */
function startLoad(client) {
  const keys = Array.from({ length: elements }, (_, index) => `redis:0/cart:${index}:lines`);
  const [acknowledged, tried] = [keys.map(() => 0), keys.map(() => 0)];
  const load = { phase: 'well', reads: 0, failedReads: 0, wrong: 0, writes: 0, failedWrites: 0, readMs: { well: [], gone: [] }, writeMs: { well: [], gone: [] } };
  let isOver = false;
  const write = async (index) => {
    const { phase } = load;
    const [number, startedAt] = [++tried[index], performance.now()];
    try {
      await client.put([{ key: keys[index], bytes: Buffer.from(`${number} ${'x'.repeat(500)}`) }]);
      acknowledged[index] = number;
      load.writes += 1;
    } catch {
      load.failedWrites += 1;
    }
    load.writeMs[phase].push(performance.now() - startedAt);
  };
  const read = async (from) => {
    const { phase } = load;
    const chosen = Array.from({ length: batch }, (_, step) => (from + step) % elements);
    const [least, startedAt] = [chosen.map((index) => acknowledged[index]), performance.now()];
    const got = await client.get(chosen.map((index) => keys[index])).catch(() => undefined);
    load.readMs[phase].push(performance.now() - startedAt);
    load.reads += 1;
    if (got === undefined) load.failedReads += 1;
    for (const [at, element] of (got ?? []).entries()) {
      const number = element.bytes === null ? 0 : Number.parseInt(Buffer.from(element.bytes).toString(), 10);
      if (number < least[at] || number > tried[chosen[at]]) load.wrong += 1;
    }
  };
  const loop = async (once) => {
    for (let turn = 0; !isOver; turn++) await once(turn);
  };
  const filled = (async () => {
    for (let from = 0; from < elements; from += 50) await Promise.all(Array.from({ length: 50 }, (_, step) => write(from + step)));
  })();
  const running = filled.then(() => Promise.all([
    ...Array.from({ length: writers }, (_, writer) => loop((turn) => write((writer + turn * writers) % elements))),
    ...Array.from({ length: readers }, (_, reader) => loop((turn) => read((reader * 250 + turn * 37) % elements))),
  ]));
  return Object.assign(load, {
    filled,
    stop: async () => {
      isOver = true;
      await running;
      for (let from = 0; from < elements; from += batch) await read(from);
      return load;
    },
  });
}

function figures({ reads, failedReads, wrong, writes, failedWrites, readMs, writeMs }, kills) {
  const both = (name, of) => [
    { name: `  ${name}, p99 while all is well`, value: quantile(of.well, 0.99), unit: 'ms' },
    { name: `  ${name}, p99 from a kill until all is replaced`, value: quantile(of.gone, 0.99), unit: 'ms', anchor: `longest ${Math.max(...of.gone).toFixed(0)} ms` },
  ];
  return [
    { name: 'elements, 3 replicas, written at 2: failed reads', value: failedReads, unit: `of ${reads}`, goal: '<= 0', anchor: `${kills} kills of one of three redis-servers, foreshard cluster, ${batch} elements a read` },
    { name: '  acknowledged writes lost, or values never written', value: wrong, unit: 'elements', goal: '<= 0', anchor: `${writes} acknowledged writes, ${reads * batch} elements compared` },
    { name: '  failed writes', value: failedWrites, unit: `of ${writes + failedWrites}`, goal: '<= 0' },
    ...both('reads', readMs), ...both('writes', writeMs),
  ];
}
