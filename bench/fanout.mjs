/** State nodes that a multi-get touches, by placement: learnt on the first half of a trace's requests, measured on the second; and for a suite that is known. */
import { Directory } from '../dist/model/directory.js';
import { placeElements } from '../dist/shard/placement.js';
import { costOf, heatmapOf, membersOf, multiGets } from './support/multi-gets.mjs';
import { dataName } from './support/traces.mjs';

export const claim = 'distinct state nodes a multi-get touches, RF 2: requests never seen, and a suite that is known; read by the product\'s own set cover';
export const servers = [];

const replicas = 2;
/** Traces with the numbers of members; only orm-busy on 8 has goals, the others show what else happens. */
const runs = { 'orm-busy': [8, 32], web12: [8], nasa: [8], generated: [8] };
const goals = {
  'unseen fan-out': '<= 1.75', 'unseen load max/mean': '<= 1.10', 'known suite, fan-out': '<= 1.15', 'known suite, requests on one state node': '>= 0.85', 'known suite, more copies than RF 2': '<= 0.1',
};

export async function measure() {
  return multiGets(Object.keys(runs)).flatMap((trace) => runs[trace.name].flatMap((members) => figuresOf(trace, members)));
}

function figuresOf(trace, members) {
  const half = trace.requests.length >> 1;
  const seen = { hashes: trace.hashes, requests: trace.requests.slice(0, half) };
  const unseen = { hashes: trace.hashes, requests: trace.requests.slice(half) };
  const nothing = { ...heatmapOf(trace.keys, []), groups: [] };
  const hash = (copies) => placeElements(nothing, membersOf(members), undefined, { replicas: copies }).map;
  const [observed, plan] = [heatmapOf(trace.keys, seen.requests, 'observed'), heatmapOf(trace.keys, seen.requests)];
  const { map, seconds } = placed(observed, members);
  const { map: exact, seconds: exactSeconds } = placed(plan, members);
  const [one, two] = [costOf(hash(1), unseen, { cover: false }), costOf(hash(2), unseen)];
  const [learnt, known, shared] = [costOf(map, unseen), costOf(exact, seen), costOf(map, seen)];
  const anchor = `hash ${one.fanOut.toFixed(2)}, hash RF 2 + cover ${two.fanOut.toFixed(2)}; ${half} requests, ${dataName}`;
  const onlySlots = `placed on the same requests; without copies of single elements ${shared.fanOut.toFixed(3)}, ${shared.single.toFixed(3)} on one, load ${shared.imbalance.toFixed(3)}`;
  const add = (name, value, unit = '', against = anchor) => ({ name: `${trace.name}, ${members} members: ${name}`, value, unit, goal: trace.name === 'orm-busy' && members === 8 ? (goals[name] ?? null) : null, anchor: against });
  return [
    add('unseen fan-out', learnt.fanOut, 'state nodes a request'), add('unseen load max/mean', learnt.imbalance, '', `hash ${one.imbalance.toFixed(3)}, hash RF 2 + cover ${two.imbalance.toFixed(3)}`),
    add('unseen, requests on one state node', learnt.single, '', `hash ${one.single.toFixed(3)}, hash RF 2 + cover ${two.single.toFixed(3)}`),
    add('unseen, more copies than RF 2', moreCopies(map, observed), '', 'share of the copies of accessed elements'),
    add('known suite, fan-out', known.fanOut, 'state nodes a request', onlySlots), add('known suite, requests on one state node', known.single, '', onlySlots), add('known suite, load max/mean', known.imbalance, '', onlySlots),
    add('known suite, more copies than RF 2', moreCopies(exact, plan), '', `${exact.overrides.size} overrides, of the other map ${map.overrides.size}`),
    add('known suite, bytes of the directory', new Directory(exact).bytes, '', `256 KiB and 8 an override: ${256 * 1024 + 8 * exact.overrides.size}`),
    add('plan', seconds, 's', `${pins(plan)} pins; for the known suite ${exactSeconds.toFixed(2)} s`),
  ];
}

function placed(heatmap, members) {
  const startedAt = performance.now();
  const { map } = placeElements(heatmap, membersOf(members), undefined, { replicas });
  return { map, seconds: (performance.now() - startedAt) / 1000 };
}

const pins = (heatmap) => heatmap.groups.reduce((sum, { keys }) => sum + keys.length, 0);

/** Copies that overrides add, as a share of the copies all accessed elements have without them. */
function moreCopies(map, heatmap) {
  let more = 0;
  for (const set of map.overrides.values()) more += map.sets[set].length - replicas;
  return more / (heatmap.elements.length * replicas);
}
