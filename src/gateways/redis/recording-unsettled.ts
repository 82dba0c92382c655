import { deferred, type Deferred } from '../../lib/deferred.ts';
import type { RequestId } from '../../model/recording.ts';

/**
 * Commands that the service has its answers to while the gateway is still finding out what they did: a script's keys are read again
 * after it. A request is not over before that.
 */
export class UnsettledCommands {
  readonly #counts = new Map<RequestId, number>();
  readonly #waiting = new Map<RequestId, Deferred<void>[]>();

  begin(by: RequestId | null): void {
    if (by !== null) this.#counts.set(by, (this.#counts.get(by) ?? 0) + 1);
  }

  end(by: RequestId | null): void {
    if (by === null) return;
    const left = (this.#counts.get(by) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(by, left);
      return;
    }
    this.#counts.delete(by);
    for (const waiting of this.#waiting.get(by) ?? []) waiting.resolve();
    this.#waiting.delete(by);
  }

  /** Resolves once everything that was answered to this request is known. */
  async settled(by: RequestId): Promise<void> {
    if (!this.#counts.has(by)) return;
    const waiting = deferred<void>();
    this.#waiting.set(by, [...this.#waiting.get(by) ?? [], waiting]);
    await waiting.promise;
  }
}
