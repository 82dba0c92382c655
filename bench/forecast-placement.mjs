/**
 * Is a map made from the forecast better than one made from what was last seen? Window by window: before each, a map is made from the forecast of it, from the window before it,
 * or not at all (hash); then the window is served. The product's map is made from the forecast, and from what is
 * observed to be hot while the window lasts. Forecast (without the LSTM, for time), placement, directory and choice of readers are the product's. A state fault here is an item of a request that the member
 * serving the request (the one that holds most of its items) has no copy of: it has to be fetched from another.
 */
import { LoadCounters } from '../dist/lib/load-counters.js';
import { sfc32 } from '../dist/lib/prng.js';
import { ownersOfHash, tagHash } from '../dist/model/directory.js';
import { setCover } from '../dist/model/set-cover.js';
import { forecastHeatmap } from '../dist/predict/forecast-heatmap.js';
import { TrafficIntake } from '../dist/predict/intake.js';
import { replanHotElements } from '../dist/shard/flash-plan.js';
import { HeatTracker } from '../dist/shard/heat-tracker.js';
import { mapForecast } from '../dist/shard/hot-elements.js';
import { placeElements } from '../dist/shard/placement.js';
import { generateTraffic } from '../dist/testing/traffic-generator.js';
import { accessTraces, hasTraces } from './support/traces.mjs';

export const claim = 'maps made from the forecast of a window, beside maps made from the window before it and a static hash, measured on the window itself';
export const servers = [];

const [members, replicas] = [8, 2];
const hourMs = 3_600_000;
const planEvery = 5000;

export async function measure() {
  const figures = [];
  for (const workload of [generated(), ...hasTraces ? [ormBusy()] : []]) figures.push(...await compare(workload));
  process.stderr.write('\r\u001B[2K');
  return figures;
}

async function compare(workload) {
  const strategies = { product: strategy(true), forecast: strategy(), 'last window': strategy(), 'last window and reaction': strategy(true), hash: strategy() };
  const intake = new TrafficIntake({ windowMs: workload.windowMs, prng: sfc32('00000001000000020000000300000014') });
  const groups = new RecentGroups();
  let before;
  let window = 0;
  for (const items of workload.windows()) {
    const requests = requestsOf(items);
    if (window >= workload.warmUp) {
      process.stderr.write(`\r\u001B[2K${workload.name}: window ${window - workload.warmUp + 1} of ${workload.measured}`);
      const forecast = await forecastHeatmap(intake, { buckets: 1, prng: sfc32('00000001000000020000000300000015'), groups: groups.heaviest() });
      const maps = { product: forecast, forecast, 'last window': before, 'last window and reaction': before, hash: undefined };
      for (const [name, heatmap] of Object.entries(maps)) plan(strategies[name], heatmap);
      for (const one of Object.values(strategies)) serve(one, requests);
    }
    for (const item of items) intake.add(item);
    intake.finish(); // the window is over, at its very end
    groups.add(requests);
    before = observed(requests);
    window++;
  }
  return figuresOf(workload.name, strategies);
}

const strategy = (reacts = false) => ({ map: undefined, forecast: undefined, tracker: reacts ? new HeatTracker() : undefined, reader: new LoadCounters(members), prng: sfc32('00000001000000020000000300000016'), results: [], moves: [] });
const memberList = Array.from({ length: members }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1 }));
const cold = { kind: 'heatmap', formatVersion: 2, source: 'none', startMs: 0, bucketMs: 1, buckets: 1, elements: [], groups: [] };

/** The next map of a strategy; without a heatmap it stays as the hash has it. */
function plan(one, heatmap) {
  if (heatmap === undefined && one.map !== undefined) return;
  const { map, moves } = placeElements(heatmap ?? cold, memberList, one.map, { replicas });
  if (one.map !== undefined) one.moves.push(moves.reduce((sum, { add }) => sum + add.length, 0));
  one.map = map;
  if (one.tracker !== undefined) one.forecast = mapForecast(map, heatmap ?? cold, replicas);
}

/** What the product does between two plans: what is observed to be hot gets further copies. */
function react(one, tags) {
  for (const tag of tags) one.tracker.record(tag);
  if (one.tracker.accesses < planEvery && !one.tracker.isSurging) return;
  const { map, moves } = replanHotElements(one.map, one.forecast, one.tracker.observe());
  one.map = map;
  one.reader.decay();
  one.moves.push((one.moves.pop() ?? 0) + moves.reduce((sum, { add }) => sum + add.length, 0));
}

/** Serves requests as a reader does: few members for each, by what this reader has sent to them so far. */
function serve(one, requests) {
  const loads = new Float64Array(members);
  let [nodes, faults, items, single] = [0, 0, 0, 0];
  for (const keys of requests) {
    const tags = keys.map(tagOfKey);
    const owners = tags.map((tag) => ownersOfHash(one.map, tag));
    const held = new Int32Array(members);
    for (const set of owners) for (const member of set) held[member]++;
    faults += keys.length - Math.max(...held);
    items += keys.length;
    const asked = setCover(owners, one.reader.loads, one.reader.mean);
    for (const member of asked) {
      loads[member]++;
      one.reader.add(member);
    }
    const used = new Set(asked).size;
    if (one.tracker !== undefined) react(one, tags);
    nodes += used;
    if (used === 1) single++;
  }
  one.reader.decay();
  const total = loads.reduce((sum, load) => sum + load, 0);
  one.results.push({ load: (Math.max(...loads) * members) / total, fanOut: nodes / requests.length, faults: faults / items, single: single / requests.length });
}

