/** Requests that read several elements at once, made of real traces; and what they cost by a shard map. */
import { ownersOfHash, tagHash } from '../../dist/model/directory.js';
import { setCover } from '../../dist/model/set-cover.js';
import { accessTraces } from './traces.mjs';

/** Accesses of orm-busy that the figures of placement are measured on: the first ones, 10 in a row a request. */
const mostAccesses = 2_000_000;

/**
 * The traces as requests: sets of elements by number. orm-busy, web12: so many accesses in a row (they have no actors); the logs: what one actor asks for within a short time.
 * @returns {{ name: string, keys: string[], hashes: Uint32Array, requests: number[][] }[]}
 */
export function multiGets(names, { size = 10, most = mostAccesses } = {}) {
  return accessTraces().filter(({ name }) => names.includes(name) || name === 'generated').map(({ name, keys, time, actors }) => {
    const numbers = new Map();
    const ids = keys.slice(0, most).map((key) => {
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      return numbers.get(key);
    });
    const requests = actors === null ? inRows(ids, size) : bySession(ids, time, actors);
    const named = [...numbers.keys()].map((key) => `redis:0/item:${/^\d+$/.test(key) ? key : `{${key}}`}`);
    return { name, keys: named, hashes: Uint32Array.from(named, tagHash), requests };
  });
}

function inRows(ids, size) {
  return Array.from({ length: Math.floor(ids.length / size) }, (_, row) => [...new Set(ids.slice(row * size, (row + 1) * size))]);
}

/** What an actor asks for within 20 s is one request, in the order in which these begin. */
function bySession(ids, time, actors) {
  const open = new Map();
  const requests = [];
  const windowsOf20s = 20 / 900; // nasa: windows of 900 s
  for (const [index, id] of ids.entries()) {
    const at = time(index);
    const session = open.get(actors[index]);
    if (session !== undefined && at - session.at <= windowsOf20s) session.set.add(id);
    else {
      const set = new Set([id]);
      requests.push(set);
      open.set(actors[index], { at, set });
    }
  }
  return requests.map((set) => [...set]);
}

/** The heatmap of these requests. `source`: `plan` where just these are served, `observed` where others follow. */
export function heatmapOf(keys, requests, source = 'plan') {
  const counts = new Float64Array(keys.length);
  for (const request of requests) for (const id of request) counts[id]++;
  const elements = [...counts.keys()].filter((id) => counts[id] > 0).sort((a, b) => counts[b] - counts[a] || a - b)
    .map((id) => ({ key: keys[id], pRead: [1], pWrite: [0], expected: [counts[id]], low: [counts[id]], high: [counts[id]] }));
  return { kind: 'heatmap', formatVersion: 2, source, startMs: 0, bucketMs: 1, buckets: 1, elements, groups: requests.map((request) => ({ keys: request.map((id) => keys[id]), weight: 1 })) };
}

/** So many ordinary members. */
export const membersOf = (count) => Array.from({ length: count }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1 }));

/** What requests cost by a map, read by the product's own set cover: distinct state nodes, how many touch one only, and the load of each member in elements read. */
export function costOf(map, { hashes, requests }, { cover = true } = {}) {
  const members = map.members.length;
  const loads = new Float64Array(members);
  let read = 0;
  let touched = 0;
  let single = 0;
  for (const request of requests) {
    const owners = request.map((id) => (cover ? ownersOfHash(map, hashes[id]) : ownersOfHash(map, hashes[id]).slice(0, 1)));
    const asked = setCover(owners, loads, read / members);
    for (const member of asked) loads[member]++;
    read += asked.length;
    const distinct = new Set(asked).size;
    touched += distinct;
    if (distinct === 1) single++;
  }
  return { fanOut: touched / requests.length, single: single / requests.length, imbalance: (Math.max(...loads) * members) / read };
}
