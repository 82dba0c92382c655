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

  /** Times an operation on so many items; a failure is counted and passed on. */
  async run<T>(name: OperationName, items: number, run: () => Promise<T> | T): Promise<T> {
    const counts = this.#counts(name);
    const startedAt = performance.now();
    counts.items += items;
    try {
      return await run();
    } catch (error) {
      counts.errors += 1;
      this.errors += 1;
      throw error;
    } finally {
      counts.latency.record(performance.now() - startedAt);
    }
  }

  /** Times a read of `asked` revisions and counts what it found. */
  async read(asked: number, run: () => Promise<(Uint8Array | undefined)[]> | (Uint8Array | undefined)[]): Promise<(Uint8Array | undefined)[]> {
    const found = await this.run('read', asked, run);
    for (const bytes of found) if (bytes !== undefined) this.hits += 1;
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
