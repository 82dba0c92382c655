/** How long it takes until what was asked counts for half. */
const halfLifeMs = 1000;
/** How often the counters are halved a little. */
const decayEveryMs = 125;

/**
 * How much each member was asked lately: items asked, which fade with a half-life of a second, and those not answered once more. The client's own
 * counters, by place of the member; each relative to the member's capacity.
 */
export class ReadLoads {
  #relative: Float64Array = new Float64Array(8);
  #capacity: Float64Array = new Float64Array(8);
  #open: Float64Array = new Float64Array(8);
  #current: readonly number[] = [];
  #asked = 0;
  #capacities = 0;
  #decayedAt = 0;

  /** For each member its load in items, relative to its capacity. */
  get relative(): Float64Array {
    return this.#relative;
  }

  /** The mean load of the members of the map. */
  get mean(): number {
    return this.#capacities === 0 ? 0 : this.#asked / this.#capacities;
  }

  /** Items that a member was asked for and has not answered. */
  open(place: number): number {
    return this.#open[place] ?? 0;
  }

  /** Which members make up the mean from now on. */
  use(members: readonly { readonly place: number; readonly capacity: number }[]): void {
    const size = Math.max(this.#relative.length, ...members.map(({ place }) => place + 1));
    if (size > this.#relative.length) [this.#relative, this.#capacity, this.#open] = [grown(this.#relative, size), grown(this.#capacity, size), grown(this.#open, size)];
    for (const { place, capacity } of members) {
      const before = this.#capacity[place] as number;
      if (before > 0) this.#relative[place] = (this.#relative[place] as number) * before / capacity;
      this.#capacity[place] = capacity;
    }
    this.#current = members.map(({ place }) => place);
    this.#sum();
  }

  /** Counts items a member is asked for. */
  begin(place: number, items: number): void {
    this.#open[place] = (this.#open[place] as number) + items;
    this.#add(place, 2 * items);
  }

  /** Counts an answer, or a failure. */
  end(place: number, items: number): void {
    this.#open[place] = (this.#open[place] as number) - items;
    this.#add(place, -items);
  }

  /** Lets what was asked fade; cheap to call often. */
  decay(now: number): void {
    const passedMs = now - this.#decayedAt;
    if (passedMs < decayEveryMs) return;
    this.#decayedAt = now;
    const kept = 0.5 ** (passedMs / halfLifeMs);
    for (let place = 0; place < this.#relative.length; place++) {
      const capacity = this.#capacity[place] as number;
      if (capacity === 0) continue;
      const open = (this.#open[place] as number) / capacity; // does not fade: it is being worked on
      this.#relative[place] = open + ((this.#relative[place] as number) - open) * kept;
    }
    this.#sum();
  }

  #add(place: number, items: number): void {
    this.#relative[place] = (this.#relative[place] as number) + items / (this.#capacity[place] as number);
    this.#asked += items;
  }

  #sum(): void {
    this.#asked = 0;
    this.#capacities = 0;
    for (const place of this.#current) {
      const capacity = this.#capacity[place] as number;
      this.#asked += (this.#relative[place] as number) * capacity;
      this.#capacities += capacity;
    }
  }
}

function grown(old: Float64Array, size: number): Float64Array {
  const bigger = new Float64Array(2 * size);
  bigger.set(old);
  return bigger;
}
