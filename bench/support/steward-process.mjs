/** A steward in a process of its own, as `foreshard cluster` is one, for revisions that have no heads. It answers the messages of who forked it. */
import { Redis } from 'ioredis';
import { predictPlan, shardPlan } from '../../dist/foreshard.js';
import { ClusterSteward } from '../../dist/state-nodes/cluster.js';
import { openStateNode } from '../../dist/state-nodes/open-state-node.js';
import { RedisCoordinator } from '../../dist/state-nodes/redis-coordinator.js';

const { members, coordinatorPort, namespace, replicas } = JSON.parse(process.argv[2]);
const coordinator = new RedisCoordinator({ host: '127.0.0.1', port: coordinatorPort, namespace });
const heatmap = predictPlan([]);
const steward = new ClusterSteward({
  coordinator, members, name: `bench-${process.pid}`, usesHeads: false,
  open: (member) => openStateNode(member, { namespace, onClose: 'keep' }),
  place: (alive, current) => shardPlan(heatmap, alive, Math.min(replicas, alive.length), current).map,
});
await steward.start();

const answers = {
  stats: async () => steward.stats.revisions,
  copy: plainCopy,
  stop: async () => {
    await steward.stop();
    await coordinator.close();
    process.disconnect();
  },
};

process.on('message', async ({ id, ask, about }) => {
  const answer = await answers[ask](about);
  if (process.connected) process.send({ id, answer });
});

/** What a plain client needs for as many bytes: MGET here, MSET there, batches of 200, four in flight. */
async function plainCopy({ from, to, keys }) {
  const [source, target] = [from, to].map((port) => new Redis(port, '127.0.0.1'));
  let [next, bytes] = [0, 0];
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (next < keys.length) {
      const batch = keys.slice(next, (next += 200));
      const values = (await source.mgetBuffer(batch)).filter((value) => value !== null); // what has been let go meanwhile
      if (values.length === 0) continue;
      await target.mset(values.flatMap((value, index) => [`plain:${next}:${index}`, value]));
      bytes += values.reduce((sum, value) => sum + value.length, 0);
    }
  }));
  const seconds = (performance.now() - startedAt) / 1000;
  for (const client of [source, target]) client.disconnect();
  return { bytes, seconds };
}
