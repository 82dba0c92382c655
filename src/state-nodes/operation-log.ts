import { LatencyHistogram } from '../lib/latency-histogram.ts';
import type { OperationName, OperationStats, StateNodeStats } from './state-node.ts';

interface OperationCounts {
  readonly latency: LatencyHistogram;
  items: number;
  errors: number;
}

/** What a node holds, as {@link OperationLog.stats} reports it. */
export interface HeldAmounts {
  readonly elements: number;
  readonly bytes: number;
  readonly maxBytes: number | null;
  readonly evictions?: number;
}

/** Counts and times what a state node does. */
export class OperationLog {
  readonly #operations = new Map<OperationName, OperationCounts>();
  hits = 0;
  writes = 0;
  errors = 0;

  /** Times an operation on so many items, which may end later; a failure is counted and passed on. Gives what `run` gives: an operation that is over at once costs no promise. */
  run<T>(name: OperationName, items: number, run: () => T): T {
    const counts = this.#counts(name);
    const startedAt = performance.now();
    counts.items += items;
    const ended = <V>(value: V): V => {
      counts.latency.record(performance.now() - startedAt);
      return value;
    };
    const failed = (error: unknown): never => {
      counts.errors += 1;
      this.errors += 1;
      ended(undefined);
      throw error;
    };
    let result: T;
    try {
      result = run();
    } catch (error) {
      return failed(error);
    }
    return result instanceof Promise ? result.then(ended, failed) as T : ended(result);
  }

  /** Counts what a read found, and gives it back. */
  found<T extends readonly unknown[]>(found: T): T {
    for (const one of found) if (one !== undefined) this.hits += 1;
    return found;
  }

  /** The statistics together with what the node holds. */
  stats(id: string, held: HeldAmounts): StateNodeStats {
    const { hits, writes, errors } = this;
    const read = this.#operations.get('read');
    return {
      id, elements: held.elements, bytes: held.bytes, maxBytes: held.maxBytes, reads: read?.items ?? 0, hits, writes, errors, evictions: held.evictions ?? 0,
      readP50Ms: read?.latency.quantile(0.5) ?? 0, readP99Ms: read?.latency.quantile(0.99) ?? 0,
      operations: Object.fromEntries([...this.#operations].map(([name, counts]) => [name, statsOf(counts)])),
    };
  }

  #counts(name: OperationName): OperationCounts {
    let counts = this.#operations.get(name);
    if (counts === undefined) this.#operations.set(name, (counts = { latency: new LatencyHistogram(), items: 0, errors: 0 }));
    return counts;
  }
}

function statsOf({ latency, items, errors }: OperationCounts): OperationStats {
  return { count: latency.count, items, errors, sumMs: latency.sumMs, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99), buckets: latency.cumulated() };
}
