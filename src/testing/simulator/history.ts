import type { HeadOrder } from '../../state-nodes/head.ts';

/** A write as its client saw it. */
export interface WriteRecord {
  readonly id: string;
  readonly key: string;
  /** Writes that the writer had seen. */
  readonly parents: readonly string[];
  /** When it was acknowledged; undefined: the client never heard. */
  acknowledgedAt?: number;
  /** Its hybrid logical time, once acknowledged. */
  at?: number;
}

/** A value as it was read. */
interface ReadValue {
  readonly id: string;
  readonly at: number;
}

/** What went wrong in a simulation. */
export interface Violation {
  readonly kind: 'lost_write' | 'stale_read' | 'diverged' | 'ancestor_wins' | 'stuck_change' | 'unreadable' | 'failed';
  readonly message: string;
}

/** What clients wrote and read, and whether that may be. */
export class History {
  readonly #order: HeadOrder;
  readonly #writes = new Map<string, WriteRecord>();
  readonly violations: Violation[] = [];
  reads = 0;

  constructor(order: HeadOrder) {
    this.#order = order;
  }

  get acknowledged(): number {
    return [...this.#writes.values()].filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length;
  }

  /** Notes a write that is about to begin. */
  begin(write: WriteRecord): void {
    this.#writes.set(write.id, write);
  }

  /** Checks a read that began at `startedAt`: everything acknowledged before must show in it, itself or in what came after it. */
  checkRead(key: string, startedAt: number, values: readonly ReadValue[]): void {
    this.reads += 1;
    this.#check(key, startedAt, values, 'stale_read');
  }

  /** Checks what is there in the end: nothing acknowledged may be missing. */
  checkFinal(key: string, values: readonly ReadValue[]): void {
    this.#check(key, Number.POSITIVE_INFINITY, values, 'lost_write');
  }

  violate(kind: Violation['kind'], message: string): void {
    this.violations.push({ kind, message });
  }

  #check(key: string, startedAt: number, values: readonly ReadValue[], kind: 'stale_read' | 'lost_write'): void {
    const known = this.#ancestors(values.map(({ id }) => id));
    const newest = Math.max(...values.map(({ at }) => at));
    for (const write of this.#writes.values()) {
      if (write.key !== key || write.acknowledgedAt === undefined || write.acknowledgedAt >= startedAt) continue;
      const shows = this.#order === 'siblings' ? known.has(write.id) : newest >= (write.at as number);
      if (!shows) this.violate(kind, `${write.id} was acknowledged at ${write.acknowledgedAt} and does not show in ${values.map(({ id }) => id).join(', ') || 'nothing'} of ${key}`);
    }
    if (this.#order === 'siblings') return;
    for (const { id, at } of values) {
      for (const later of this.#writes.values()) {
        if (later.parents.includes(id) && later.at !== undefined && later.at <= at) this.violate('ancestor_wins', `${later.id} had seen ${id} and counts as older`);
      }
    }
  }

  #ancestors(ids: readonly string[]): Set<string> {
    const known = new Set<string>();
    const open = [...ids];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (known.has(id)) continue;
      known.add(id);
      open.push(...(this.#writes.get(id)?.parents ?? []));
    }
    return known;
  }
}
