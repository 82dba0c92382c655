/*
 * How one reader shares its reads among replicas, by nothing but what it has sent itself: of two replicas drawn at random it takes the one it has loaded less (the
 * power of two choices, Mitzenmacher 2001). Readers that know nothing of each other do not run to the same replica, as they would after the last report of the least loaded one.
 */

/** What is left of the counts each time the map is planned anew: old loads say little. */
const kept = 0.95;

/** What this reader has sent to each member. */
export class LoadCounters {
  readonly #loads: Float64Array;

  constructor(members: number) {
    this.#loads = new Float64Array(members);
  }

  /** Counts items sent to a member. */
  add(member: number, items: number = 1): void {
    this.#loads[member] = (this.#loads[member] as number) + items;
  }

  /** Items sent to a member, older ones counting less. */
  of(member: number): number {
    return this.#loads[member] as number;
  }

  /** The same by member; it changes with what is counted. */
  get loads(): ArrayLike<number> {
    return this.#loads;
  }

  /** The mean over all members. */
  get mean(): number {
    return this.#loads.reduce((sum, load) => sum + load, 0) / Math.max(1, this.#loads.length);
  }

  /** Lets the past count less: call it with each new map. */
  decay(): void {
    for (let member = 0; member < this.#loads.length; member++) this.#loads[member] = (this.#loads[member] as number) * kept;
  }

  /**
   * The replica to read from: of two drawn at random, the less loaded one; −1 where there is none.
   * @param random gives the next number in [0, 1)
   */
  choose(replicas: readonly number[], random: () => number): number {
    const { length } = replicas;
    if (length < 2) return replicas[0] ?? -1;
    const first = length === 2 ? 0 : Math.floor(random() * length);
    const second = length === 2 ? 1 : (first + 1 + Math.floor(random() * (length - 1))) % length;
    const [a, b] = [replicas[first] as number, replicas[second] as number];
    return (this.#loads[b] as number) < (this.#loads[a] as number) ? b : a;
  }
}
