import { tally } from '../lib/tally.ts';

/*
 * Which replica is read for what. Intuition: the cost of a request is the state nodes it touches, so take the one that holds most of what is still wanted, and
 * again (greedy set cover, Chvátal 1979). One that carries more than its share of load counts for less, so that replicas level the load at no extra
 * node where they can. What every member holds asks for no node of its own: it rides along. Limits: greedy is at most ln n above the least cover; loads are
 * what the caller has counted itself.
 */

/** How much an overloaded member is avoided: at load/mean 1 + 1/3 it counts for nothing (facts measured with 3). */
const defaultLoadWeight = 3;

/** A member at less than its share is preferred by this much of an item: it only decides between equals. */
const idleBonus = 1e-3;

/** Chooses replicas for requests; holds buffers, so one is made per client and used again. */
export class ReplicaCover {
  readonly #members: number;
  readonly #loadWeight: number;
  readonly #covered: Int32Array;
  readonly #isChosen: Uint8Array;
  /** What this request adds to each member. */
  readonly #added: Int32Array;

  /** @param loadWeight 0: the fewest state nodes whatever their load */
  constructor(members: number, options: { readonly loadWeight?: number } = {}) {
    this.#members = members;
    this.#loadWeight = options.loadWeight ?? defaultLoadWeight;
    this.#covered = new Int32Array(members);
    this.#isChosen = new Uint8Array(members);
    this.#added = new Int32Array(members);
  }

  /**
   * For each item the member it is read from, -1 where it has no owner.
   * @param owners of each item, as indexes of members
   * @param loads of each member, relative to its capacity, in any unit
   */
  choose(owners: readonly ArrayLike<number>[], loads: ArrayLike<number>): number[] {
    const chosen = Array.from<number>({ length: owners.length }).fill(-1);
    this.#isChosen.fill(0);
    this.#added.fill(0);
    this.#covered.fill(0);
    const mean = meanOf(loads, this.#members);
    let left = 0;
    for (const set of owners) {
      if (this.#isEverywhere(set)) continue;
      if (set.length > 0) left++;
      for (let place = 0; place < set.length; place++) tally(this.#covered, set[place] as number, 1);
    }
    while (left > 0) left -= this.#take(this.#best(loads, mean), owners, chosen);
    this.#share(owners, loads, chosen);
    return chosen;
  }

  #isEverywhere(set: ArrayLike<number>): boolean {
    return set.length === this.#members;
  }

  #best(loads: ArrayLike<number>, mean: number): number {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let member = 0; member < this.#members; member++) {
      const covered = this.#covered[member] as number;
      if (covered === 0) continue;
      const above = mean > 0 ? (loads[member] as number) / mean - 1 : 0;
      const score = covered * (1 - this.#loadWeight * Math.max(0, above)) - idleBonus * above;
      if (score > bestScore) [best, bestScore] = [member, score];
    }
    // Where every score is negative, all that could be asked are overloaded: the least loaded then, not the one that covers least.
    return bestScore < 0 ? this.#leastLoaded(loads) : best;
  }

  #leastLoaded(loads: ArrayLike<number>): number {
    let best = -1;
    for (let member = 0; member < this.#members; member++) {
      if (this.#covered[member] !== 0 && (best < 0 || (loads[member] as number) < (loads[best] as number))) best = member;
    }
    return best;
  }

  /** Marks what this member covers; returns how many items. */
  #take(member: number, owners: readonly ArrayLike<number>[], chosen: number[]): number {
    let taken = 0;
    this.#isChosen[member] = 1;
    for (const [item, set] of owners.entries()) {
      if (chosen[item] !== -1 || this.#isEverywhere(set) || !holds(set, member)) continue;
      chosen[item] = member;
      taken++;
      for (let place = 0; place < set.length; place++) tally(this.#covered, set[place] as number, -1);
    }
    tally(this.#added, member, taken);
    return taken;
  }

  /** Gives each item that several chosen members hold to the least loaded of them; where none is chosen yet, to the least loaded there is. */
  #share(owners: readonly ArrayLike<number>[], loads: ArrayLike<number>, chosen: number[]): void {
    for (const [item, set] of owners.entries()) {
      let best = chosen[item] as number;
      if (set.length === 0 || (best !== -1 && set.length === 1)) continue;
      for (let place = 0; place < set.length; place++) {
        const member = set[place] as number;
        if (member !== best && this.#isChosen[member] === 1 && (best === -1 || this.#loadOf(member, loads) + 1 < this.#loadOf(best, loads))) best = this.#give(item, member, chosen);
      }
      if (best === -1) this.#isChosen[this.#give(item, leastOf(set, loads), chosen)] = 1;
    }
  }

  #loadOf(member: number, loads: ArrayLike<number>): number {
    return (loads[member] as number) + (this.#added[member] as number);
  }

  #give(item: number, member: number, chosen: number[]): number {
    const before = chosen[item] as number;
    if (before !== -1) tally(this.#added, before, -1);
    tally(this.#added, member, 1);
    chosen[item] = member;
    return member;
  }
}

function holds(set: ArrayLike<number>, member: number): boolean {
  for (let place = 0; place < set.length; place++) if (set[place] === member) return true;
  return false;
}

function leastOf(set: ArrayLike<number>, loads: ArrayLike<number>): number {
  let best = set[0] as number;
  for (let place = 1; place < set.length; place++) if ((loads[set[place] as number] as number) < (loads[best] as number)) best = set[place] as number;
  return best;
}

function meanOf(loads: ArrayLike<number>, members: number): number {
  let sum = 0;
  for (let member = 0; member < members; member++) sum += loads[member] as number;
  return sum / Math.max(1, members);
}
