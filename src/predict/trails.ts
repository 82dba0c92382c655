/** Requests whose accesses are followed at the same time, at least. */
const followed = 20_000;

/** What each request has accessed so far, as numbers: for those that began last. */
export class Trails {
  /** Two generations: emptying one Map from its front would walk over all it has deleted. */
  #younger = new Map<string, number[]>();
  #older = new Map<string, number[]>();
  #lastName = '';
  #last: number[] = [];

  /** The trail of a request, to be added to; a new one where there is none. */
  of(name: string): number[] {
    if (name === this.#lastName) return this.#last;
    let trail = this.#younger.get(name);
    if (trail === undefined) {
      trail = this.#older.get(name) ?? [];
      if (this.#younger.size >= followed) {
        this.#older = this.#younger;
        this.#younger = new Map();
      }
      this.#younger.set(name, trail);
    }
    this.#lastName = name;
    this.#last = trail;
    return trail;
  }
}
