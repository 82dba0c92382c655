import type { RequestId } from './recording.ts';
import type { CaseProblem } from './run.ts';
import type { StateKey } from './state-key.ts';

/** The format of Report files this release writes. */
export const reportFormatVersion = 1;

/** What kind of difference: a closed list. */
export type DifferenceKind =
  | 'response' | 'write_missing' | 'write_extra' | 'write_changed' | 'expiry'
  | 'call_missing' | 'call_extra' | 'call_changed' | 'order' | 'latency';

/** One difference between the baseline's and the candidate's handling of one request. Differences are data, never exceptions. */
export interface Difference {
  readonly kind: DifferenceKind;
  /**
   * Where, as an RFC 9535 JSONPath into the outcome, with ids of this case generalised where the cause is the same:
   * `$.response.body.total`, `$.writes['redis:0/cart:*'].fields.qty`, `$.calls['POST /charge'].body.amount`.
   */
  readonly path: string;
  readonly key?: StateKey;
  /** For people; undefined: not there. */
  readonly baseline?: string;
  readonly candidate?: string;
  /** One sentence. */
  readonly message: string;
  /** What happened at that place: part of the cause that groups go by. */
  readonly change?: DifferenceChange;
  /** The same place with this case's own indexes and names. */
  readonly at?: string;
}

/** Another value, another type, not there, only there, the same things in another order. */
export type DifferenceChange = 'value' | 'type' | 'missing' | 'extra' | 'order';

/** How one recorded request ended. */
export type Verdict = 'same' | 'noise' | 'differs' | 'inconclusive' | 'error' | 'not_run';

/** Every verdict, in the order they are shown. */
export const verdicts: readonly Verdict[] = ['same', 'noise', 'differs', 'inconclusive', 'error', 'not_run'];

/** The verdict on one request with its reasons. */
export interface CaseReport {
  readonly id: RequestId;
  readonly method: string;
  readonly target: string;
  readonly verdict: Verdict;
  readonly differences: readonly Difference[];
  /** Differences that noise rules hid. */
  readonly hidden: number;
  readonly problems: readonly CaseProblem[];
  /** `METHOD /template`. */
  readonly route?: string;
  /** Generated ids of the candidate that stood consistently for the baseline's. */
  readonly renamed?: readonly { readonly baseline: string; readonly candidate: string }[];
  /** The differences that noise rules hid, at most some tens. */
  readonly hiddenDifferences?: readonly Difference[];
}

/** A rule that the control runs taught: what differs there between runs of the same service from the same state. */
export interface NoiseRule {
  readonly path: string;
  /** timestamp, uuid, token, number, order, any: the type is still asserted. */
  readonly valueClass: string;
  /** How many differences it hid in this report; 0 is shown too. */
  readonly hid: number;
  /** The route it applies to; absent: every one. */
  readonly route?: string;
  /** control: taught by control runs. config: the user's. rename: ids renamed consistently. clock: moments within the jitter that control runs showed. */
  readonly origin?: 'control' | 'config' | 'rename' | 'clock';
}

/** Differences with one cause. */
export interface DifferenceGroup {
  readonly kind: DifferenceKind;
  readonly path: string;
  readonly route: string;
  readonly cases: readonly RequestId[];
  readonly example: Difference;
  readonly change?: DifferenceChange;
}

/** The artefact people and machines read. */
export interface Report {
  readonly kind: 'report';
  readonly formatVersion: number;
  readonly createdAt: number;
  readonly baseline: string;
  readonly candidate: string;
  /** Every recorded request is counted in exactly one verdict: the totals add up to `requests`. */
  readonly requests: number;
  readonly totals: Readonly<Record<Verdict, number>>;
  readonly groups: readonly DifferenceGroup[];
  readonly cases: readonly CaseReport[];
  readonly noise: readonly NoiseRule[];
  /** Share of compared leaves that are still asserted after noise rules, 0..1. */
  readonly assertedShare: number;
  /** The self-replay gate: how many requests the baseline reproduced of those recorded. */
  readonly gate: { readonly reproduced: number; readonly of: number; readonly failures: readonly CaseReport[];
    /** Why some count as reproduced although not every byte is the same, with how many requests each: values of the same class, order. */
    readonly allowances?: readonly { readonly path: string; readonly reason: string; readonly requests: number }[] };
  readonly durationMs: number;
  readonly stateFaults: number;
  readonly notes: readonly string[];
}
