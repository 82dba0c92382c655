import { readlinkSync } from 'node:fs';
import { hasProc, numbersIn, readStat, readWholeProc } from './proc.ts';

/** Environment variable that marks every process of an instance, also those that have left its process group. */
export const instanceVariable = 'FORESHARD_INSTANCE';

/**
 * The living processes of one instance: its process groups and sessions, descendants, and whatever has been adopted by another parent but
 * carries its mark in the environment, prints where it prints, or lives in its network (a daemon that forked twice and made a session of its
 * own has lost every other tie, and may have been given another environment or have written its title over it).
 */
export class ProcessTree {
  readonly #root: number;
  readonly #mark: string;
  readonly #besides: number | undefined;
  /** Every process seen, and whether it is ours: each is looked at once. */
  readonly #known = new Map<number, boolean>();
  #last: readonly number[] = [];
  /** Processes that were ours, also those that have ended: what is left of their groups and sessions is ours. */
  readonly #leaders = new Set<number>();
  /** What the first process printed to, and its network where that is its own. */
  #ties: ReadonlySet<string> | null = null;

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
    this.#ties ??= tiesOf(this.#root);
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
    const stat = readStat(`/proc/${pid}/stat`);
    if (pid !== this.#root) {
      if (stat === null) return;
      const isTied = this.#leaders.has(stat.group) || this.#leaders.has(stat.session) || this.#known.get(stat.parent) === true;
      if (!isTied && !last) return;
      if (!isTied && !this.#isMarked(pid)) {
        this.#known.set(pid, false);
        return;
      }
    }
    this.#known.set(pid, true);
    this.#leaders.add(pid);
  }

  #isMarked(pid: number): boolean {
    const environment = readWholeProc(`/proc/${pid}/environ`);
    if (environment !== null && `\0${environment}`.includes(`\0${this.#mark}\0`)) return true;
    return pid !== process.pid && tieNames.some((name) => this.#ties?.has(linkOf(pid, name) ?? '') === true);
  }
}

const tieNames = ['fd/1', 'fd/2', 'ns/net'];

/** What nobody but the first process's descendants share with it. */
function tiesOf(root: number): Set<string> {
  const ours = new Set(tieNames.map((name) => linkOf(process.pid, name)));
  const links = tieNames.map((name) => linkOf(root, name)).filter((link) => link !== null && /^(?:pipe|socket|net):/.test(link) && !ours.has(link));
  return new Set(links as string[]);
}

function linkOf(pid: number, name: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return null;
  }
}
