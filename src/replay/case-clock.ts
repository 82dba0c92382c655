/**
 * The time of a case as its state sees it: the moment its request came, and from there what the service sees too. Where the service's
 * clock stands still but for its timers (the preload's), this one stands still, and moves when a command says that the service's has moved, or
 * when a wait of ours is over. Where the service's clock runs, this one runs on likewise. So expiry, and moments that the service stores, are of one time.
 */
export class CaseClock {
  readonly startedAt: number;
  readonly #runs: boolean;
  #steadyStart: number | undefined;
  #now: number;

  /** @param startedAt Unix ms */
  constructor(startedAt: number, how: 'runs' | 'stands') {
    this.startedAt = startedAt;
    this.#now = startedAt;
    this.#runs = how === 'runs';
  }

  /** From now on a clock that runs does; until then it stands at its start. */
  start(): void {
    if (this.#runs) this.#steadyStart ??= performance.now();
  }

  /** Unix ms. */
  now(): number {
    return this.#steadyStart === undefined ? this.#now : this.startedAt + Math.floor(performance.now() - this.#steadyStart);
  }

  /** Brings a clock that stands still to `unixMs`, never back; one that runs goes its way. */
  reach(unixMs: number): void {
    if (!this.#runs && unixMs > this.#now) this.#now = unixMs;
  }
}
