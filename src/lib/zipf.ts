/*
 * Draws from Zipf's law, P(rank) ∝ rank^−s, over any number of ranks in constant time and memory: rejection-inversion (Hörmann & Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", TOMACS 1996). Exponent 0 is the uniform distribution.
 */
import type { Prng } from './prng.ts';

/** Ranks summed one by one; beyond them the sum is close to an integral. */
const summed = 10_000;

/** Zipf's law with an exponent of 0 or more over ranks from 1 to `ranks`. */
export class Zipf {
  readonly #ranks: number;
  readonly #exponent: number;
  readonly #atFirst: number;
  readonly #atLast: number;
  readonly #shortcut: number;
  readonly #total: number;

  constructor(ranks: number, exponent: number) {
    this.#ranks = ranks;
    this.#exponent = exponent;
    this.#atFirst = this.#integral(1.5) - 1;
    this.#atLast = this.#integral(ranks + 0.5);
    this.#shortcut = 2 - this.#inverse(this.#integral(2.5) - 2 ** -exponent);
    this.#total = this.#sum(ranks);
  }

  /** The next rank, the most frequent one being 1. */
  draw(prng: Prng): number {
    for (;;) {
      const u = this.#atLast + prng.next() * (this.#atFirst - this.#atLast);
      const x = this.#inverse(u);
      const rank = Math.min(this.#ranks, Math.max(1, Math.round(x)));
      if (rank - x <= this.#shortcut || u >= this.#integral(rank + 0.5) - rank ** -this.#exponent) return rank;
    }
  }

  /** The probability of a rank. */
  share(rank: number): number {
    return rank ** -this.#exponent / this.#total;
  }

  /** The probability of the first so many ranks together. */
  shareOfFirst(ranks: number): number {
    return this.#sum(Math.min(ranks, this.#ranks)) / this.#total;
  }

  #sum(ranks: number): number {
    let sum = 0;
    const exact = Math.min(ranks, summed);
    for (let rank = 1; rank <= exact; rank++) sum += rank ** -this.#exponent;
    return ranks <= exact ? sum : sum + this.#integral(ranks + 0.5) - this.#integral(exact + 0.5);
  }

  /** ∫ x^−s, from 1. */
  #integral(x: number): number {
    const log = Math.log(x);
    const power = (1 - this.#exponent) * log;
    return Math.abs(power) < 1e-8 ? log * (1 + power / 2) : log * (Math.expm1(power) / power);
  }

  #inverse(value: number): number {
    const power = Math.max(-1, value * (1 - this.#exponent));
    return Math.exp(Math.abs(power) < 1e-8 ? value * (1 - power / 2) : value * (Math.log1p(power) / power));
  }
}
