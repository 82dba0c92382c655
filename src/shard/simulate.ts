import { assert } from '../lib/assert.ts';
import { sfc32 } from '../lib/prng.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { mapForecast } from './hot-elements.ts';
import { placeElements, type Placement } from './placement.ts';
import { extraCopies, SimulatedCluster, type ClusterOptions } from './simulated-cluster.ts';
import { SimulatedTraffic, type SimulatedTrafficOptions } from './simulated-traffic.ts';

/*
 * What a cluster that nobody has would do: the product's placement, directory, tracker of heat and choice of readers, on modelled members (simulated-cluster.ts) under modelled traffic (simulated-traffic.ts).
 * Limits: see modelNotes.
 */

/** What is simulated. Sizes in bytes, times in milliseconds of virtual time. */
export interface SimulationOptions extends ClusterOptions, SimulatedTrafficOptions {
  readonly nodes: number;
  readonly replicas: number;
  readonly elementBytes: number;
  /** Memory of one node; placement does not know it, the result says whether it is enough. */
  readonly nodeBytes: number;
  /** What a node costs an hour, in any currency. */
  readonly nodeCost: number;
  /** Nodes that are lost half way. */
  readonly failures: number;
  /** Reads over all windows. */
  readonly requests: number;
  /** Share of a node's time and memory that may be used. */
  readonly target: number;
  /** 32 hexadecimal digits. */
  readonly seed: string;
}

/** What a change of the members moves. */
export interface SimulatedChurn {
  /** Share of all copies of slots that get another owner, and the least that any placement must move. */
  readonly moved: number;
  readonly least: number;
  /** Bytes copied, hot elements included. */
  readonly bytes: number;
}

/** What came out. */
export interface SimulationResult {
  readonly options: SimulationOptions;
  readonly virtualMs: number;
  /** Busiest member ÷ mean over the whole run, and in the worst window; the 99th of a hundred ÷ mean. */
  readonly load: { readonly maxToMean: number; readonly worstWindow: number; readonly p99ToMean: number };
  /** Share of the time that members serve: 1 and more means that queues grow for ever. */
  readonly utilisation: { readonly mean: number; readonly busiest: number };
  readonly latency: { readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number; readonly evenMs: number };
  readonly hot: { readonly elements: number; readonly mostExtraCopies: number; readonly copiesMade: number; readonly bytesPerSecond: number };
  readonly memory: { readonly meanBytes: number; readonly mostBytes: number; readonly extraShare: number };
  readonly leave: SimulatedChurn;
  readonly join: SimulatedChurn;
  /** After nodes were lost: busiest ÷ mean of those left, before and after owners were replaced, and reads that no living node could serve. */
  readonly failure?: { readonly before: number; readonly replaced: number; readonly unreadable: number };
  readonly costPerHour: number;
  readonly needed: { readonly nodes: number; readonly forTraffic: number; readonly forMemory: number; readonly limit: 'traffic' | 'memory' | 'replicas' };
  /** Reads by member, window by window. */
  readonly windows: readonly (readonly number[])[];
}

const windowCount = 10;
/** Bytes that a store needs for an element beside its payload: key, hash entry, object. */
const overheadBytes = 96;
/** Until a dead member's owners are replaced, in ms: what the failure detector takes. */
const detectMs = 2000;

/** What the numbers rest on, and what they leave out. */
export const modelNotes: readonly string[] = [
  'Placement, directory, overrides of hot elements and the choice of readers are the product\'s own code; members are queues with one server, first come first served.',
  'The forecast is exact at the start and never renewed: drift and flash crowds are met by observation alone, in maps that every reader has at once (20 ms apart at least).',
  'Not modelled: the network, writes, requests for several elements, retries and hedging, copying as load, other work on the nodes.',
];

interface Placed {
  readonly plan: Placement;
  /** Without the nodes that are lost, one where none is. */
  readonly reduced: Placement;
  readonly leave: SimulatedChurn;
  readonly join: SimulatedChurn;
}

/** Placements by what they depend on: a sweep over traffic needs one only. */
export type PlacementCache = Map<string, Placed>;

