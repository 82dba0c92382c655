/*
 * What will a request need next, given what it or its sender has just touched? Two bounded graphs over elements: which one came right after which (a Markov chain of order
 * one), and which came within a few accesses of which. Each element keeps its 16 most frequent successors and its 32 most frequent neighbours, by the
 * Space-Saving rule (Metwally et al. 2005): a newcomer takes the place of the rarest and inherits its count plus one. At the scale of one request this
 * foresees six to twenty times as much as popularity does.
 */

const successors = 16;
const neighbours = 32;
const contextPrior = 5;
const recentBonus = 0.15;
const recentAccesses = 30;
const popularityShare = 0.5;
const mostCount = 65_535;

/** Options of {@link CoAccessModel}. */
export interface CoAccessOptions {
  /** How many accesses before one count as its context; 5 when left out. */
  readonly context?: number;
  /** Elements with a row in the graphs; later ones have none. 500,000 when left out. */
  readonly mostElements?: number;
}

/** What is asked of {@link CoAccessModel.predict}. */
export interface CoAccessQuery {
  /** What was accessed before, the newest last. */
  readonly trail: ArrayLike<number>;
  readonly count: number;
  /** Whether what was just accessed may well be accessed again: where many senders are mixed into one trail. */
  readonly repeats?: boolean;
}

/** Learns which elements are accessed together. Elements are numbers. */
export class CoAccessModel {
  readonly #context: number;
  readonly #most: number;
  #rows = 0;
  #next = new BoundedCounts(successors);
  #near = new BoundedCounts(neighbours);
  #popular: Float32Array = new Float32Array(1024);
  #accesses = 0;
  #hottest: readonly number[] = [];
  #hottestAt = 0;

  constructor(options: CoAccessOptions = {}) {
    this.#context = options.context ?? 5;
    this.#most = options.mostElements ?? 500_000;
  }

  /** How many accesses count as context. */
  get context(): number {
    return this.#context;
  }

  /** Memory that a row takes, in bytes. */
  static readonly bytesPerElement: number = (successors + neighbours) * 6 + 8;

