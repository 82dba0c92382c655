import type { ByteString } from '../lib/bytes.ts';
import type { Element } from './element.ts';
import type { Header, RequestId } from './recording.ts';
import type { StateKey } from './state-key.ts';

/** The format of Run files this release writes. */
export const runFormatVersion = 1;

/**
 * Where the answer to a read came from: the candidate wrote it itself; the baseline read this very revision in this request;
 * known as of this moment from another request; known not to exist; not known at all.
 */
export type Provenance = 'own' | 'recorded' | 'chain' | 'absent' | 'unknown';

/** A read of one element by a case, the first of its kind of provenance. */
export interface ReadTrace {
  readonly key: StateKey;
  readonly provenance: Provenance;
  /** The revision read; null when there is none. */
  readonly revision: number | null;
  /** It was not prefetched: a state fault. */
  readonly fault: boolean;
}

/** What a case did to the expiry of an element, last one wins. Times relative to the start of the case, in ms. */
export type ExpiryEffect =
  | { readonly kind: 'relative'; readonly ms: number }
  | { readonly kind: 'absolute'; readonly ms: number }
  | { readonly kind: 'cleared' };

/** What a case did to one element, whichever commands it used. */
export interface Effect {
  readonly key: StateKey;
  /** null: did not exist. */
  readonly before: Element | null;
  readonly after: Element | null;
  /** Fields or members that were assigned or removed, even to what they already were; empty for whole-value writes. */
  readonly parts: readonly ByteString[];
  /** The value (not only the expiry) was written, even to what it already was. */
  readonly valueWritten: boolean;
  /** null: the expiry was left alone. */
  readonly expiry: ExpiryEffect | null;
}

/** A call the case made to an HTTP dependency, with what it was answered. */
export interface OutcomeCall {
  readonly dependency: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: ByteString;
  /** null: nothing was known to answer with. */
  readonly status: number | null;
  readonly provenance: Provenance;
  /** Earlier calls of the case, by index, that had no answer yet when this one came: which of them comes first is chance. Left out: none. */
  readonly during?: readonly number[];
}

/** A message the case published. */
export interface PublishedMessage {
  readonly channel: ByteString;
  readonly message: ByteString;
}

/** The response of a case. */
export interface OutcomeResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: ByteString;
}

/** Something that keeps a case from a plain verdict, by name. */
export interface CaseProblem {
  /** e.g. unknown_read, unsupported_command, late_command, unattributed_connection, no_response, state_unavailable, timeout */
  readonly code: string;
  readonly message: string;
  readonly key?: StateKey;
}

/** How one case went. */
export interface CaseOutcome {
  readonly id: RequestId;
  readonly status: 'completed' | 'error' | 'not_run';
  readonly response: OutcomeResponse | null;
  readonly effects: readonly Effect[];
  readonly calls: readonly OutcomeCall[];
  readonly messages: readonly PublishedMessage[];
  readonly reads: readonly ReadTrace[];
  /** Commands sent to state servers. */
  readonly commands: number;
  readonly problems: readonly CaseProblem[];
  readonly timing: { readonly stateWaitMs: number; readonly totalMs: number; readonly faults: number };
}

/** One replay of a plan against one service. */
export interface Run {
  readonly kind: 'run';
  readonly formatVersion: number;
  readonly label: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly mode: 'process' | 'virtual';
  readonly lanes: number;
  readonly concurrency: number;
  /** `shuffled`: cases were begun in an order of their own. Left out: in the recorded one. */
  readonly order?: 'shuffled';
  /** `case`: in the service it was the time of day of each case's request when that began. Left out: the real one, or not known. */
  readonly clock?: 'case' | 'real';
  /** In recorded order, one for each recorded request. */
  readonly outcomes: readonly CaseOutcome[];
  /** What happened outside any case: background commands, direct connections, restarts. */
  readonly notes: readonly CaseProblem[];
}