/** Runs one simulation: a pure function of its options. `onProgress`: share of the work done. */
export function simulate(options: SimulationOptions, given: { readonly cache?: PlacementCache; readonly onProgress?: (share: number) => void } = {}): SimulationResult {
  assert(options.nodes > options.failures, 'a node is left');
  const traffic = new SimulatedTraffic(options, sfc32(options.seed));
  const heatmap = traffic.heatmap();
  const placed = placements(options, heatmap, given.cache ?? new Map());
  given.onProgress?.(0.4);
  const replicas = Math.min(options.replicas, options.nodes);
  const { map } = placed.plan;
  const cluster = new SimulatedCluster({ map, forecast: mapForecast(map, heatmap, replicas) }, options, sfc32(options.seed.slice(16) + options.seed.slice(0, 16)));
  const wholeWindows = run(cluster, traffic, { options, heatmap, reduced: placed.reduced.map, onProgress: given.onProgress });
  return resultOf(options, { cluster, placed, wholeWindows });
}

/** Members as the simulation names them, in three zones. */
export function simulatedMembers(nodes: number): Member[] {
  return Array.from({ length: nodes }, (_, index) => ({ id: `node-${index + 1}`, address: 'embedded', zone: `zone-${(index % 3) + 1}`, capacity: 1 }));
}

function placements(options: SimulationOptions, heatmap: Heatmap, cache: PlacementCache): Placed {
  const { nodes, replicas, elements, zipf, elementBytes } = options;
  const failures = Math.max(1, options.failures);
  const name = JSON.stringify([nodes, replicas, elements, zipf, elementBytes, failures]);
  const known = cache.get(name);
  if (known !== undefined) return known;
  const members = simulatedMembers(nodes);
  const place = (list: readonly Member[], previous?: ShardMap): Placement => placeElements(heatmap, list, previous, { replicas });
  const plan = place(members);
  const copies = slotCount * Math.min(replicas, nodes);
  const churnOf = (placement: Placement, least: number): SimulatedChurn => {
    const slots = placement.moves.filter(({ slot }) => slot !== null).reduce((sum, { add }) => sum + add.length, 0);
    const hot = placement.moves.filter(({ slot }) => slot === null).reduce((sum, { add }) => sum + add.length, 0);
    return { moved: slots / copies, least, bytes: (slots * elements * (elementBytes + overheadBytes)) / slotCount + hot * (elementBytes + overheadBytes) };
  };
  const reduced = nodes > failures ? place(members.slice(0, nodes - failures), plan.map) : plan;
  const joined = place([...members, { id: `node-${nodes + 1}`, address: 'embedded', zone: `zone-${(nodes % 3) + 1}`, capacity: 1 }], plan.map);
  const owned = countSlots(plan.map).slice(nodes - failures).reduce((sum, count) => sum + count, 0);
  const made: Placed = {
    plan, reduced, leave: churnOf(reduced, nodes - failures < replicas ? 0 : owned / copies), join: churnOf(joined, nodes < replicas ? 1 / nodes : 1 / (nodes + 1)),
  };
  cache.set(name, made);
  return made;
}

interface Run {
  readonly options: SimulationOptions;
  readonly heatmap: Heatmap;
  /** The map without the nodes that are lost. */
  readonly reduced: ShardMap;
  readonly onProgress: ((share: number) => void) | undefined;
}

/** Serves all windows; where nodes are lost half way, first with the old map, then with the new one. Windows before the loss, all if there is none. */
function run(cluster: SimulatedCluster, traffic: SimulatedTraffic, { options, heatmap, reduced, onProgress }: Run): number {
  const { requests, nodes, failures, replicas, requestsPerSecond } = options;
  const reads = Math.ceil(requests / windowCount);
  const lossAt = failures > 0 ? windowCount / 2 : windowCount;
  for (let window = 0; window < windowCount; window++) {
    traffic.beginWindow(window);
    let served = 0;
    if (window === lossAt) {
      cluster.fail(new Set(Array.from({ length: failures }, (_, index) => nodes - 1 - index)));
      served = Math.min(reads, Math.ceil((detectMs / 1000) * requestsPerSecond));
      cluster.serve(traffic, served);
      cluster.use({ map: reduced, forecast: mapForecast(reduced, heatmap, Math.min(replicas, nodes - failures)) });
    }
    if (served < reads) cluster.serve(traffic, reads - served);
    onProgress?.(0.4 + (0.6 * (window + 1)) / windowCount);
  }
  return lossAt;
}

