import { LatencyHistogram } from '../lib/latency-histogram.ts';
import type { StateNodeStats } from './state-node.ts';

/** Counts what a state node does. */
export class OperationLog {
  readonly #latency = new LatencyHistogram();
  reads = 0;
  hits = 0;
  writes = 0;
  errors = 0;

  /** Times a read of `asked` revisions and counts what it found; a failure is counted and passed on. */
  async read(asked: number, run: () => Promise<(Uint8Array | undefined)[]> | (Uint8Array | undefined)[]): Promise<(Uint8Array | undefined)[]> {
    const startedAt = performance.now();
    this.reads += asked;
    try {
      const found = await run();
      for (const bytes of found) if (bytes !== undefined) this.hits += 1;
      return found;
    } catch (error) {
      this.errors += 1;
      throw error;
    } finally {
      this.#latency.record(performance.now() - startedAt);
    }
  }

  /** The statistics together with what the node holds. */
  stats(id: string, elements: number, bytes: number): StateNodeStats {
    const { reads, hits, writes, errors } = this;
    return { id, elements, bytes, reads, hits, writes, errors, readP50Ms: this.#latency.quantile(0.5), readP99Ms: this.#latency.quantile(0.99) };
  }
}
