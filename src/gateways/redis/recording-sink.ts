import type { Element } from '../../model/element.ts';
import type { OutcomeHint, RecordedProblem, RequestId, RevisionCause } from '../../model/recording.ts';
import type { StateKey } from '../../model/state-key.ts';

/** Where the recording gateway puts what it sees; the record stage provides it. Called synchronously, in exact order per key. */
export interface RedisRecordingSink {
  /** Which request a command on this listener belongs to; null: none. */
  requestOf(lane: string, tag: string | null): RequestId | null;
  /** A new revision (element null: tombstone); returns its number. The same content as the newest one may give the same number. */
  revision(key: StateKey, element: Element | null, cause: RevisionCause, by: RequestId | null): number;
  /**
   * First touch within a request is what counts; the sink dedupes. revision: the number current before this command. raced: somebody
   * else changed it in the same moment.
   */
  touch(by: RequestId | null, key: StateKey, revision: number, access: { read: boolean; written: boolean; raced?: boolean }): void;
  /** The request was given the list of all keys, as it is at this moment. */
  listing(by: RequestId | null): void;
  hint(by: RequestId | null, hint: OutcomeHint): void;
  /** Upper-case name of a command the service sent. */
  command(by: RequestId | null, name: string): void;
  problem(by: RequestId | null, problem: RecordedProblem): void;
  loss(code: string, message: string): void;
  /** Every key of this scope is known from now on, for example `redis:0`. */
  complete(scope: string): void;
}
