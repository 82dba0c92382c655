import { expect, test } from 'vitest';
import { contentHash } from '../src/lib/content-hash.ts';
import { sfc32 } from '../src/lib/prng.ts';
import { Zipf } from '../src/lib/zipf.ts';
import { placeElements } from '../src/shard/placement.ts';
import { simulate, simulatedMembers, type SimulationOptions } from '../src/shard/simulate.ts';
import { SimulatedTraffic } from '../src/shard/simulated-traffic.ts';
import { EmbeddedStateNode } from '../src/state-nodes/embedded-state-node.ts';
import { StateRouter } from '../src/state-nodes/router.ts';

const [elements, reads, atOnce] = [2000, 24_000, 24];

/** Share of the reads that each of three state nodes gets through the router, by its own count. */
async function realShares(zipf: number, replicas: number): Promise<number[]> {
  const heatmap = new SimulatedTraffic({ elements, zipf, drift: 0, flash: 0 }, sfc32('00000001000000020000000300000018')).heatmap();
  const members = simulatedMembers(3);
  const { map } = placeElements(heatmap, members, undefined, { replicas });
  const nodes = members.map(({ id }) => new EmbeddedStateNode({ id }));
  const router = new StateRouter(map, new Map(nodes.map((node) => [node.id, node])));
  const bytes = Buffer.from('what an element holds');
  const items = heatmap.elements.map(({ key }) => ({ key, revision: 1, bytes, hash: contentHash(bytes) }));
  await router.publish(items);
  const prng = sfc32('00000001000000020000000300000019');
  const law = new Zipf(elements, zipf);
  for (let read = 0; read < reads; read += atOnce) {
    const found = await Promise.all(Array.from({ length: atOnce }, () => router.fetch([items[law.draw(prng) - 1] as (typeof items)[number]])));
    expect(found.flat().every((one) => one !== undefined)).toBe(true);
  }
  const counts = await Promise.all(nodes.map(async (node) => (await node.stats()).reads));
  await router.close();
  return counts.map((count) => count / reads);
}

test.each([[0.9, 1], [1.2, 1], [0.9, 2], [1.2, 2]])('Zipf %s, %i replicas: state nodes get the shares of the reads that the simulation says', async (zipf, replicas) => {
  const options: SimulationOptions = {
    nodes: 3, requestsPerSecond: 10_000, zipf, elements, replicas, elementBytes: 21, drift: 0, flash: 0, serviceMs: 0.05, service: 'exponential', clients: 1,
    nodeBytes: 1e9, nodeCost: 0.2, failures: 0, requests: reads, target: 0.7, seed: '0000000100000002000000030000001a',
  };
  const { windows } = simulate(options);
  const real = await realShares(zipf, replicas);
  const simulated = [0, 1, 2].map((node) => windows.reduce((sum, loads) => sum + (loads[node] ?? 0), 0) / reads);
  for (const [node, share] of simulated.entries()) expect(Math.abs(share - (real[node] as number))).toBeLessThan(0.02);
});
