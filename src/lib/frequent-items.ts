/*
 * The most frequent of any number of items, in bounded memory: Space-Saving (Metwally, Agrawal & El Abbadi 2005). Where no counter is free, the item takes over the
 * smallest one with its count, and remembers it as what the count may be too high by. What was seen more often than total ÷ counters is always among those kept.
 */

/** An item with its count: at most `count`, at least `count − error`. */
export interface FrequentItem {
  readonly item: number;
  readonly count: number;
  readonly error: number;
}

/** Counts 32-bit items with so many counters. The counters are a heap, the smallest on top. */
export class FrequentItems {
  readonly #items: Float64Array;
  readonly #counts: Float64Array;
  readonly #errors: Float64Array;
  /** Counter at each place of the heap, and the place of each counter. */
  readonly #heap: Uint32Array;
  readonly #places: Uint32Array;
  readonly #counters = new Map<number, number>();
  #total = 0;

  constructor(capacity: number) {
    this.#items = new Float64Array(capacity);
    this.#counts = new Float64Array(capacity);
    this.#errors = new Float64Array(capacity);
    this.#heap = new Uint32Array(capacity);
    this.#places = new Uint32Array(capacity);
  }

  /** All that was counted. */
  get total(): number {
    return this.#total;
  }

  /** Counts an item once, or so often; returns its sure count. */
  add(item: number, count: number = 1): number {
    this.#total += count;
    const known = this.#counters.get(item);
    if (known !== undefined) {
      const raised = (this.#counts[known] as number) + count;
      this.#counts[known] = raised;
      this.#sink(this.#places[known] as number);
      return raised - (this.#errors[known] as number);
    }
    if (this.#counters.size < this.#items.length) this.#take(item, count);
    else this.#takeOver(item, count);
    return count;
  }

  /** Forgets everything. */
  clear(): void {
    this.#counters.clear();
    this.#total = 0;
  }

  /** The items kept, in no order. */
  *[Symbol.iterator](): Generator<FrequentItem> {
    for (const [item, counter] of this.#counters) yield { item, count: this.#counts[counter] as number, error: this.#errors[counter] as number };
  }

  #take(item: number, count: number): void {
    const counter = this.#counters.size;
    this.#counters.set(item, counter);
    this.#items[counter] = item;
    this.#counts[counter] = count;
    this.#errors[counter] = 0;
    this.#rise(counter, counter);
  }

  #takeOver(item: number, count: number): void {
    const counter = this.#heap[0] as number;
    this.#counters.delete(this.#items[counter] as number);
    this.#counters.set(item, counter);
    this.#items[counter] = item;
    this.#errors[counter] = this.#counts[counter] as number;
    this.#counts[counter] = (this.#counts[counter] as number) + count;
    this.#sink(0);
  }

  #rise(from: number, counter: number): void {
    const count = this.#counts[counter] as number;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#heap[above] as number;
      if ((this.#counts[other] as number) <= count) break;
      this.#put(place, other);
      place = above;
    }
    this.#put(place, counter);
  }

  #sink(from: number): void {
    const size = this.#counters.size;
    const counter = this.#heap[from] as number;
    const count = this.#counts[counter] as number;
    let place = from;
    for (let below = 2 * place + 1; below < size; below = 2 * place + 1) {
      if (below + 1 < size && this.#countAt(below + 1) < this.#countAt(below)) below += 1;
      if (this.#countAt(below) >= count) break;
      this.#put(place, this.#heap[below] as number);
      place = below;
    }
    this.#put(place, counter);
  }

  #countAt(place: number): number {
    return this.#counts[this.#heap[place] as number] as number;
  }

  #put(place: number, counter: number): void {
    this.#heap[place] = counter;
    this.#places[counter] = place;
  }
}
