import type { Prng } from '../lib/prng.ts';
import { Zipf } from '../lib/zipf.ts';
import { tagHash } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import type { StateKey } from '../model/state-key.ts';

/** What reads are drawn from. */
export interface SimulatedTrafficOptions {
  readonly elements: number;
  /** Exponent of Zipf's law; 0: all elements are read alike. */
  readonly zipf: number;
  /** Share of the 2,000 hottest elements that cold ones replace in each window. */
  readonly drift: number;
  /** Share of the reads that one cold element gets, in every second window. */
  readonly flash: number;
}

const hottest = 2000;
/** Elements that a heatmap lists one by one; the others are the rest that it knows of. */
const listed = 50_000;
/** Elements whose hash is remembered: the hotter ones are drawn again and again. */
const remembered = 1 << 22;

/** Reads of elements after Zipf's law, whose popularity drifts window by window. Elements go by the 32-bit hash of their tag. */
export class SimulatedTraffic {
  readonly #options: SimulatedTrafficOptions;
  readonly #zipf: Zipf;
  readonly #prng: Prng;
  /** Elements that are not at their own rank any more. */
  readonly #moved = new Map<number, number>();
  readonly #tags: Uint32Array;
  #flash = -1;

  constructor(options: SimulatedTrafficOptions, prng: Prng) {
    this.#options = options;
    this.#zipf = new Zipf(options.elements, options.zipf);
    this.#prng = prng;
    this.#tags = new Uint32Array(Math.min(options.elements, remembered));
  }

  /** What is known before the first window: true popularities, not a sample of them. */
  heatmap(): Heatmap {
    const { elements } = this.#options;
    const count = Math.min(elements, listed);
    const rows = Array.from({ length: count }, (_, element) => {
      const expected = [this.#zipf.share(element + 1) * 1e6];
      return { key: keyOf(element), pRead: [1], pWrite: [0], expected, low: expected, high: expected };
    });
    const rest = Math.max(0, 1 - this.#zipf.shareOfFirst(count)) * 1e6;
    return {
      kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'simulated', startMs: 0, bucketMs: 1000, buckets: 1, elements: rows, groups: [],
      rest: { elements: elements - count, expected: [rest] },
    };
  }

  /** Window by window popularity changes; the first one, number 0, is as the heatmap says. */
  beginWindow(window: number): void {
    const { elements, drift, flash } = this.#options;
    const hot = Math.min(hottest, Math.floor(elements / 2));
    const draw = (from: number, to: number): number => from + Math.floor(this.#prng.next() * (to - from));
    if (window > 0) for (let i = 0; i < Math.round(hot * drift); i++) this.#swap(draw(0, hot), draw(hot, elements));
    this.#flash = flash > 0 && window % 2 === 1 ? this.#elementAt(draw(Math.floor(elements / 2), elements)) : -1;
  }

  /** The tag of the next element read. */
  next(): number {
    if (this.#flash >= 0 && this.#prng.next() < this.#options.flash) return this.#tagOf(this.#flash);
    return this.#tagOf(this.#elementAt(this.#zipf.draw(this.#prng) - 1));
  }

  #elementAt(rank: number): number {
    return this.#moved.get(rank) ?? rank;
  }

  #swap(a: number, b: number): void {
    const [atA, atB] = [this.#elementAt(a), this.#elementAt(b)];
    this.#moved.set(a, atB);
    this.#moved.set(b, atA);
  }

  #tagOf(element: number): number {
    if (element >= this.#tags.length) return tagHash(keyOf(element));
    const known = this.#tags[element] as number;
    if (known !== 0) return known;
    return (this.#tags[element] = tagHash(keyOf(element)));
  }
}

/** A key of its own tag. */
function keyOf(element: number): StateKey {
  return `simulated:0/{${element}}`;
}
