import { hasProc, numbersIn, readProc, readStat } from './proc.ts';

/** Environment variable that marks every process of an instance, also those that have left its process group. */
export const instanceVariable = 'FORESHARD_INSTANCE';

/**
 * The living processes of one instance: its process group and session, descendants, and whatever carries its mark in the environment
 * (a daemon that forked twice and made a session of its own has lost every other tie).
 */
export class ProcessTree {
  readonly #root: number;
  readonly #mark: string;
  readonly #besides: number | undefined;
  /** Every process seen, and whether it is ours: each is looked at once. */
  readonly #known = new Map<number, boolean>();
  #last: readonly number[] = [];

  /** `besides`: a process that carries the mark and is not the service's. */
  constructor(root: number, mark: string, besides?: number) {
    this.#root = root;
    this.#mark = `${instanceVariable}=${mark}`;
    this.#besides = besides;
  }

  /** Those that {@link members} gave last: some may have ended, others may have come. */
  get knownMembers(): readonly number[] {
    return this.#last;
  }

  /** Process ids, the root's too while it lives. Elsewhere than on Linux the root alone. */
  members(): number[] {
    if (!hasProc) return [this.#root];
    const alive = numbersIn('/proc');
    const ours: number[] = [];
    const current = new Set(alive);
    for (const pid of this.#known.keys()) {
      if (!current.has(pid)) this.#known.delete(pid);
    }
    // parents have lower numbers than their children except after a wrap-around: two passes settle that as well
    for (let pass = 0; pass < 2; pass++) {
      for (const pid of alive) {
        if (!this.#known.has(pid)) this.#classify(pid, pass === 1);
      }
    }
    for (const pid of alive) {
      if (this.#known.get(pid) === true && pid !== this.#besides) ours.push(pid);
    }
    this.#last = ours;
    return ours;
  }

  #classify(pid: number, last: boolean): void {
    if (pid === this.#root) {
      this.#known.set(pid, true);
      return;
    }
    const stat = readStat(`/proc/${pid}/stat`);
    if (stat === null) return;
    if (stat.group === this.#root || stat.session === this.#root || this.#known.get(stat.parent) === true) {
      this.#known.set(pid, true);
      return;
    }
    if (!last) return;
    const environment = readProc(`/proc/${pid}/environ`);
    this.#known.set(pid, environment !== null && `\0${environment}`.includes(`\0${this.#mark}\0`));
  }
}
