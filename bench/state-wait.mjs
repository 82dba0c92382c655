/** How long cases wait for their state at dispatch while the prefetcher brings it, from state nodes in this process and from two redis-servers. */
import { startIsolated } from './support/isolated-engine.mjs';
import { interleaved, median, quantile } from './support/measure.mjs';
import { startRedis } from './support/processes.mjs';
import { recordTraffic, seedProducts } from './support/workload.mjs';

export const claim = "middle wait for state at dispatch as a share of a case's time, 20 elements a case, 2 instances × 16";

const slice = 500;
const rounds = 5;
const warmUp = 1;

export async function measure() {
  const redis = await startRedis();
  const nodes = await Promise.all([startRedis({ args: ['--rdbcompression', 'no'] }), startRedis({ args: ['--rdbcompression', 'no'] })]);
  try {
    await seedProducts(redis.url);
    const recording = await recordTraffic({ redisUrl: redis.url, count: slice * (rounds + warmUp) });
    const lanes = { instances: 2, concurrency: 16 };
    const engines = {
      embedded: await startIsolated(recording, lanes),
      redis: await startIsolated(recording, { ...lanes, stateNodes: nodes.map(({ url }) => url) }),
    };
    const samples = await interleaved({ count: rounds, warmUp, variants: Object.fromEntries(Object.entries(engines).map(([name, engine]) => [name, () => timings(engine)])) });
    await Promise.all(Object.values(engines).map((engine) => engine.stop()));
    return [...figuresOf('state nodes in this process', samples.embedded), ...figuresOf('two redis-servers as state nodes', samples.redis)];
  } finally {
    await Promise.all([redis, ...nodes].map((server) => server.stop()));
  }
}

/** The timings of the next cases. */
async function timings(engine) {
  const before = engine.outcomes.length;
  await engine.run(slice);
  return engine.outcomes.slice(before).map(({ timing }) => timing);
}

function figuresOf(name, rounds) {
  const all = rounds.flat();
  const share = ({ stateWaitMs, totalMs }) => stateWaitMs / (stateWaitMs + totalMs);
  const faults = all.reduce((sum, { faults }) => sum + faults, 0);
  return [
    { name, value: median(rounds.map((round) => quantile(round.map(share), 0.5))), unit: 'share', goal: '<= 0.05', anchor: `${median(all.map(({ totalMs }) => totalMs)).toFixed(1)} ms a case` },
    { name: '  95 % of cases wait less than', value: median(rounds.map((round) => quantile(round.map(({ stateWaitMs }) => stateWaitMs), 0.95))), unit: 'ms' },
    { name: '  wait, all cases together', value: all.reduce((sum, { stateWaitMs }) => sum + stateWaitMs, 0) / all.reduce((sum, { stateWaitMs, totalMs }) => sum + stateWaitMs + totalMs, 0), unit: 'share' },
    { name: '  state faults a case', value: faults / all.length, unit: 'faults' },
  ];
}
