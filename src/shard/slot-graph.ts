import { slotOfHash } from '../model/directory.ts';
import { slotCount } from '../model/shard-map.ts';
import { bySlot, within, type Workload } from './workload.ts';

/**
 * Slots that anything is expected of, and which of them requests touch together: a hypergraph in compressed sparse rows, both ways. Vertices are slots, by number
 * of the vertex; edges are groups of at least two slots.
 */
export interface SlotGraph {
  readonly slots: Uint16Array;
  /** By slot its vertex; -1: nothing is expected of it. */
  readonly vertexOf: Int32Array;
  /** By vertex: expected accesses, and elements. */
  readonly loads: Float64Array;
  readonly elements: Float64Array;
  readonly edges: number;
  readonly weights: Float64Array;
  readonly pinStarts: Uint32Array;
  readonly pins: Uint32Array;
  readonly edgeStarts: Uint32Array;
  readonly edgesOf: Uint32Array;
}

/** Numbers that the search may hold in memory: edges times members, and slots times members; with more slots than that it is not asked to group them. */
const mostCounts = 2 ** 27;
const mostCosts = 2 ** 26;

/** The graph of a workload without some tags (those that every member holds need no place). */
export function slotGraph(workload: Workload, members: number, leftOut: ReadonlySet<number>): SlotGraph {
  const loads = bySlot(workload, workload.loads, leftOut);
  const elements = bySlot(workload, workload.elements);
  const used = new Uint8Array(slotCount);
  for (const hash of workload.hashes) used[slotOfHash(hash)] = 1;
  const slots = Uint16Array.from({ length: slotCount }, (_, slot) => slot).filter((slot) => used[slot] === 1);
  const vertexOf = new Int32Array(slotCount).fill(-1);
  for (const [vertex, slot] of slots.entries()) vertexOf[slot] = vertex;
  const { pins, pinStarts, weights } = edgesOf(workload, vertexOf, { leftOut, mostEdges: slots.length * members > mostCosts ? 0 : Math.floor(mostCounts / members) });
  const ofSlots = (values: Float64Array): Float64Array => Float64Array.from(slots, (slot) => values[slot] as number);
  return { slots, vertexOf, loads: ofSlots(loads), elements: ofSlots(elements), edges: weights.length, weights, pinStarts, pins, ...transposed(pins, pinStarts, slots.length) };
}

/** Groups as edges between slots; those within one slot cost nothing and are left out, as are the lightest beyond what memory allows. */
function edgesOf(workload: Workload, vertexOf: Int32Array, { leftOut, mostEdges }: { leftOut: ReadonlySet<number>; mostEdges: number }): Pick<SlotGraph, 'pins' | 'pinStarts' | 'weights'> {
  const { starts, tags } = workload.groups;
  const vertices = Int32Array.from(workload.hashes, (hash) => vertexOf[slotOfHash(hash)] as number);
  const pins = new Uint32Array(tags.length);
  const pinStarts: number[] = [0];
  const weights: number[] = [];
  let end = 0;
  for (let group = 0; group + 1 < starts.length && weights.length < mostEdges; group++) {
    const from = end;
    for (let at = starts[group] as number; at < (starts[group + 1] as number); at++) {
      const tag = tags[at] as number;
      const vertex = vertices[tag] as number;
      if (!leftOut.has(tag) && !within(pins, from, end, vertex)) pins[end++] = vertex;
    }
    if (end - from < 2) end = from;
    else {
      weights.push(workload.groups.weights[group] as number);
      pinStarts.push(end);
    }
  }
  return { pins: pins.slice(0, end), pinStarts: Uint32Array.from(pinStarts), weights: Float64Array.from(weights) };
}

function transposed(pins: Uint32Array, pinStarts: Uint32Array, vertices: number): Pick<SlotGraph, 'edgeStarts' | 'edgesOf'> {
  const edgeStarts = new Uint32Array(vertices + 1);
  for (const vertex of pins) edgeStarts[vertex + 1] = (edgeStarts[vertex + 1] as number) + 1;
  for (let vertex = 0; vertex < vertices; vertex++) edgeStarts[vertex + 1] = (edgeStarts[vertex + 1] as number) + (edgeStarts[vertex] as number);
  const next = edgeStarts.slice();
  const edgesOf = new Uint32Array(pins.length);
  for (let edge = 0; edge + 1 < pinStarts.length; edge++) {
    for (let at = pinStarts[edge] as number; at < (pinStarts[edge + 1] as number); at++) {
      const vertex = pins[at] as number;
      const place = next[vertex] as number;
      edgesOf[place] = edge;
      next[vertex] = place + 1;
    }
  }
  return { edgeStarts, edgesOf };
}
