import type { RegisterAnswer } from './slot-register.ts';

/** What is given up for what: `quorum` reads the newest acknowledged head whatever fails; `one` answers from any owner and lets the others follow; `all` bears no loss when writing. */
export type Consistency = 'quorum' | 'one' | 'all';

/**
 * Every decision that the safety of heads rests on, in one place, so that the simulator can show that each of them is needed (testing/mutants.ts breaks them one by one).
 * RF owners; a write counts at W of them, a read asks R, a joiner pulls from P of the old ones.
 */
export interface ProtocolRules {
  /** W: at least so many active owners have a write before it is acknowledged. */
  writeQuorum(owners: number, consistency: Consistency): number;
  /** R: any R owners meet any W. */
  readQuorum(owners: number, consistency: Consistency): number;
  /** P: so many old owners, once fenced, leave fewer than W to acknowledge under the old entry, and hold together all that W of them acknowledged. */
  pullQuorum(owners: number, consistency: Consistency): number;
  /** Whether an owner's answer counts towards a quorum: not while it is still pulling. */
  counts(answer: RegisterAnswer): boolean;
  /** Who a dot belongs to: a member in one of its lives. */
  actorOf(memberName: string): string;
  /** Whether a joiner is activated only when it has pulled. */
  readonly pullBeforeActivate: boolean;
  /** Whether owners that were silent get what they missed when they answer again. */
  readonly hints: boolean;
  /** Whether owners of a slot compare what they have from time to time. */
  readonly antiEntropy: boolean;
  /** Whether the later head wins, rather than the one that came last. */
  readonly mergeByTime: boolean;
  /** Whether clocks move on with what they receive. */
  readonly clockReceives: boolean;
}

/** The rules as they are. */
export const soundRules: ProtocolRules = {
  writeQuorum: (owners, consistency) => (consistency === 'one' ? Math.min(1, owners) : consistency === 'all' ? owners : Math.floor(owners / 2) + 1),
  readQuorum: (owners, consistency) => (consistency === 'one' ? Math.min(1, owners) : owners - soundRules.writeQuorum(owners, consistency) + 1),
  pullQuorum: (owners, consistency) => (consistency === 'one' ? Math.min(1, owners) : owners - soundRules.writeQuorum(owners, consistency) + 1),
  counts: (answer) => answer.status === 'ok' && answer.active,
  actorOf: (name) => name,
  pullBeforeActivate: true,
  hints: true,
  antiEntropy: true,
  mergeByTime: true,
  clockReceives: true,
};
