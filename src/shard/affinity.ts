import { tally } from '../lib/tally.ts';
import { shuffled, type Prng } from '../lib/prng.ts';
import type { Member } from '../model/shard-map.ts';
import { sharesOf, zonesOf } from './shares.ts';
import type { SlotGraph } from './slot-graph.ts';
import { nobody, type SlotTable } from './slot-table.ts';

export { loadOf } from './workload.ts';

/*
 * Keeps together what is accessed together. Intuition: every request that finds all it needs on one member is one round trip less. Method: local search on probabilistic
 * fan-out after the Social Hash Partitioner (Kabiljo et al., VLDB 2017, arXiv 1707.06665): a group with n(b) slots on member b costs Σ 1 − 0.5^n(b), counting preferred
 * owners; a slot goes to the member with the best gain, and its further replicas to the next best by the same gain, where load and storage allow.
 * A slot's owners are chosen at once, so a change of places among them costs nothing, while every owner that did not have the slot costs the inertia (one access saved) and, with a
 * map before, counts against the budget. Limits: single moves, no swaps between slots; a local optimum. Source: facts and measurements in docs/decisions/0008.
 */

/** What a further replica's nearness counts beside the preferred owner's. */
const secondWeight = 0.5;

/** Elements that a member may hold over its share, so that copies do not pile up where load is light. */
const storageSlack = 0.15;

/** Powers of one half for counts up to the largest group. */
const halves = Float64Array.from({ length: 257 }, (_, count) => 0.5 ** count);

/** Options of {@link AffinitySearch}. */
export interface AffinityOptions {
  readonly graph: SlotGraph;
  readonly members: readonly Member[];
  /** Changed in place. */
  readonly table: SlotTable;
  /** The owners before; undefined: nothing is there to be moved, so moves are free. */
  readonly home: SlotTable | undefined;
  /** Load of a member over its share at most: 0.1 is a tenth. */
  readonly imbalance: number;
  /** What an owner that did not have the slot must gain, in accesses. */
  readonly inertia: number;
  /** Slots whose owners may change. */
  readonly budget: number;
  readonly prng: Prng;
}

/** The state of a local search over the owners of slots. */
export class AffinitySearch {
  readonly graph: SlotGraph;
  readonly table: SlotTable;
  /** Expected load by preferred member, and elements held, by member. */
  readonly memberLoads: Float64Array;
  readonly stored: Float64Array;
  readonly loadCaps: Float64Array;
  readonly #home: SlotTable | undefined;
  readonly #inertia: number;
  readonly #budget: number;
  readonly #prng: Prng;
  readonly #members: number;
  readonly #zones: Uint16Array;
  readonly #zonesWanted: number;
  readonly #storageCaps: Float64Array;
  /** Slots of edge e whose preferred owner is m, at `e * members + m`. */
  readonly #onMember: Uint8Array;
  /** Σ weight · 0.5^(slots on m) over the edges of vertex v, at `v * members + m`: kept up to date move by move, since most sweeps move little. */
  readonly #costs: Float64Array;
  readonly #set: number[];
  /** Of the vertex looked at: what it costs at each member, and what taking it there costs. */
  readonly #near: Float64Array;
  readonly #taking: Float64Array;
  #changed = 0;

