/** How long a member that failed is avoided at first, and at most. */
const firstMs = 50;
const longestMs = 2000;

/**
 * Which members are avoided because they failed: for a while that doubles with each failure of a probe. Probes are ordinary reads, one at a time: whoever
 * asks a member whose time is over lets the others avoid it until it has answered. By place of the member.
 */
export class Suspicion {
  readonly #avoidedUntil: number[] = [];
  readonly #avoidMs: number[] = [];
  #suspects = 0;

  /** Whether any member is suspected. */
  get any(): boolean {
    return this.#suspects > 0;
  }

  /** Whether a member has failed and not answered since. */
  isSuspected(place: number): boolean {
    return this.#suspects > 0 && (this.#avoidMs[place] ?? 0) > 0;
  }

  /** Whether a member should not be asked now. */
  isAvoided(place: number, now: number): boolean {
    return this.isSuspected(place) && now < (this.#avoidedUntil[place] as number);
  }

  /** A member failed. What fails while it is avoided anyway says nothing new. */
  failed(place: number, now: number): void {
    const before = this.#avoidMs[place] ?? 0;
    if (before > 0 && now < (this.#avoidedUntil[place] as number)) return;
    if (before === 0) this.#suspects += 1;
    const avoidMs = before === 0 ? firstMs : Math.min(longestMs, 2 * before);
    this.#avoidMs[place] = avoidMs;
    this.#avoidedUntil[place] = now + avoidMs;
  }

  /** A probe under way has failed: its own reservation does not hide that. */
  probeFailed(place: number, now: number): void {
    this.#avoidedUntil[place] = now;
    this.failed(place, now);
  }

  /** A member is asked. True: as a probe. */
  asked(place: number, now: number): boolean {
    if (!this.isSuspected(place) || now < (this.#avoidedUntil[place] as number)) return false;
    this.#avoidedUntil[place] = now + (this.#avoidMs[place] as number);
    return true;
  }

  /** A member answered, or is no longer of interest. */
  cleared(place: number): void {
    if (!this.isSuspected(place)) return;
    this.#avoidMs[place] = 0;
    this.#suspects -= 1;
  }
}
