/**
 * How even the load of members stays, for reads of hot elements under drift and flash crowds. Everything that decides is the product's: placement, directory, tracker of
 * heat, planning of overrides, and the choice of a reader that knows only what it has sent itself.
 */
import { LoadCounters } from '../dist/lib/load-counters.js';
import { sfc32 } from '../dist/lib/prng.js';
import { ownersOfHash, tagHash } from '../dist/model/directory.js';
import { replanHotElements } from '../dist/shard/flash-plan.js';
import { HeatTracker } from '../dist/shard/heat-tracker.js';
import { mapForecast } from '../dist/shard/hot-elements.js';
import { placeElements } from '../dist/shard/placement.js';
import { accessTraces, hasTraces } from './support/traces.mjs';
import { crc16 } from './support/crc16.mjs';

export const claim = 'load of the busiest member ÷ mean, over all requests and in the worst window, with replicas by forecast and observed heat; anchors in the same run';
export const servers = [];

const elements = 1_000_000;
const [windows, windowRequests, clients, planEvery] = [30, 100_000, 16, 5000];
const [hottest, drift, flashShare] = [2000, 0.02, 0.1];
const learnt = 1_000_000;

export async function measure() {
  const figures = [];
  const zipf = zipfWorkload(1.2);
  for (const [members, replicas] of [[64, 2], [8, 2]]) {
    process.stderr.write(`\r\u001B[2K${members} members`);
    figures.push(...scenario(zipf, { members, replicas, isMain: members === 64 }));
  }
  if (hasTraces) {
    for (const trace of accessTraces().filter(({ name }) => ['orm-busy', 'web12', 'nasa', 'wiki-edits'].includes(name))) {
      process.stderr.write(`\r\u001B[2K${trace.name}`);
      figures.push(...scenario(traceWorkload(trace), { members: 32, replicas: 2, isMain: false }));
    }
  }
  process.stderr.write('\r\u001B[2K');
  return figures;
}

function scenario(workload, { members, replicas, isMain }) {
  const label = `${workload.name}, N = ${members}`;
  const { heatmap } = workload;
  const cluster = (count, heat) => placeElements(heat, Array.from({ length: members }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1 })), undefined, { replicas: count }).map;
  const cold = { ...heatmap, elements: [] };
  const placed = cluster(replicas, heatmap);
  const byCount = cluster(replicas, cold);
  const product = run(workload, { map: placed, heatmap, replicas, react: true });
  const anchors = {
    'CRC16 slots': run(workload, { members, ownerOf: (element) => Math.floor((workload.crc[element] * members) / 16_384) }),
    [`RF ${replicas}, two choices`]: run(workload, { map: byCount, replicas }),
    [`RF ${replicas + 1}, two choices`]: run(workload, { map: cluster(replicas + 1, cold), replicas: replicas + 1 }),
    'forecast only': run(workload, { map: placed, heatmap, replicas }),
    'reaction only': run(workload, { map: byCount, heatmap: cold, replicas, react: true }),
  };
  const describe = ({ overall, worst }) => `${overall.toFixed(3)}, ${worst.toFixed(3)}`;
  const anchor = 'max/mean over all, worst window: ' + Object.entries(anchors).map(([name, result]) => `${name} ${describe(result)}`).join(' · ');
  return [
    { name: `${label}: busiest member above the mean`, value: 100 * (product.overall - 1), unit: '%', goal: isMain ? '<= 2' : null, anchor },
    { name: `${label}: the same in the worst window`, value: 100 * (product.worst - 1), unit: '%', goal: isMain ? '<= 5' : null, anchor: `${workload.windows} windows of ${workload.windowRequests} requests` },
    { name: `${label}: extra memory at the peak`, value: (100 * product.extra) / (workload.elements * replicas), unit: '%', goal: isMain ? '<= 0.1' : null, anchor: `${product.extra} further copies of ${workload.elements} elements × ${replicas}` },
    { name: `${label}: copies made`, value: product.copies, unit: '', goal: null, anchor: `reaction only: ${anchors['reaction only'].copies}; a plan ${product.planMs.toFixed(1)} ms` },
  ];
}

