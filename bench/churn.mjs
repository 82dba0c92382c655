/** What a plan moves: epoch after epoch of a real trace, planned on the epoch past and measured on the next; and what a member that joins or leaves moves. */
import { movesBetween, placeElements } from '../dist/shard/placement.js';
import { slotCount } from '../dist/model/shard-map.js';
import { costOf, heatmapOf, membersOf, multiGets } from './support/multi-gets.mjs';
import { dataName } from './support/traces.mjs';

export const claim = 'a new plan moves at most 2 % of the slots in use, in half a second, and is as good as one from scratch; a member that joins or leaves moves what it must';
export const servers = [];

const epochs = 10;
const members = 8;
const replicas = 2;
/** Requests of an epoch: the whole of orm-busy is 10 times 40,000. */
const epochSize = { 'orm-busy': 40_000, 'corda-vault': 1_300, generated: 800 };

export async function measure() {
  return multiGets(Object.keys(epochSize), { most: 4_100_000 }).flatMap((trace) => {
    const epochOf = (epoch) => ({ hashes: trace.hashes, requests: trace.requests.slice(epoch * epochSize[trace.name], (epoch + 1) * epochSize[trace.name]) });
    const { figures, map } = planned(trace, epochOf);
    return [...figures, ...membership(trace, epochOf, map)];
  });
}

function planned(trace, epochOf) {
  const rows = { warm: [], scratch: [] };
  const maps = {};
  for (let epoch = 0; epoch + 1 < epochs; epoch++) {
    const heatmap = heatmapOf(trace.keys, epochOf(epoch).requests, 'observed');
    for (const name of Object.keys(rows)) {
      const before = maps[name];
      const startedAt = performance.now();
      const { map } = placeElements(heatmap, membersOf(members), name === 'warm' ? before : undefined, { replicas });
      const seconds = (performance.now() - startedAt) / 1000;
      maps[name] = map;
      if (before !== undefined) rows[name].push({ ...costOf(map, epochOf(epoch + 1)), seconds, moved: slotsMoved(before, map) / inUse(trace, epochOf(epoch).requests) });
    }
  }
  const mean = (name, field) => rows[name].reduce((sum, row) => sum + row[field], 0) / rows[name].length;
  const most = (name, field) => Math.max(...rows[name].map((row) => row[field]));
  const isGoal = trace.name === 'orm-busy';
  const figures = [
    { name: 'slots moved an epoch', value: most('warm', 'moved'), unit: 'of those in use, the most', goal: '<= 0.02', anchor: `from scratch ${mean('scratch', 'moved').toFixed(3)}` },
    { name: 'plan', value: most('warm', 'seconds'), unit: 's, the longest', goal: isGoal ? '<= 0.5' : null, anchor: `from scratch ${most('scratch', 'seconds').toFixed(2)} s` },
    { name: 'fan-out in the next epoch', value: mean('warm', 'fanOut'), unit: 'state nodes a request', goal: isGoal ? '<= 1.75' : null, anchor: `from scratch ${mean('scratch', 'fanOut').toFixed(3)}; ${rows.warm.length} epochs, ${dataName}` },
    { name: 'load max/mean in the next epoch', value: most('warm', 'imbalance'), unit: 'the worst', goal: isGoal ? '<= 1.1' : null, anchor: `from scratch ${most('scratch', 'imbalance').toFixed(3)}` },
  ];
  return { figures: figures.map((figure) => ({ ...figure, name: `${trace.name}: ${figure.name}` })), map: maps.warm };
}

/** One more, one fewer: copies of slots that move, beside the least that must. */
function membership(trace, epochOf, map) {
  const heatmap = heatmapOf(trace.keys, epochOf(epochs - 2).requests, 'observed');
  const next = epochOf(epochs - 1);
  const leaver = 3;
  const changes = {
    'a member joins': { list: membersOf(members + 1), least: 1 / (members + 1) },
    'a member leaves': { list: membersOf(members).filter((_, index) => index !== leaver), least: copiesOf(map, leaver) },
  };
  return Object.entries(changes).flatMap(([name, { list, least }]) => {
    const changed = placeElements(heatmap, list, map, { replicas }).map;
    const fresh = costOf(placeElements(heatmap, list, undefined, { replicas }).map, next);
    const moved = movesBetween(map, changed).filter(({ slot }) => slot !== null).reduce((sum, { add }) => sum + add.length, 0) / (slotCount * replicas);
    const cost = costOf(changed, next);
    return [
      { name: `${trace.name}: ${name}: moved beyond the least`, value: (moved - least) * 100, unit: 'points of all copies of slots', goal: '<= 0.1', anchor: `moved ${(moved * 100).toFixed(2)} %, least ${(least * 100).toFixed(2)} %` },
      { name: `${trace.name}: ${name}: fan-out in the next epoch`, value: cost.fanOut, unit: 'state nodes a request', goal: null, anchor: `placed anew ${fresh.fanOut.toFixed(3)}; load max/mean ${cost.imbalance.toFixed(3)}, anew ${fresh.imbalance.toFixed(3)}` },
    ];
  });
}

const slotsMoved = (before, after) => movesBetween(before, after).filter(({ slot }) => slot !== null).length;
const inUse = (trace, requests) => new Set(requests.flatMap((request) => request.map((id) => trace.hashes[id] >>> 16))).size;
const copiesOf = (map, member) => map.slots.reduce((sum, set) => sum + (map.sets[set].includes(member) ? 1 : 0), 0) / (slotCount * replicas);
