/** Real traces for the benchmarks of prediction. Their folder is FORESHARD_DATA, else ../shared/data; where it is absent, the project's own generator stands in. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { generateTraffic } from '../../dist/testing/traffic-generator.js';
import { withoutGaps } from '../../dist/predict/series/series.js';

const folder = resolve(process.env.FORESHARD_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url)));

/** Whether the traces are there. */
export const hasTraces = existsSync(join(folder, 'keys'));

/** What figures are measured on, for their anchors. */
export const dataName = hasTraces ? 'real traces' : 'GENERATED traffic: no traces in FORESHARD_DATA';

const unzipped = (path) => gunzipSync(readFileSync(join(folder, path)));
const rowsOf = (path) => unzipped(path).toString('utf8').trim().split('\n');

/** Request rates and resource metrics as series of one bucket length. */
export function rateSeries(bucketMs) {
  if (!hasTraces) return generatedSeries(bucketMs);
  const time = (text) => Date.parse(`${text.replace(' ', 'T')}Z`);
  const csv = (path, at) => rowsOf(path).slice(1).map((row) => {
    const [first, value] = row.split(',');
    return [at(first), Number(value)];
  });
  const named = [
    ['nasa', 'rate', () => csv('rates/nasa-jul95-per-minute.csv.gz', (text) => Number(text) * 1000)],
    ['worldcup', 'rate', () => csv('rates/wc98-to-jul06-per-minute.csv.gz', time)],
  ];
  for (const group of ['realTweets', 'realAWSCloudwatch']) {
    for (const file of readdirSync(join(folder, 'rates/nab', group)).sort()) {
      const kind = group === 'realTweets' || file.includes('request_count') ? 'rate' : 'resource';
      named.push([file.replace('.csv.gz', ''), kind, () => csv(`rates/nab/${group}/${file}`, time)]);
    }
  }
  return named.map(([name, kind, rows]) => regular(name, kind, rows(), bucketMs));
}

/** Absent rows are 0 requests, and no sample of a resource. */
function regular(name, kind, rows, bucketMs) {
  rows.sort((a, b) => a[0] - b[0]);
  const startMs = Math.ceil(rows[0][0] / bucketMs) * bucketMs;
  const count = Math.floor((rows.at(-1)[0] - startMs) / bucketMs);
  const [sums, samples] = [new Float64Array(count), new Float64Array(count)];
  for (const [at, value] of rows) {
    const bucket = Math.floor((at - startMs) / bucketMs);
    if (bucket < 0 || bucket >= count) continue;
    sums[bucket] += value;
    samples[bucket]++;
  }
  return { name, kind, startMs, bucketMs, values: withoutGaps(kind === 'rate' ? sums : sums.map((sum, bucket) => (samples[bucket] > 0 ? sum / samples[bucket] : Number.NaN))) };
}

function generatedSeries(bucketMs) {
  const startMs = Date.UTC(2026, 0, 1);
  const traffic = generateTraffic({ seed: '0'.repeat(31) + '7', startMs, durationMs: 28 * 86_400_000, requestsPerSecond: 0.2 });
  const count = Math.floor((28 * 86_400_000) / bucketMs);
  const series = new Map(traffic.routes.map((route) => [route, new Float64Array(count)]));
  for (const item of traffic.items()) if (item.kind === 'request') series.get(item.route)[Math.floor((item.at - startMs) / bucketMs)]++;
  return [...series].map(([name, values]) => ({ name, kind: 'rate', startMs, bucketMs, values }));
}

/**
 * Accesses in order: names, and when each was, in windows. `size`: accesses a window where the trace has no times.
 * @returns {{ name: string, keys: string[], time: (index: number) => number, actors: string[] | null }[]}
 */
export function accessTraces() {
  if (!hasTraces) return [generatedAccesses()];
  return [
    binary('orm-busy', 'keys/orm-busy.u32be.bin.gz', 4, 50_000), binary('web12', 'keys/web12.u32be.bin.gz', 4, 1600), wiki(), nasa(), semicomplete(),
    binary('corda-vault', 'keys/corda-vault.u64be.bin.gz', 8, 2000),
  ];
}

function binary(name, path, width, size) {
  const bytes = unzipped(path);
  const keys = Array.from({ length: bytes.length / width }, (_, i) => (width === 4 ? String(bytes.readUInt32BE(i * 4)) : bytes.readBigUInt64BE(i * 8).toString(36)));
  return { name, keys, time: (index) => index / size, actors: null };
}

function wiki() {
  const rows = rowsOf('keys/wiki-edits.csv.gz').slice(1).map((row) => row.split(','));
  return { name: 'wiki-edits', keys: rows.map((row) => row[1]), time: (index) => Number(rows[index][2]) / 3600, actors: rows.map((row) => row[0]) };
}

function nasa() {
  const rows = rowsOf('keys/nasa-19950801-first-half.tsv.gz').slice(1).map((row) => row.split('\t'));
  const first = Number(rows[0][2]);
  return { name: 'nasa', keys: rows.map((row) => row[4]), time: (index) => (Number(rows[index][2]) - first) / 900, actors: rows.map((row) => row[0]) };
}

const months = 'JanFebMarAprMayJunJulAugSepOctNovDec';

function semicomplete() {
  const rows = rowsOf('logs/semicomplete-apache-combined.log.gz').flatMap((line) => {
    const found = /^(\S+) .*?\[(\d+)\/(\w{3})\/(\d+):(\d+):(\d+):(\d+)[^\]]*\] "\S+ (\S+)/.exec(line);
    if (found === null) return [];
    const [, host, day, month, year, hour, minute, second, target] = found;
    return [{ host, target, at: Date.UTC(Number(year), months.indexOf(month) / 3, Number(day), Number(hour), Number(minute), Number(second)) }];
  }).sort((a, b) => a.at - b.at);
  return { name: 'semicomplete', keys: rows.map(({ target }) => target), time: (index) => (rows[index].at - rows[0].at) / 3_600_000, actors: rows.map(({ host }) => host) };
}

function generatedAccesses() {
  const startMs = Date.UTC(2026, 0, 1);
  const keys = [];
  const times = [];
  for (const item of generateTraffic({ seed: '0'.repeat(31) + '9', startMs, durationMs: 6 * 86_400_000, elements: 5000, requestsPerSecond: 0.5 }).items()) {
    if (item.kind !== 'access') continue;
    keys.push(item.key);
    times.push((item.at - startMs) / 3_600_000);
  }
  return { name: 'generated', keys, time: (index) => times[index], actors: null };
}
