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
    for (const [vertex, load] of graph.loads.entries()) {
      if (load > 0) this.#offer(vertex, this.#gainOf(vertex, table.at(graph.slots[vertex] as number, 0)));
    }
    for (let best = this.#heap.pop(); best !== undefined; best = this.#heap.pop()) {
      if (this.#assignment.missing(this.#joiner) <= 0 || (memberLoads[this.#joiner] as number) >= (this.#loadShares[this.#joiner] as number)) return;
      const { item: vertex, key } = best;
      const from = table.at(graph.slots[vertex] as number, 0);
      const left = (memberLoads[from] as number) - (graph.loads[vertex] as number);
      if (key !== this.#gains[vertex] || from === this.#joiner || left < (this.#loadShares[from] as number) * giverKeeps) continue;
      this.#takeInFront(vertex, from);
    }
  }

  /** The joiner becomes the preferred owner; the one dropped is a further replica that has too many slots, else the preferred owner before. */
  #takeInFront(vertex: number, from: number): void {
    const slot = this.#search.graph.slots[vertex] as number;
    const set = this.#search.table.set(slot);
    const may = (place: number): boolean => this.#assignment.keepsZones(slot, place, this.#joiner);
    const held = set.indexOf(this.#joiner);
    const further = set.findLastIndex((member, place) => place > 0 && this.#assignment.isAbove(member) && may(place));
    const drop = held >= 0 ? held : further > 0 ? further : may(0) ? 0 : -1;
    if (drop < 0) return;
    this.#spread(vertex, from);
    this.#exchange(vertex, set[drop] as number, [this.#joiner, ...set.filter((_, place) => place !== drop)]);
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
    this.#search.score(vertex);
    return (this.#search.costs[from] as number) - (this.#search.costs[this.#joiner] as number);
  }

  #offer(vertex: number, gain: number): void {
    this.#gains[vertex] = gain;
    this.#heap.push(vertex, gain);
  }

  /** What moving a vertex from its preferred owner to the joiner does to the gains of its neighbours; before the move. */
  #spread(vertex: number, from: number): void {
    const { graph, table } = this.#search;
    for (let at = graph.edgeStarts[vertex] as number; at < (graph.edgeStarts[vertex + 1] as number); at++) {
      const edge = graph.edgesOf[at] as number;
      const weight = graph.weights[edge] as number;
      const nearer = weight * 0.5 ** (this.#search.countOn(edge, this.#joiner) + 1);
      const lonelier = weight * 0.5 ** (this.#search.countOn(edge, from) - 1);
      for (let pin = graph.pinStarts[edge] as number; pin < (graph.pinStarts[edge + 1] as number); pin++) {
        const other = graph.pins[pin] as number;
        if (other === vertex || graph.loads[other] === 0) continue;
        const owner = table.at(graph.slots[other] as number, 0);
        if (owner !== this.#joiner) this.#offer(other, (this.#gains[other] as number) + nearer + (owner === from ? lonelier : 0));
      }
    }
  }
}