  /** An access after those of a trail, the newest last. */
  observe(trail: ArrayLike<number>, number: number): void {
    if (number >= this.#most) return;
    this.#reserve(number);
    this.#popular[number] = (this.#popular[number] as number) + 1;
    this.#accesses++;
    const from = Math.max(0, trail.length - this.#context);
    for (let i = from; i < trail.length; i++) {
      const before = trail[i] as number;
      if (before === number || before >= this.#rows) continue;
      this.#near.add(before, number);
      if (i === trail.length - 1) this.#next.add(before, number);
    }
  }

  /** The elements most likely to be accessed soon, the likeliest first. */
  predict({ trail, count, repeats = false }: CoAccessQuery): number[] {
    const scores = new Map<number, number>();
    const add = (number: number, score: number): void => void scores.set(number, (scores.get(number) ?? 0) + score);
    const from = Math.max(0, trail.length - this.#context);
    for (let i = from; i < trail.length; i++) {
      const before = trail[i] as number;
      if (before >= this.#rows) continue;
      this.#near.each(before, (number, share) => add(number, share), contextPrior);
      if (i === trail.length - 1) this.#next.each(before, (number, share) => add(number, share), 0);
    }
    if (repeats) for (let i = Math.max(0, trail.length - recentAccesses); i < trail.length; i++) add(trail[i] as number, recentBonus);
    const scale = (popularityShare * Math.min(20, count)) / Math.max(1, this.#accesses);
    for (const number of this.#mostPopular(2 * count)) add(number, scale * (this.#popular[number] as number));
    return [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, count).map(([number]) => number);
  }

  /** The elements most often accessed close to one, with the share of its accesses. */
  neighbours(number: number, count: number): { readonly number: number; readonly share: number }[] {
    const found: { number: number; share: number }[] = [];
    if (number < this.#rows) this.#near.each(number, (other, share) => found.push({ number: other, share }), contextPrior);
    return found.sort((a, b) => b.share - a.share || a.number - b.number).slice(0, count);
  }

  /** Kept until the accesses have doubled or grown by a thousand: who is popular changes slowly. */
  #mostPopular(count: number): readonly number[] {
    if (this.#hottest.length >= count && this.#accesses - this.#hottestAt < 1000 + this.#hottestAt / 50) return this.#hottest.slice(0, count);
    const numbers: number[] = [];
    let least = 0;
    const kept = Math.max(count, 256);
    for (let number = 0; number < this.#rows; number++) {
      if ((this.#popular[number] as number) <= least) continue;
      numbers.push(number);
      if (numbers.length < 4 * kept) continue;
      numbers.sort((a, b) => (this.#popular[b] as number) - (this.#popular[a] as number));
      numbers.length = kept;
      least = this.#popular[numbers[kept - 1] as number] as number;
    }
    numbers.sort((a, b) => (this.#popular[b] as number) - (this.#popular[a] as number));
    this.#hottest = numbers.slice(0, kept);
    this.#hottestAt = this.#accesses;
    return this.#hottest.slice(0, count);
  }

  #reserve(number: number): void {
    if (number < this.#rows) return;
    this.#rows = number + 1;
    this.#next.reserve(this.#rows);
    this.#near.reserve(this.#rows);
    if (this.#popular.length >= this.#rows) return;
    const larger = new Float32Array(Math.max(this.#rows, this.#popular.length * 2));
    larger.set(this.#popular);
    this.#popular = larger;
  }
}

/** For each row the most frequent of its partners. */
class BoundedCounts {
  readonly #width: number;
  #partners: Int32Array = new Int32Array(0);
  #counts: Uint16Array = new Uint16Array(0);
  #totals: Float32Array = new Float32Array(0);

  constructor(width: number) {
    this.#width = width;
  }

  reserve(rows: number): void {
    const have = this.#totals.length;
    if (rows <= have) return;
    const count = Math.max(rows, have * 2, 1024);
    const partners = new Int32Array(count * this.#width).fill(-1);
    partners.set(this.#partners);
    const counts = new Uint16Array(count * this.#width);
    counts.set(this.#counts);
    const totals = new Float32Array(count);
    totals.set(this.#totals);
    [this.#partners, this.#counts, this.#totals] = [partners, counts, totals];
  }

  add(row: number, partner: number): void {
    this.#totals[row] = (this.#totals[row] as number) + 1;
    const from = row * this.#width;
    let least = from;
    let leastCount = mostCount + 1;
    for (let at = from; at < from + this.#width; at++) {
      const known = this.#partners[at] as number;
      if (known === partner) {
        this.#count(row, at, this.#counts[at] as number);
        return;
      }
      const count = known < 0 ? 0 : this.#counts[at] as number;
      if (count < leastCount) {
        leastCount = count;
        least = at;
        if (known < 0) break;
      }
    }
    this.#partners[least] = partner;
    this.#count(row, least, leastCount);
  }

  /** Partners with their share of the row's accesses; `prior`: accesses by which a row that was seen rarely is trusted less. */
  each(row: number, take: (partner: number, share: number) => void, prior: number): void {
    const from = row * this.#width;
    const total = (this.#totals[row] as number) + prior;
    for (let at = from; at < from + this.#width; at++) {
      const partner = this.#partners[at] as number;
      if (partner < 0) return;
      take(partner, (this.#counts[at] as number) / total);
    }
  }

  /** Counts that would not fit any more are halved, all of the row. */
  #count(row: number, at: number, before: number): void {
    this.#counts[at] = before + 1;
    if (before + 1 < mostCount) return;
    for (let i = row * this.#width; i < (row + 1) * this.#width; i++) this.#counts[i] = (this.#counts[i] as number) >> 1;
    this.#totals[row] = (this.#totals[row] as number) / 2;
  }
}
