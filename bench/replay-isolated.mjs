/** Isolated replay against the same requests un-isolated on a live redis-server, same client, instances and concurrency. */
import { ReplayClient } from '../dist/gateways/http/replay-client.js';
import { startIsolated } from './support/isolated-engine.mjs';
import { childPids, interleaved, median, metered, pairedRatio } from './support/measure.mjs';
import { startRedis, startService } from './support/processes.mjs';
import { recordTraffic, seedProducts, sendAll, servicePath } from './support/workload.mjs';

export const claim = 'isolated replay, 20 elements a case, ÷ the same requests un-isolated on a live redis-server';

const rounds = 7;
/** Rounds until both sides are compiled: a case runs through ten times the code of a plain request. */
const warmUp = 4;
const modes = [
  { name: 'virtual lanes, 1 instance × 16', instances: 1, concurrency: 16, slice: 1200, goal: '>= 0.75' },
  { name: 'virtual lanes, 2 instances × 16', instances: 2, concurrency: 16, slice: 1200, goal: '>= 0.75' },
  { name: 'process lanes on the overlay, 2 × 1', instances: 2, concurrency: 1, slice: 600, goal: '>= 1.0' },
  { name: 'laneStore redis, 2 instances × 16', instances: 2, concurrency: 16, laneStore: 'redis', slice: 500, goal: '>= 0.5' },
  { name: 'laneStore redis, process lanes, 2 × 1', instances: 2, concurrency: 1, laneStore: 'redis', slice: 300, goal: '>= 0.5' },
];

/** Records once, then measures each mode in rounds of fresh cases, isolated and live in turn. */
export async function measure() {
  const redis = await startRedis();
  try {
    await seedProducts(redis.url);
    const recording = await recordTraffic({ redisUrl: redis.url, count: Math.max(...modes.map((mode) => mode.slice)) * (rounds + warmUp) });
    const figures = [];
    for (const mode of modes) figures.push(...(await measureMode(mode, recording, redis)));
    return figures;
  } finally {
    await redis.stop();
  }
}

async function measureMode(mode, recording, redis) {
  await seedProducts(redis.url);
  const live = await startLive(mode, redis);
  const others = new Set(childPids());
  const isolated = await startIsolated(recording, mode);
  const candidates = childPids().filter((pid) => !others.has(pid));
  try {
    const requests = recording.requests.map(({ request }) => ({ method: request.method, target: request.target, headers: request.headers, body: null }));
    let at = 0;
    const samples = await interleaved({
      count: rounds, warmUp,
      variants: {
        isolated: () => metered({ own: [process.pid], service: candidates }, () => isolated.run(mode.slice)),
        live: () => {
          const slice = requests.slice(at, (at += mode.slice));
          return metered({ own: [process.pid], service: live.pids, redis: [redis.pid] }, () => sendAll(live.clients, slice, mode.concurrency));
        },
      },
    });
    checkIsolation(isolated.outcomes, recording);
    return figuresOf(mode, samples);
  } finally {
    await isolated.stop();
    await live.stop();
  }
}

function figuresOf(mode, { isolated, live }) {
  const perSecond = (samples) => samples.map(({ seconds }) => mode.slice / seconds);
  const micros = (samples) => median(samples.map(({ cpu }) => Object.values(cpu).reduce((sum, value) => sum + value, 0) / mode.slice));
  const liveRate = Math.round(median(perSecond(live)));
  const spent = Object.entries(isolated[0].cpu).map(([group]) => `${group} ${Math.round(median(isolated.map(({ cpu }) => cpu[group] / mode.slice)))}`).join(' + ');
  const liveSpent = Object.entries(live[0].cpu).map(([group]) => `${group} ${Math.round(median(live.map(({ cpu }) => cpu[group] / mode.slice)))}`).join(' + ');
  return [
    { name: mode.name, value: pairedRatio(perSecond(isolated), perSecond(live)), unit: 'ratio', goal: mode.goal, anchor: `${liveRate} req/s live` },
    { name: '  cases', value: median(perSecond(isolated)), unit: 'cases/s' },
    { name: '  CPU a case', value: micros(isolated), unit: 'µs', anchor: `${spent}; live: ${liveSpent}` },
  ];
}

/** A speed that was bought with wrong answers is none: every case must have seen its own state and nothing else. */
function checkIsolation(outcomes, recording) {
  const recorded = new Map(recording.requests.map((request) => [request.id, request]));
  const wrong = outcomes.filter((outcome) => outcome.status !== 'completed' || outcome.problems.length > 0 || outcome.response?.status !== 200
    || outcome.response.body.length !== recorded.get(outcome.id).response.body.sizeBytes || outcome.commands !== recorded.get(outcome.id).commands);
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${outcomes.length} cases went wrong, for example ${JSON.stringify({ ...wrong[0], effects: [], reads: [] })}`);
}

async function startLive({ instances, concurrency }, redis) {
  const services = await Promise.all(Array.from({ length: instances }, () => startService(servicePath, { env: { REDIS_URL: redis.url } })));
  const clients = services.map(({ port }) => new ReplayClient({ host: '127.0.0.1', port }, { connections: concurrency }));
  return {
    clients, pids: services.map(({ pid }) => pid),
    stop: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(services.map((service) => service.stop()));
    },
  };
}
