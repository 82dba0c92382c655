/** A recorded service against the same service left alone: wrk with 32 connections on one instance each, the same redis-server. */
import { join } from 'node:path';
import { startRecording } from '../dist/foreshard.js';
import { childPids, interleaved, median, metered, pairedRatio } from './support/measure.mjs';
import { startRedis, startService, temporaryFolder, wrk } from './support/processes.mjs';
import { seedProducts, servicePath, wrkScript } from './support/workload.mjs';

export const claim = 'requests a second of a recorded service ÷ the same service not recorded';

const connections = 32;
const seconds = 2;
const loads = [
  { name: '3 commands a request', script: wrkScript('light'), goal: '>= 0.65' },
  { name: '4 commands on 20 elements a request', script: wrkScript('page'), goal: '>= 0.65' },
];

export async function measure() {
  const redis = await startRedis();
  const plain = await startService(servicePath, { env: { REDIS_URL: redis.url } });
  await seedProducts(redis.url);
  const others = new Set(childPids());
  const folder = join(temporaryFolder(), 'recording');
  const job = await startRecording({
    config: { service: { env: { REDIS_URL: redis.url } } }, folder, command: [process.execPath, servicePath],
    flags: { recording: folder, listen: 0, redis: redis.url },
  });
  const recordedPids = childPids().filter((pid) => !others.has(pid));
  const recordedUrl = `http://127.0.0.1:${job.session.address.port}`;
  const figures = [];
  let ended;
  try {
    for (const load of loads) {
      const samples = await interleaved({
        count: 7, warmUp: 2,
        variants: {
          recorded: () => metered({ recorder: [process.pid], service: recordedPids, redis: [redis.pid] }, () => wrk(recordedUrl, { connections, seconds, script: load.script })),
          plain: () => metered({ service: [plain.pid], redis: [redis.pid] }, () => wrk(plain.url, { connections, seconds, script: load.script })),
        },
      });
      figures.push(...figuresOf(load, samples));
    }
  } finally {
    ended = await job.stop();
    await plain.stop();
    await redis.stop();
  }
  if (ended.losses > 0) throw new Error(`the recording has ${ended.losses} losses`);
  return figures;
}

function figuresOf(load, { recorded, plain }) {
  const failed = [...recorded, ...plain].reduce((sum, { value }) => sum + value.failed, 0);
  if (failed > 0) throw new Error(`${failed} requests failed`);
  const perSecond = (samples) => samples.map(({ value }) => value.perSecond);
  return [
    { name: load.name, value: pairedRatio(perSecond(recorded), perSecond(plain)), unit: 'ratio', goal: load.goal, anchor: `${Math.round(median(perSecond(plain)))} req/s not recorded` },
    { name: '  requests, recorded', value: median(perSecond(recorded)), unit: 'req/s' },
    { name: '  middle latency, recorded', value: median(recorded.map(({ value }) => value.p50Ms)), unit: 'ms', anchor: `${median(plain.map(({ value }) => value.p50Ms))} ms not recorded` },
    { name: '  CPU a request, recorded', value: sum(spentOf(recorded)), unit: 'µs', anchor: `${text(spentOf(recorded))}; not recorded: ${text(spentOf(plain))}` },
  ];
}

/** CPU microseconds a request by process, the middle of the rounds. */
function spentOf(samples) {
  return Object.fromEntries(Object.keys(samples[0].cpu).map((group) => [group, median(samples.map(({ cpu, value }) => cpu[group] / (value.perSecond * seconds)))]));
}

function sum(spent) {
  return Object.values(spent).reduce((total, value) => total + value, 0);
}

function text(spent) {
  return Object.entries(spent).map(([group, micros]) => `${group} ${Math.round(micros)}`).join(' + ');
}
