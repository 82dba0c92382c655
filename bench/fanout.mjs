/** State nodes that a multi-get touches, by placement: learnt on the first half of a trace's requests, measured on the second; and for a suite that is known. */
import { placeElements } from '../dist/shard/placement.js';
import { costOf, heatmapOf, membersOf, multiGets } from './support/multi-gets.mjs';
import { dataName } from './support/traces.mjs';

export const claim = 'distinct state nodes a multi-get touches, RF 2: requests never seen, and a suite that is known; read by the product\'s own set cover';
export const servers = [];

const replicas = 2;
/** Traces with the numbers of members; only orm-busy on 8 has goals, the others show what else happens. */
const runs = { 'orm-busy': [8, 32], web12: [8], nasa: [8], generated: [8] };
const goals = {
  'unseen fan-out': '<= 1.75', 'unseen load max/mean': '<= 1.10', 'known suite, fan-out': '<= 1.15', 'known suite, requests on one state node': '>= 0.85',
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
  const heatmap = heatmapOf(trace.keys, seen.requests);
  const startedAt = performance.now();
  const { map } = placeElements(heatmap, membersOf(members), undefined, { replicas });
  const seconds = (performance.now() - startedAt) / 1000;
  const [one, two] = [costOf(hash(1), unseen, { cover: false }), costOf(hash(2), unseen)];
  const [learnt, known] = [costOf(map, unseen), costOf(map, seen)];
  const anchor = `hash ${one.fanOut.toFixed(2)}, hash RF 2 + cover ${two.fanOut.toFixed(2)}; ${half} requests, ${dataName}`;
  const add = (name, value, unit = '', against = anchor) => ({ name: `${trace.name}, ${members} members: ${name}`, value, unit, goal: trace.name === 'orm-busy' && members === 8 ? (goals[name] ?? null) : null, anchor: against });
  return [
    add('unseen fan-out', learnt.fanOut, 'state nodes a request'), add('unseen load max/mean', learnt.imbalance, '', `hash ${one.imbalance.toFixed(3)}, hash RF 2 + cover ${two.imbalance.toFixed(3)}`),
    add('unseen, requests on one state node', learnt.single, '', `hash ${one.single.toFixed(3)}, hash RF 2 + cover ${two.single.toFixed(3)}`),
    add('known suite, fan-out', known.fanOut, 'state nodes a request', 'placed on the same requests'), add('known suite, requests on one state node', known.single, '', 'placed on the same requests'),
    add('known suite, load max/mean', known.imbalance, '', 'placed on the same requests'),
    add('more copies than RF 2', moreCopies(map, heatmap), '', 'share of the copies of accessed elements'),
    add('plan', seconds, 's', `${heatmap.groups.reduce((sum, { keys }) => sum + keys.length, 0)} pins`),
  ];
}

/** Copies that overrides add, as a share of the copies all accessed elements have without them. */
function moreCopies(map, heatmap) {
  let more = 0;
  for (const set of map.overrides.values()) more += map.sets[set].length - replicas;
  return more / (heatmap.elements.length * replicas);
}
