/**
 * Which state nodes to ask, so that a request touches few of them: a greedy set cover over the replica sets (Chvátal 1979: at most ln n + 1 times the
 * minimum) with prices: a member costs one, and more for each item the more it has had beyond the mean (dual ascent, as for Lagrangian relaxation of capacities: a price rises until
 * as much is sent elsewhere as was too much, so that load evens out and the fewest more nodes are asked for it). Of the members chosen each item goes to the least loaded one that owns it, which costs
 * nothing; what every member of the request owns does not decide, it rides along. Pure: the same owners and loads give the same answer.
 */

/** What an item costs, in nodes, at a member that has had twice the mean. */
const loadPrice = 0.2;

/** Items of the mean beyond which prices do not care: what was sent too much counts the same however long a reader has been reading. */
const longestMemory = 1000;

/** Load, in items, below which differences mean nothing: a client that asks little looks for few nodes, not for balance. */
const idleLoad = 200;

/** Of these members the least loaded; of equals the first. -1: there is none. */
export function leastLoaded(members: readonly number[], load: ArrayLike<number>): number {
  let best = -1;
  for (const member of members) if (best < 0 || (load[member] as number) < (load[best] as number)) best = member;
  return best;
}

/**
 * The one member to ask for everything; -1: none owns everything, or the price of all that is above what a second member costs.
 * @param owners for each item the members that own it
 * @param load for each member its load in items, relative to its capacity
 * @param mean of the loads
 */
export function oneForAll(owners: readonly (readonly number[])[], load: ArrayLike<number>, mean: number): number {
  let common = owners[0];
  if (common === undefined) return -1;
  let before = common;
  for (const set of owners) {
    if (set === before) continue;
    before = set;
    const wanted: readonly number[] = set;
    common = common.filter((member) => wanted.includes(member));
    if (common.length === 0) return -1;
  }
  const best = leastLoaded(common, load);
  const isDear = owners.length > 1 && priceOf(load[best] ?? 0, mean) * owners.length > 1;
  return isDear ? -1 : best;
}

/**
 * For each item the member to ask; -1: nobody owns it.
 * @param owners for each item the members that own it, each once
 * @param load for each member its load in items, relative to its capacity
 * @param mean of the loads
 */
export function setCover(owners: readonly (readonly number[])[], load: ArrayLike<number>, mean: number): Int32Array {
  const one = oneForAll(owners, load, mean);
  const asked = new Int32Array(owners.length).fill(one);
  return one >= 0 ? asked : new GreedyCover(owners, load, mean).run(asked);
}

class GreedyCover {
  readonly #owners: readonly (readonly number[])[];
  readonly #load: ArrayLike<number>;
  readonly #mean: number;
  /** Members that own any item. */
  readonly #members: number[];
  /** For each member how many items not covered yet it owns. */
  readonly #covers: Uint32Array;

  constructor(owners: readonly (readonly number[])[], load: ArrayLike<number>, mean: number) {
    this.#owners = owners;
    this.#load = load;
    this.#mean = mean;
    const members = new Set<number>();
    let before: readonly number[] = [];
    for (const set of owners) {
      if (set !== before) for (const member of set) members.add(member);
      before = set;
    }
    this.#members = [...members];
    this.#covers = new Uint32Array(Math.max(-1, ...this.#members) + 1);
  }

  run(asked: Int32Array): Int32Array {
    let left: number[] = [];
    const riders: number[] = [];
    for (const [item, set] of this.#owners.entries()) {
      if (set.length === 0) continue;
      if (set.length === this.#members.length) {
        riders.push(item);
        continue;
      }
      left.push(item);
      for (const member of set) this.#count(member, 1);
    }
    const chosen: number[] = [];
    while (left.length > 0) {
      const member = this.#best();
      chosen.push(member);
      left = left.filter((item) => !this.#take(item, member, asked));
    }
    if (chosen.length > 1) this.#share(chosen, asked);
    const driver = leastLoaded(chosen.length > 0 ? chosen : this.#members, this.#load);
    for (const item of riders) asked[item] = driver;
    return asked;
  }

  /** What several of the chosen own goes to the one of them with the least load, this request's included. */
  #share(chosen: readonly number[], asked: Int32Array): void {
    const given = this.#covers.fill(0);
    const loadOf = (member: number): number => (this.#load[member] as number) + (given[member] as number);
    for (const [item, member] of asked.entries()) {
      if (member < 0) continue;
      const set = this.#owners[item] as readonly number[];
      let best = member;
      for (const other of chosen) if (loadOf(other) < loadOf(best) && set.includes(other)) best = other;
      asked[item] = best;
      given[best] = (given[best] as number) + 1;
    }
  }

  /** Gives an item to a member, if the member owns it. */
  #take(item: number, member: number, asked: Int32Array): boolean {
    const set = this.#owners[item] as readonly number[];
    if (!set.includes(member)) return false;
    asked[item] = member;
    for (const owner of set) this.#count(owner, -1);
    return true;
  }

  #count(member: number, items: number): void {
    this.#covers[member] = (this.#covers[member] as number) + items;
  }

  /** The member that covers most for its price; of equals the one with less to do: replicas share the load without a draw. */
  #best(): number {
    let best = -1;
    let bestScore = 0;
    for (const member of this.#members) {
      const covered = this.#covers[member] as number;
      if (covered === 0) continue;
      const load = this.#load[member] as number;
      const value = score(covered, load, this.#mean);
      if (value > bestScore || (value === bestScore && load < (this.#load[best] as number))) [best, bestScore] = [member, value];
    }
    return best;
  }
}

/** Items covered for what it costs to ask the member for them. */
function score(covered: number, load: number, mean: number): number {
  return covered / (1 + priceOf(load, mean) * covered);
}

/** What an item costs at a member, in members asked. */
function priceOf(load: number, mean: number): number {
  return Math.max(0, (loadPrice * (load - mean)) / (Math.min(mean, longestMemory) + idleLoad));
}
