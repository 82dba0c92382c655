/**
 * The time of a case as its state sees it: the moment its request came, and from there what the service sees too. Where the service's
 * clock stands still but for its timers (the preload's), this one stands still, and moves when a command says that the service's has moved, or
 * when a wait of ours is over. Where the service's clock runs, this one runs on likewise. So expiry, and moments that the service stores, are of one time.
 * A service whose clock could not be set lives in real time: how far ahead that is is known, and its points in time are brought over (service-time.ts).
 */
export class CaseClock {
  readonly startedAt: number;
  readonly #how: 'stands' | 'runs' | 'runs beside';
  #aheadMs = 0;
  #steadyStart: number | undefined;
  #now: number;

  /** @param startedAt Unix ms @param how `runs beside`: the service's own clock is the real one */
  constructor(startedAt: number, how: 'stands' | 'runs' | 'runs beside') {
    this.startedAt = startedAt;
    this.#now = startedAt;
    this.#how = how;
  }

  /** From now on a clock that runs does; until then it stands at its start. */
  start(): void {
    if (this.#how === 'stands' || this.#steadyStart !== undefined) return;
    this.#steadyStart = performance.now();
    if (this.#how === 'runs beside') this.#aheadMs = Date.now() - this.startedAt;
  }

  /** How far the service's clock is ahead of this one, ms. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Unix ms. */
  now(): number {
    return this.#steadyStart === undefined ? this.#now : this.startedAt + Math.floor(performance.now() - this.#steadyStart);
  }

  /** Brings a clock that stands still to `unixMs`, never back; one that runs goes its way. */
  reach(unixMs: number): void {
    if (this.#how === 'stands' && unixMs > this.#now) this.#now = unixMs;
  }
}