const tagsByKey = new Map();

function tagOfKey(key) {
  const known = tagsByKey.get(key);
  if (known !== undefined) return known;
  const tag = tagHash(key);
  tagsByKey.set(key, tag);
  return tag;
}

/** What one request touches, as sets of keys. */
function requestsOf(items) {
  const byRequest = new Map();
  for (const item of items) {
    if (item.kind !== 'access') continue;
    const root = item.request.split('.')[0]; // calls belong to the request that made them
    const keys = byRequest.get(root);
    if (keys === undefined) byRequest.set(root, new Set([item.key]));
    else keys.add(item.key);
  }
  return [...byRequest.values()].map((keys) => [...keys]);
}

/** The heatmap of what was just seen. */
function observed(requests) {
  const groups = new RecentGroups();
  groups.add(requests);
  const counts = new Map();
  for (const keys of requests) for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const elements = [...counts].sort((a, b) => b[1] - a[1]).map(([key, count]) => ({ key, pRead: [1], pWrite: [0], expected: [count], low: [count], high: [count] }));
  return { ...cold, source: 'observed', elements, groups: groups.heaviest() };
}

/** Sets of elements that requests touched together, newer ones counting more: each window the weights halve their worth after four. */
class RecentGroups {
  #weights = new Map();

  add(requests) {
    for (const [name, group] of this.#weights) {
      group.weight *= 0.84;
      if (group.weight < 0.1) this.#weights.delete(name);
    }
    for (const keys of requests) {
      const sorted = [...keys].sort();
      const name = sorted.join(' ');
      const group = this.#weights.get(name);
      if (group === undefined) this.#weights.set(name, { keys: sorted, weight: 1 });
      else group.weight += 1;
    }
  }

  heaviest() {
    return [...this.#weights.values()].sort((a, b) => b.weight - a.weight).slice(0, 100_000);
  }
}

function figuresOf(name, strategies) {
  const mean = (one, of) => one.results.reduce((sum, result) => sum + result[of], 0) / one.results.length;
  const worst = (one, of) => Math.max(...one.results.map((result) => result[of]));
  const moved = (one) => one.moves.reduce((sum, count) => sum + count, 0) / Math.max(1, one.moves.length);
  const measures = [
    ['load max/mean in the worst window', (one) => worst(one, 'load'), 0], ['fan-out', (one) => mean(one, 'fanOut'), 1], ['state faults', (one) => mean(one, 'faults'), 1], ['copies moved a window', moved, null],
  ];
  const { product, 'last window': last, hash } = strategies;
  return measures.map(([measure, of, isGoal]) => {
    const [own, rival, static_] = [of(product), of(last), of(hash)];
    const others = Object.entries(strategies).filter(([other]) => other !== 'product').map(([other, one]) => `${other} ${of(one).toPrecision(4)}`).join(', ');
    return {
      name: `${name}: ${String(measure)}`, value: own, unit: measure === 'state faults' ? 'of items' : '', goal: isGoal === null ? null : `<= ${Math.min(rival, static_).toPrecision(4)}`,
      anchor: `${isGoal === null ? '' : `${margins(own, rival)} than the last window's map, ${margins(own, static_)} than a static hash; `}${others}`,
    };
  });
}

const margins = (own, other) => `${Math.abs(100 * (1 - own / other)).toFixed(1)} % ${own <= other ? 'less' : 'MORE'}`;

/** The shop of the generator: six days by the hour, the last day and a half measured, with two flash elements in it. */
function generated() {
  const startMs = Date.UTC(2026, 0, 1);
  const [days, measured] = [5, 24];
  const windows = days * 24;
  const traffic = generateTraffic({
    seed: '00000001000000020000000300000017', startMs, durationMs: windows * hourMs, elements: 2000, requestsPerSecond: 1.5, driftPerDay: 0.02,
    flashes: [{ product: 1234, atMs: startMs + (windows - 15) * hourMs, share: 0.3 }, { product: 777, atMs: startMs + (windows - 6) * hourMs, share: 0.5 }],
  });
  return {
    name: 'generated shop', windowMs: hourMs, warmUp: windows - measured, measured,
    *windows() {
      let [at, batch] = [startMs, []];
      for (const item of traffic.items()) {
        while (item.at >= at + hourMs) {
          yield batch;
          [at, batch] = [at + hourMs, []];
        }
        batch.push(item);
      }
      yield batch;
    },
  };
}

/** Ten accesses in a row are one multi-get, 5,000 of them a window. */
function ormBusy() {
  const { keys } = accessTraces().find(({ name }) => name === 'orm-busy');
  const [size, windowMs, warmUp, measured] = [50_000, 60_000, 20, 10];
  return {
    name: 'orm-busy', windowMs, warmUp, measured,
    *windows() {
      for (let window = 0; window < warmUp + measured; window++) {
        yield Array.from({ length: size }, (_, index) => {
          const at = window * size + index;
          return { kind: 'access', key: `orm:0/${keys[at]}`, access: 'read', at: window * windowMs + Math.floor((index * windowMs) / size), request: `r${Math.floor(at / 10)}`, route: null };
        });
      }
    },
  };
}
