/**
 * Which state nodes to ask, so that a request touches few of them: a greedy set cover over the replica sets (Chvátal 1979: at most ln n + 1 times the
 * minimum), in which a member with more than its share of the load counts for less. What every member of the request owns does not decide: it rides
 * along to the least loaded member chosen. Pure: the same owners and loads give the same answer.
 */

/** How much of what a member covers is discounted when its load is twice the mean. */
const loadWeight = 0.5;

/** Load, in items, below which differences mean nothing: a client that asks little looks for few nodes, not for balance. */
const idleLoad = 200;

/** Of these members the least loaded; of equals the first. -1: there is none. */
export function leastLoaded(members: readonly number[], load: ArrayLike<number>): number {
  let best = -1;
  for (const member of members) if (best < 0 || (load[member] as number) < (load[best] as number)) best = member;
  return best;
}

/**
 * The one member to ask for everything; -1: none owns everything, or the one that does is so loaded that others are better.
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
  const others = owners.length - 1;
  return best < 0 || (others > 0 && score(owners.length, load[best] as number, mean) < others) ? -1 : best;
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
    const driver = leastLoaded(chosen.length > 0 ? chosen : this.#members, this.#load);
    for (const item of riders) asked[item] = driver;
    return asked;
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

  /** The member with the best score; where all are overloaded, the least loaded one. */
  #best(): number {
    const useful = this.#members.filter((member) => (this.#covers[member] as number) > 0);
    let best = -1;
    let bestScore = 0;
    for (const member of useful) {
      const load = this.#load[member] as number;
      const value = score(this.#covers[member] as number, load, this.#mean);
      // Of equals the one with less to do: replicas share the load without a draw.
      if (value > bestScore || (best >= 0 && value === bestScore && load < (this.#load[best] as number))) [best, bestScore] = [member, value];
    }
    return best < 0 ? leastLoaded(useful, this.#load) : best;
  }
}

function score(covered: number, load: number, mean: number): number {
  const excess = (load - mean) / (mean + idleLoad);
  return excess > 0 ? covered * (1 - loadWeight * excess) : covered;
}
