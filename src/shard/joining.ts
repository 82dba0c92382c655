import { MaxHeap } from '../lib/max-heap.ts';
import { tally } from '../lib/tally.ts';
import type { Member } from '../model/shard-map.ts';
import type { AffinitySearch } from './affinity.ts';
import { sharesOf } from './shares.ts';
import type { SlotAssignment } from './slot-owners.ts';

/*
 * What a member that joins takes. Intuition: it must take its share and not one slot more, and if it takes them at random every request touches one member
 * more. So it grows a region: again and again the slot that is bound most to what it has already and least to where it is (greedy graph growing, Karypis and Kumar, SIAM J.
 * Sci. Comput. 1998), from members that have more than their share, until it has its share of the load; then copies of slots whose neighbours it got; then slots
 * of which nothing is known. Limits: one joiner after the other; a region once taken is only refined by the plans that follow.
 */

/** Load a giver keeps, as a share of what it should have: a little less than all, so that the last groups can be taken whole. */
const giverKeeps = 0.98;

/** Moves slots to a member that has none, exactly to its target. */
export class Joining {
  readonly #joiner: number;
  readonly #search: AffinitySearch;
  readonly #assignment: SlotAssignment;
  /** Load and elements that each member should have. */
  readonly #loadShares: Float64Array;
  readonly #storedShare: number;
  /** By vertex: what it costs where it is less what it would cost at the joiner. */
  readonly #gains: Float64Array;
  readonly #heap = new MaxHeap();

  constructor(joiner: number, members: readonly Member[], search: AffinitySearch, assignment: SlotAssignment) {
    const { graph, table } = search;
    const shares = sharesOf(members);
    const load = graph.loads.reduce((sum, value) => sum + value, 0);
    this.#joiner = joiner;
    this.#search = search;
    this.#assignment = assignment;
    this.#loadShares = shares.map((share) => load * share);
    this.#storedShare = graph.elements.reduce((sum, value) => sum + value, 0) * table.replicas * (shares[joiner] as number);
    this.#gains = new Float64Array(graph.slots.length);
  }

  /** Takes the region, the copies, and the slots that nothing is known of. */
  takeShare(): void {
    if (this.#assignment.missing(this.#joiner) <= 0) return;
    this.#takeRegion();
    this.#takeCopies();
    this.#assignment.level(this.#joiner, (slot) => this.#search.graph.vertexOf[slot] !== -1);
  }

  #takeRegion(): void {
    const { graph, table, memberLoads } = this.#search;
    for (const vertex of graph.loads.keys()) this.#offer(vertex);
    for (let best = this.#heap.pop(); best !== undefined; best = this.#heap.pop()) {
      if (this.#assignment.missing(this.#joiner) <= 0 || (memberLoads[this.#joiner] as number) >= (this.#loadShares[this.#joiner] as number)) return;
      const { item: vertex, key } = best;
      const from = table.at(graph.slots[vertex] as number, 0);
      const left = (memberLoads[from] as number) - (graph.loads[vertex] as number);
      if (key !== this.#gains[vertex] || from === this.#joiner || left < (this.#loadShares[from] as number) * giverKeeps) continue;
      this.#takeInFront(vertex);
    }
  }

  /** The joiner becomes the preferred owner; the one dropped is a further replica that has too many slots, else the preferred owner before. */
  #takeInFront(vertex: number): void {
    const slot = this.#search.graph.slots[vertex] as number;
    const set = this.#search.table.set(slot);
    const may = (place: number): boolean => this.#assignment.keepsZones(slot, place, this.#joiner);
    const held = set.indexOf(this.#joiner);
    const further = set.findLastIndex((member, place) => place > 0 && this.#assignment.isAbove(member) && may(place));
    const drop = held >= 0 ? held : further > 0 ? further : may(0) ? 0 : -1;
    if (drop < 0) return;
    this.#exchange(vertex, set[drop] as number, [this.#joiner, ...set.filter((_, place) => place !== drop)]);
    this.#offerNeighbours(vertex);
  }

  /** Copies of slots whose neighbours the joiner has now, until it holds its share of the elements. */
  #takeCopies(): void {
    const { graph, table, stored } = this.#search;
    if (table.replicas < 2) return;
    const last = table.replicas - 1;
    for (let vertex = 0; vertex < this.#gains.length; vertex++) this.#gains[vertex] = this.#gainOf(vertex, table.at(graph.slots[vertex] as number, last));
    const order = Array.from(this.#gains.keys()).sort((a, b) => (this.#gains[b] as number) - (this.#gains[a] as number) || a - b);
    for (const vertex of order) {
      if (this.#assignment.missing(this.#joiner) <= 0 || (stored[this.#joiner] as number) >= this.#storedShare) return;
      const slot = graph.slots[vertex] as number;
      const from = table.at(slot, last);
      if (table.holds(slot, this.#joiner) || !this.#assignment.isAbove(from) || !this.#assignment.keepsZones(slot, last, this.#joiner)) continue;
      this.#exchange(vertex, from, table.set(slot).with(last, this.#joiner));
    }
  }

  #exchange(vertex: number, dropped: number, set: readonly number[]): void {
    tally(this.#assignment.counts, dropped, -1);
    tally(this.#assignment.counts, this.#joiner, 1);
    this.#search.change(vertex, set);
  }

  #gainOf(vertex: number, from: number): number {
    return this.#search.costAt(vertex, from) - this.#search.costAt(vertex, this.#joiner);
  }

  #offer(vertex: number): void {
    const { graph, table } = this.#search;
    const owner = table.at(graph.slots[vertex] as number, 0);
    if (graph.loads[vertex] === 0 || owner === this.#joiner) return;
    const gain = this.#gainOf(vertex, owner);
    this.#gains[vertex] = gain;
    this.#heap.push(vertex, gain);
  }

  /** Offers the neighbours of a vertex that has moved again: they gain more now. */
  #offerNeighbours(vertex: number): void {
    const { edgeStarts, edgesOf, pinStarts, pins } = this.#search.graph;
    for (let at = edgeStarts[vertex] as number; at < (edgeStarts[vertex + 1] as number); at++) {
      const edge = edgesOf[at] as number;
      for (let pin = pinStarts[edge] as number; pin < (pinStarts[edge + 1] as number); pin++) this.#offer(pins[pin] as number);
    }
  }
}
