import type { Prng } from '../../lib/prng.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How bad a network is. */
export interface NetworkQuality {
  /** Share of messages that take so long that others overtake them. */
  readonly slow: number;
  /** Shares of messages that are lost, and that come twice. */
  readonly drop: number;
  readonly duplicate: number;
}

const perfect: NetworkQuality = { slow: 0, drop: 0, duplicate: 0 };

/** A network that delays, reorders, loses and doubles messages, and is cut between some. Who is down receives nothing. */
export class LossyNetwork {
  readonly #time: VirtualTime;
  readonly #prng: Prng;
  readonly #cuts = new Map<string, number>();
  readonly #down = new Set<string>();
  #quality: NetworkQuality = perfect;

  constructor(time: VirtualTime, prng: Prng) {
    this.#time = time;
    this.#prng = prng;
  }

  /** From now on the wires are this bad. */
  degrade(quality: NetworkQuality): void {
    this.#quality = quality;
  }

  /** Cuts the wire between two, both ways, for so long. */
  cut(a: string, b: string, ms: number): void {
    for (const wire of [`${a} ${b}`, `${b} ${a}`]) this.#cuts.set(wire, Math.max(this.#cuts.get(wire) ?? 0, this.#time.now + ms));
  }

  /** Joins everything again, from now on without loss. */
  heal(): void {
    this.#cuts.clear();
    this.#quality = perfect;
  }

  setDown(name: string, down: boolean): void {
    if (down) this.#down.add(name);
    else this.#down.delete(name);
  }

  isDown(name: string): boolean {
    return this.#down.has(name);
  }

  /** Sends a request and brings the answer back; what is lost on the way never settles. The request may be carried out twice. */
  call<T>(from: string, to: string, carryOut: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const deliver = (): void => {
        carryOut().then(
          (value) => this.#send(to, from, () => resolve(value)),
          (error: unknown) => this.#send(to, from, () => reject(error)),
        );
      };
      this.#send(from, to, deliver);
      if (this.#prng.next() < this.#quality.duplicate) this.#time.after(300 * this.#prng.next(), () => this.#send(from, to, deliver));
    });
  }

  #send(from: string, to: string, deliver: () => void): void {
    if (this.#prng.next() < this.#quality.drop || this.#isCut(from, to) || this.#down.has(from)) return;
    const delay = this.#prng.next() < this.#quality.slow ? 400 * this.#prng.next() : 1 + 19 * this.#prng.next();
    this.#time.after(delay, () => {
      if (!this.#down.has(to) && !this.#isCut(from, to)) deliver();
    });
  }

  #isCut(from: string, to: string): boolean {
    return (this.#cuts.get(`${from} ${to}`) ?? 0) > this.#time.now;
  }
}
