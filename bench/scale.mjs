/** 20,000 requests recorded by the command line tool, replayed and reported: memory, size, time. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportPage } from '../dist/dashboard/report-page.js';
import { replayCandidate, runControls } from '../dist/replaying.js';
import { start, startRedis, temporaryFolder } from './support/processes.mjs';
import { seedProducts, servicePath } from './support/workload.mjs';

export const claim = 'recording, replaying and reporting 20,000 requests of 20 elements each';

const requests = 20_000;
const root = fileURLToPath(new URL('..', import.meta.url));

export async function measure() {
  const redis = await startRedis();
  const folder = join(temporaryFolder(), 'recording');
  try {
    await seedProducts(redis.url);
    const recorded = await record(folder, redis.url);
    const replayed = await replay(folder, redis.url);
    return [
      { name: 'recorder, peak memory', value: recorded.peakMb, unit: 'MB' },
      { name: 'recorder, memory at the first 5,000 requests', value: recorded.earlyMb, unit: 'MB' },
      { name: 'recording', value: recorded.bytes / requests, unit: 'bytes/request', anchor: `${(recorded.bytes / 2 ** 20).toFixed(1)} MB` },
      { name: 'recording, time', value: recorded.seconds, unit: 's' },
      { name: 'first control run', value: replayed.controlSeconds, unit: 's', anchor: `${Math.round(requests / replayed.controlSeconds)} cases/s` },
      { name: 'replay of a candidate', value: replayed.replaySeconds, unit: 's', anchor: `${Math.round(requests / replayed.replaySeconds)} cases/s` },
      { name: 'judging and report', value: replayed.reportSeconds, unit: 's' },
      { name: 'HTML page', value: replayed.pageSeconds, unit: 's', anchor: `${(replayed.pageBytes / 2 ** 20).toFixed(1)} MB` },
      { name: 'replay, peak memory', value: replayed.peakMb, unit: 'MB' },
    ];
  } finally {
    await redis.stop();
  }
}

async function record(folder, redisUrl) {
  const drive = `${process.execPath} ${fileURLToPath(new URL('support/drive.mjs', import.meta.url))} {url} ${requests}`;
  const startedAt = performance.now();
  const recorder = start([
    process.execPath, join(root, 'bin/foreshard.js'), 'record', '-r', folder, '--overwrite', '--listen', '0', '--redis', redisUrl, '--no-control', '--drive', drive,
    '--', process.execPath, servicePath,
  ], { env: { REDIS_URL: redisUrl } });
  let peakMb = 0;
  let earlyMb = 0;
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, memoryMb(recorder.pid, 'VmHWM'));
    if (earlyMb === 0 && linesOf(folder) >= 5000) earlyMb = memoryMb(recorder.pid, 'VmRSS');
  }, 100);
  const code = await recorder.exited;
  clearInterval(timer);
  if (code !== 0) throw new Error(`recording failed: ${recorder.output}`);
  return { peakMb, earlyMb, bytes: sizeOf(folder), seconds: (performance.now() - startedAt) / 1000 };
}

async function replay(folder, redisUrl) {
  const request = { config: { service: { env: { REDIS_URL: redisUrl } } }, folder, flags: { recording: folder }, candidate: [process.execPath, servicePath] };
  let stage = '';
  const spans = {};
  const onCase = () => {
    const span = (spans[stage] ??= { first: performance.now(), last: 0 });
    span.last = performance.now();
  };
  const follow = { ...request, onCase, onStage: (next) => (stage = next) };
  await runControls(follow);
  const result = await replayCandidate(follow);
  const judgedAt = performance.now();
  const { same, noise } = result.report.totals;
  if (same + noise !== requests) throw new Error(`a candidate that is the baseline must be the same everywhere: ${JSON.stringify(result.report.totals)}`);
  const page = await reportPage({ report: result.report, run: result.run, baseline: result.baseline, recording: result.opened });
  const seconds = ({ first, last }) => (last - first) / 1000;
  const [control] = Object.keys(spans);
  return {
    controlSeconds: seconds(spans[control]), replaySeconds: seconds(spans.replay), reportSeconds: (judgedAt - spans.replay.last) / 1000,
    pageSeconds: (performance.now() - judgedAt) / 1000, pageBytes: page.length, peakMb: memoryMb(process.pid, 'VmHWM'),
  };
}

/** A line of /proc/<pid>/status in MB; 0 where there is none. */
function memoryMb(pid, field) {
  try {
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Requests in the segments so far, by what a line takes on disk at least. */
function linesOf(folder) {
  try {
    return readdirSync(join(folder, 'segments')).reduce((sum, file) => sum + (readFileSync(join(folder, 'segments', file), 'utf8').match(/"kind":"request"/g)?.length ?? 0), 0);
  } catch {
    return 0;
  }
}

function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
