/** What a plan moves: epoch after epoch of a real trace, planned on the epoch past and measured on the next; and what a member that joins or leaves moves. */
import { placeElements } from '../dist/shard/placement.js';
import { costOf, heatmapOf, membersOf, multiGets } from './support/multi-gets.mjs';
import { dataName } from './support/traces.mjs';

export const claim = 'a new plan moves at most 2 % of the slots and is as good as one from scratch or better; a member that joins or leaves moves what it must';
export const servers = [];

const epochs = 10;
const requestsPerEpoch = { 'orm-busy': 40_000, web12: 900, generated: 500 };
const members = 8;
const replicas = 2;

export async function measure() {
  return multiGets(Object.keys(requestsPerEpoch), { most: 4_100_000 }).flatMap((trace) => [...epochFigures(trace), ...membershipFigures(trace)]);
}

function epochOf(trace, epoch) {
  const size = requestsPerEpoch[trace.name];
  return trace.requests.slice(epoch * size, (epoch + 1) * size);
}

/** Slots that have other owners, as a share of all slots that either heatmap touches. */
function epochFigures(trace) {
  const plans = { warm: [], scratch: [] };
  let warm = placeElements(heatmapOf(trace.keys, epochOf(trace, 0)), membersOf(members), undefined, { replicas }).map;
  let scratch = warm;
  for (let epoch = 1; epoch + 1 < epochs; epoch++) {
    const heatmap = heatmapOf(trace.keys, epochOf(trace, epoch));
    const next = { hashes: trace.hashes, requests: epochOf(trace, epoch + 1) };
    const inUse = new Set(heatmap.elements.map(({ key }) => trace.hashes[trace.keys.indexOf(key)] >>> 16)).size;
    warm = plan(plans.warm, () => placeElements(heatmap, membersOf(members), warm, { replicas }), { inUse, next });
    scratch = plan(plans.scratch, () => withMoves(scratch, placeElements(heatmap, membersOf(members), undefined, { replicas }).map), { inUse, next });
  }
  return [];
}