function resultOf(options: SimulationOptions, { cluster, placed, wholeWindows }: { readonly cluster: SimulatedCluster; readonly placed: Placed; readonly wholeWindows: number }): SimulationResult {
  const { nodes, failures, elements, elementBytes, serviceMs, service, nodeCost, requestsPerSecond } = options;
  const { latencies, stats, now, windows } = cluster;
  const whole = windows.slice(0, wholeWindows);
  const totals = Array.from({ length: nodes }, (_, member) => whole.reduce((sum, { loads }) => sum + (loads[member] ?? 0), 0));
  const ms = whole.reduce((sum, window) => sum + window.ms, 0);
  const mean = totals.reduce((sum, load) => sum + load, 0) / nodes;
  const busiest = (Math.max(...totals) * serviceMs) / ms;
  const even = Math.min(0.999, (requestsPerSecond * serviceMs) / 1000 / nodes);
  const later = windows.slice(wholeWindows).map(({ loads }) => imbalance(loads, nodes - failures));
  return {
    options, virtualMs: now, windows: windows.map(({ loads }) => loads), leave: placed.leave, join: placed.join, costPerHour: nodes * nodeCost,
    utilisation: { mean: (mean * serviceMs) / ms, busiest }, memory: memoryOf(options, placed.plan.map, stats.mostExtra),
    load: { maxToMean: Math.max(...totals) / mean, worstWindow: Math.max(...whole.map(({ loads }) => imbalance(loads, nodes))), p99ToMean: quantile(totals, 0.99) / mean },
    latency: {
      meanMs: latencies.sumMs / Math.max(1, latencies.count), p50Ms: latencies.quantile(0.5), p99Ms: latencies.quantile(0.99),
      evenMs: serviceMs * (1 + (even / (1 - even)) * (service === 'fixed' ? 0.5 : 1)),
    },
    hot: { elements: cluster.map.overrides.size, mostExtraCopies: stats.mostExtra, copiesMade: stats.copies, bytesPerSecond: (stats.copies * elementBytes * 1000) / now },
    ...failures === 0 ? {} : { failure: { before: later[0] ?? 1, replaced: Math.max(1, ...later.slice(1)), unreadable: stats.unreadable } },
    needed: neededNodes(options, busiest, elements * (elementBytes + overheadBytes) * Math.min(options.replicas, nodes)),
  };
}

/** Elements lie on slots evenly, so a member's share of the slots is its share of the memory; hot copies come on top. */
function memoryOf({ nodes, elements, elementBytes }: SimulationOptions, map: ShardMap, mostExtra: number): SimulationResult['memory'] {
  const perElement = elementBytes + overheadBytes;
  const slots = countSlots(map);
  const bytes = slots.map((count) => (count * elements * perElement) / slotCount);
  for (const set of map.overrides.values()) for (const member of map.sets[set] ?? []) bytes[member] = (bytes[member] ?? 0) + perElement;
  const copies = slots.reduce((sum, count) => sum + count, 0) / slotCount;
  return { meanBytes: bytes.reduce((sum, one) => sum + one, 0) / nodes, mostBytes: Math.max(...bytes), extraShare: Math.max(mostExtra, extraCopies(map)) / (elements * copies) };
}

function neededNodes({ nodes, target, nodeBytes, replicas }: SimulationOptions, busiest: number, bytes: number): SimulationResult['needed'] {
  const forTraffic = Math.max(1, Math.ceil((nodes * busiest) / target));
  const forMemory = Math.max(1, Math.ceil(bytes / (nodeBytes * target)));
  const needed = Math.max(forTraffic, forMemory, replicas);
  return { nodes: needed, forTraffic, forMemory, limit: needed === forTraffic ? 'traffic' : needed === forMemory ? 'memory' : 'replicas' };
}

function countSlots(map: ShardMap): number[] {
  const counts = map.members.map(() => 0);
  for (const set of map.slots) for (const member of map.sets[set] ?? []) counts[member] = (counts[member] ?? 0) + 1;
  return counts;
}

/** Busiest ÷ mean over so many members. */
function imbalance(loads: readonly number[], members: number): number {
  const total = loads.reduce((sum, load) => sum + load, 0);
  return total === 0 ? 1 : (Math.max(...loads) * members) / total;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