/** Serves the workload; `react`: overrides are planned again every few thousand requests. */
function run(workload, { map, heatmap, replicas, react = false, members = map.members.length, ownerOf }) {
  const prng = sfc32('0000000100000002000000030000000e');
  const readers = Array.from({ length: workload.clients }, () => new LoadCounters(members));
  const random = () => prng.next();
  const tracker = new HeatTracker();
  const forecast = react ? mapForecast(map, heatmap, replicas) : undefined;
  const [all, window] = [new Float64Array(members), new Float64Array(members)];
  const result = { overall: 0, worst: 0, extra: 0, copies: 0, planMs: 0 };
  let plans = 0;
  let requests = 0;
  const next = workload.start();
  const total = workload.windows * workload.windowRequests;
  for (; requests < total; requests++) {
    const element = next(requests);
    let member;
    if (ownerOf !== undefined) {
      member = ownerOf(element);
    } else {
      const tag = workload.tags[element];
      const reader = readers[requests % readers.length];
      member = reader.choose(ownersOfHash(map, tag), random);
      reader.add(member);
      if (react) tracker.record(tag);
    }
    window[member]++;
    if ((requests + 1) % workload.windowRequests === 0) {
      result.worst = Math.max(result.worst, imbalance(window));
      for (let index = 0; index < members; index++) all[index] += window[index];
      window.fill(0);
    }
    if (react ? tracker.accesses < workload.planEvery && !tracker.isSurging : (requests + 1) % workload.planEvery !== 0) continue;
    for (const reader of readers) reader.decay();
    if (!react) continue;
    const startedAt = performance.now();
    const placement = replanHotElements(map, forecast, tracker.observe());
    result.planMs += performance.now() - startedAt;
    plans++;
    map = placement.map;
    for (const move of placement.moves) result.copies += move.add.length;
    result.extra = Math.max(result.extra, extraCopies(map, replicas));
  }
  return { ...result, overall: imbalance(all), planMs: result.planMs / Math.max(1, plans) };
}

function extraCopies(map, replicas) {
  let extra = 0;
  for (const set of map.overrides.values()) extra += map.sets[set].length - replicas;
  return extra;
}

const imbalance = (loads) => (Math.max(...loads) * loads.length) / loads.reduce((sum, load) => sum + load, 0);

/** Zipf's law over a million elements; in each window some of the hottest are replaced, and in every second one a cold element gets a tenth of all requests. */
function zipfWorkload(exponent) {
  const keys = Array.from({ length: elements }, (_, index) => `redis:0/item:${index}`);
  const cumulated = new Float64Array(elements);
  let sum = 0;
  for (let rank = 0; rank < elements; rank++) cumulated[rank] = sum += (rank + 1) ** -exponent;
  const draw = (at) => {
    let [low, high] = [0, elements - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulated[middle] < at * sum) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const counts = new Map();
  const prng = sfc32('0000000100000002000000030000000f');
  for (let i = 0; i < learnt; i++) {
    const element = draw(prng.next());
    counts.set(element, (counts.get(element) ?? 0) + 1);
  }
  return {
    name: `Zipf ${exponent} with drift and flash crowds`, elements, windows, windowRequests, planEvery, clients,
    tags: Uint32Array.from(keys, tagHash), crc: Uint16Array.from(keys, (key) => crc16(key.slice('redis:0/'.length)) % 16_384),
    heatmap: heatmapOf(new Map([...counts].map(([element, count]) => [keys[element], count]))),
    start: () => {
      const random = sfc32('00000001000000020000000300000010');
      const byRank = Uint32Array.from({ length: elements }, (_, rank) => rank);
      let flash = -1;
      return (request) => {
        if (request % windowRequests === 0) {
          for (let i = 0; i < hottest * drift; i++) {
            const [hot, cold] = [Math.floor(random.next() * hottest), hottest + Math.floor(random.next() * (elements - hottest))];
            [byRank[hot], byRank[cold]] = [byRank[cold], byRank[hot]];
          }
          flash = (request / windowRequests) % 2 === 1 ? byRank[elements / 2 + Math.floor(random.next() * (elements / 2))] : -1;
        }
        return flash >= 0 && random.next() < flashShare ? flash : byRank[draw(random.next())];
      };
    },
  };
}

/** The second half of a real trace, with the first half as the forecast. Windows are small, so one reader serves it: the counters of many would see a few reads each. */
function traceWorkload({ name, keys }) {
  const used = name === 'orm-busy' ? 3_000_000 : keys.length;
  const half = Math.floor(used / 2);
  const numbers = new Map();
  const names = [];
  const sequence = Uint32Array.from({ length: used }, (_, index) => {
    const key = `redis:0/${keys[index]}`;
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = names.push(key) - 1));
    return number;
  });
  const counts = new Map();
  for (const number of sequence.subarray(0, half)) counts.set(names[number], (counts.get(names[number]) ?? 0) + 1);
  const size = Math.max(2000, Math.floor((used - half) / 20));
  return {
    name, clients: 1, elements: names.length, windows: Math.floor((used - half) / size), windowRequests: size, planEvery: Math.max(500, Math.floor(size / 20)),
    tags: Uint32Array.from(names, tagHash), crc: Uint16Array.from(names, (key) => crc16(key.slice('redis:0/'.length)) % 16_384),
    heatmap: heatmapOf(counts), start: () => (request) => sequence[half + request],
  };
}

function heatmapOf(counts) {
  const rows = [...counts].sort((a, b) => b[1] - a[1]).map(([key, count]) => ({ key, pRead: [1], pWrite: [0], expected: [count], low: [count], high: [count] }));
  return { kind: 'heatmap', formatVersion: 2, source: 'what was counted before', startMs: 0, bucketMs: 1, buckets: 1, elements: rows, groups: [] };
}