  constructor(options: AffinityOptions) {
    const { graph, members, table } = options;
    this.graph = graph;
    this.table = table;
    this.#home = options.home;
    this.#inertia = options.home === undefined ? 0 : options.inertia;
    this.#budget = options.budget;
    this.#prng = options.prng;
    this.#members = members.length;
    const { zones, count } = zonesOf(members);
    this.#zones = zones;
    this.#zonesWanted = Math.min(count, table.replicas);
    this.memberLoads = new Float64Array(members.length);
    this.stored = new Float64Array(members.length);
    this.#near = new Float64Array(members.length);
    this.#taking = new Float64Array(members.length);
    this.#set = Array.from({ length: table.replicas }, () => 0);
    this.#onMember = new Uint8Array(graph.edges * members.length);
    this.#costs = new Float64Array(graph.edges === 0 ? 0 : graph.slots.length * members.length);
    this.#countEdges();
    for (let vertex = 0; vertex < graph.slots.length; vertex++) {
      this.#enter(vertex, 1);
      if (this.#isChanged(vertex)) this.#changed++;
    }
    const shares = sharesOf(members);
    const load = graph.loads.reduce((sum, value) => sum + value, 0);
    const elements = graph.elements.reduce((sum, value) => sum + value, 0) * table.replicas;
    this.loadCaps = shares.map((share) => load * share * (1 + options.imbalance));
    this.#storageCaps = shares.map((share) => elements * share * (1 + storageSlack));
  }

  /** Slots that have other owners than before. */
  get changed(): number {
    return this.#changed;
  }

  /** Passes over all vertices in random order, each moving at once, until fewer than 0.1 % move; for a placement without a map before. */
  settle(passes: number): void {
    const order = this.#connected();
    for (let pass = 0; pass < passes; pass++) {
      let moves = 0;
      for (const vertex of shuffled(order, this.#prng)) if (this.improve(vertex)) moves++;
      if (moves * 1000 < order.length) break;
    }
  }

  /** Vertices that share an edge with others: for the rest one place is as good as another. */
  #connected(): number[] {
    const { slots, edgeStarts } = this.graph;
    return Array.from(slots.keys()).filter((vertex) => edgeStarts[vertex + 1] !== edgeStarts[vertex]);
  }

  /** Passes in which those that gain most come first, so that the budget goes where it helps most. */
  refine(passes: number): void {
    const gains = new Float64Array(this.graph.slots.length);
    const connected = this.#connected();
    for (let pass = 0; pass < passes; pass++) {
      for (const vertex of connected) gains[vertex] = this.#bestGain(vertex);
      const order = connected.filter((vertex) => (gains[vertex] as number) > minimalGain).sort((a, b) => (gains[b] as number) - (gains[a] as number) || a - b);
      let moves = 0;
      for (const vertex of order) if (this.improve(vertex)) moves++;
      if (moves * 1000 < gains.length) break;
    }
  }

  /** Gives the vertex the best owners there are, where that is a gain; whether it did. */
  improve(vertex: number): boolean {
    if (this.#bestGain(vertex) <= minimalGain) return false;
    return this.change(vertex, this.#set);
  }

  /** Gives the vertex these owners unless the budget is spent; whether it did. */
  change(vertex: number, set: readonly number[]): boolean {
    const slot = this.graph.slots[vertex] as number;
    const before = this.#isChanged(vertex) ? 1 : 0;
    const after = this.#home !== undefined && set.some((member) => this.#home?.holds(slot, member) === false) ? 1 : 0;
    if (after > before && this.#changed >= this.#budget) return false;
    this.#changed += after - before;
    this.rewrite(vertex, () => {
      for (const [place, member] of set.entries()) this.table.put(slot, place, member);
    });
    return true;
  }

  /** What it costs to give the vertex another preferred owner that has room, and the owners then; undefined: nobody has room. Costs may be negative. */
  relief(vertex: number): { readonly loss: number; readonly set: number[] } | undefined {
    const slot = this.graph.slots[vertex] as number;
    const preferred = this.table.at(slot, 0);
    const loss = -this.#bestGain(vertex, preferred);
    const [first] = this.#set;
    if (first === undefined || first === preferred || !this.#hasRoom(vertex, slot, 0, first)) return undefined;
    return { loss, set: [...this.#set] };
  }

  /** Whether a member stays under its cap as the preferred owner. */
  hasRoomForLoad(vertex: number, member: number): boolean {
    return (this.memberLoads[member] as number) + (this.graph.loads[vertex] as number) <= (this.loadCaps[member] as number);
  }

  /** Lets the owners of a slot be changed from outside, and counts them anew. */
  rewrite(vertex: number, change: () => void): void {
    const slot = this.graph.slots[vertex] as number;
    const before = this.table.at(slot, 0);
    this.#enter(vertex, -1);
    change();
    this.#enter(vertex, 1);
    this.#recount(vertex, before, this.table.at(slot, 0));
  }

  /** What the vertex would cost with this preferred owner: Σ weight · 0.5^(others of the group there) over its groups. */
  costAt(vertex: number, member: number): number {
    const cost = this.#costs[vertex * this.#members + member] ?? 0; // nothing is kept where there are no edges
    return this.table.at(this.graph.slots[vertex] as number, 0) === member ? 2 * cost : cost; // itself is not one of the others
  }

  /** The best owners of the vertex are then in #set; what they gain over those it has. */
  #bestGain(vertex: number, avoid = -1): number {
    const slot = this.graph.slots[vertex] as number;
    this.#lookAt(vertex, slot);
    let now = 0;
    for (let place = 0; place < this.table.replicas; place++) now += this.#costOf(place, this.table.at(slot, place));
    let best = 0;
    for (let place = 0; place < this.table.replicas; place++) {
      const member = this.#bestFor(vertex, slot, place, place === 0 ? avoid : -1);
      this.#set[place] = member;
      best += this.#costOf(place, member);
    }
    return now - best;
  }

  #lookAt(vertex: number, slot: number): void {
    const row = vertex * this.#members;
    for (let member = 0; member < this.#members; member++) this.#near[member] = this.#costs[row + member] ?? 0; // nothing is kept where there are no edges
    const preferred = this.table.at(slot, 0);
    this.#near[preferred] = 2 * (this.#near[preferred] as number); // itself is not one of the others
    this.#taking.fill(this.#inertia);
    for (let place = 0; place < this.table.replicas; place++) {
      const owner = this.#home?.at(slot, place) ?? nobody;
      if (owner !== nobody) this.#taking[owner] = 0;
    }
  }

  #costOf(place: number, member: number): number {
    return (this.#near[member] as number) * (place === 0 ? 1 : secondWeight) + (this.#taking[member] as number);
  }

  /** The member that costs least at this place of the set, of those with room and, where it is needed for availability, of a zone not in it yet. */
  #bestFor(vertex: number, slot: number, place: number, avoid: number): number {
    const mustBeNewZone = this.#zonesIn(place) + this.table.replicas - place <= this.#zonesWanted;
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let roomy = 1; roomy >= 0 && best < 0; roomy--) {
      for (let member = 0; member < this.#members; member++) {
        const cost = this.#costOf(place, member);
        if (cost >= bestCost || member === avoid || this.#inSet(member, place) || (mustBeNewZone && this.#hasZone(member, place)) || (roomy === 1 && !this.#hasRoom(vertex, slot, place, member))) continue;
        best = member;
        bestCost = cost;
      }
    }
    return best;
  }

  #hasRoom(vertex: number, slot: number, place: number, member: number): boolean {
    if (place === 0 && this.table.at(slot, 0) !== member && !this.hasRoomForLoad(vertex, member)) return false;
    return this.table.holds(slot, member) || (this.stored[member] as number) + (this.graph.elements[vertex] as number) <= (this.#storageCaps[member] as number);
  }

  #inSet(member: number, places: number): boolean {
    for (let place = 0; place < places; place++) if (this.#set[place] === member) return true;
    return false;
  }

  #hasZone(member: number, places: number): boolean {
    for (let place = 0; place < places; place++) if (this.#zones[this.#set[place] as number] === this.#zones[member]) return true;
    return false;
  }

  #zonesIn(places: number): number {
    let zones = 0;
    for (let place = 0; place < places; place++) if (!this.#hasZone(this.#set[place] as number, place)) zones++;
    return zones;
  }

  #isChanged(vertex: number): boolean {
    const home = this.#home;
    if (home === undefined) return false;
    const slot = this.graph.slots[vertex] as number;
    for (let place = 0; place < this.table.replicas; place++) if (!home.holds(slot, this.table.at(slot, place))) return true;
    return false;
  }

  /** Counts load and elements of the vertex in at its owners (1), or out (-1). */
  #enter(vertex: number, sign: 1 | -1): void {
    const { graph, table } = this;
    const slot = graph.slots[vertex] as number;
    for (let place = 0; place < table.replicas; place++) {
      const owner = table.at(slot, place);
      if (owner !== nobody) tally(this.stored, owner, sign * (graph.elements[vertex] as number));
    }
    const preferred = table.at(slot, 0);
    if (preferred !== nobody) tally(this.memberLoads, preferred, sign * (graph.loads[vertex] as number));
  }

  /** Counts and costs from nothing. */
  #countEdges(): void {
    const { graph: { edges, pinStarts, pins, slots, weights }, table } = this;
    const [counts, costs, members] = [this.#onMember, this.#costs, this.#members];
    for (let edge = 0; edge < edges; edge++) {
      const [from, to, weight] = [pinStarts[edge] as number, pinStarts[edge + 1] as number, weights[edge] as number];
      for (let at = from; at < to; at++) {
        const owner = table.at(slots[pins[at] as number] as number, 0);
        if (owner !== nobody) tally(counts, edge * members + owner, 1);
      }
      for (let at = from; at < to; at++) {
        const row = (pins[at] as number) * members;
        for (let member = 0; member < members; member++) costs[row + member] = (costs[row + member] as number) + weight * (halves[counts[edge * members + member] as number] as number);
      }
    }
  }

  /** Moves the preferred owner in the counts of all edges of the vertex, and with them the costs of its neighbours. */
  #recount(vertex: number, from: number, to: number): void {
    if (from === to) return;
    const { graph: { edgeStarts, edgesOf, pinStarts, pins, weights } } = this;
    const [counts, costs, members] = [this.#onMember, this.#costs, this.#members];
    const last = edgeStarts[vertex + 1] as number;
    for (let at = edgeStarts[vertex] as number; at < last; at++) {
      const edge = edgesOf[at] as number;
      const weight = weights[edge] as number;
      const lonelier = from === nobody ? 0 : weight * (halves[tally(counts, edge * members + from, -1) + 1] as number);
      const nearer = to === nobody ? 0 : weight * (halves[tally(counts, edge * members + to, 1)] as number);
      const end = pinStarts[edge + 1] as number;
      for (let pin = pinStarts[edge] as number; pin < end; pin++) {
        const row = (pins[pin] as number) * members;
        if (from !== nobody) costs[row + from] = (costs[row + from] as number) + lonelier;
        if (to !== nobody) costs[row + to] = (costs[row + to] as number) - nearer;
      }
    }
  }
}

/** Gains below this are rounding. */
const minimalGain = 1e-9;
