import type { ByteString } from '../../lib/bytes.ts';
import type { OutcomeHint, RequestId } from '../../model/recording.ts';
import type { RedisRecordingSink } from './recording-sink.ts';

const maxRequests = 4096;

/**
 * Hands out hints so that replay can pair them up: the n-th use of a command with the same arguments takes the n-th hint. Uses
 * whose order the state alone explains need none, and are only made up for (by empty hints) once a later use does.
 */
export class HintLedger {
  readonly #sink: RedisRecordingSink;
  /** By request: uses not yet accounted for, by command and arguments. Bounded: the oldest requests are forgotten. */
  readonly #skipped = new Map<RequestId, Map<string, number>>();

  constructor(sink: RedisRecordingSink) {
    this.#sink = sink;
  }

  /** One use. `isNeeded` false: replay would give this outcome without a hint. */
  use(by: RequestId | null, hint: OutcomeHint, isNeeded: boolean): void {
    const identity = `${hint.database} ${hint.command} ${hint.args.map((arg: ByteString) => `${arg.length}:${arg}`).join('')}`;
    const counts = by === null ? undefined : this.#skipped.get(by);
    if (isNeeded) {
      for (let skipped = counts?.get(identity) ?? 0; skipped > 0; skipped--) this.#sink.hint(by, { ...hint, outcome: [] });
      counts?.delete(identity);
      this.#sink.hint(by, hint);
      return;
    }
    if (by === null) return;
    const counted = counts ?? this.#countsFor(by);
    counted.set(identity, (counted.get(identity) ?? 0) + 1);
  }

  #countsFor(by: RequestId): Map<string, number> {
    const counts = new Map<string, number>();
    this.#skipped.set(by, counts);
    if (this.#skipped.size > maxRequests) {
      for (const oldest of this.#skipped.keys()) {
        this.#skipped.delete(oldest);
        break;
      }
    }
    return counts;
  }
}
