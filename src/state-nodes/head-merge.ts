import type { StateKey } from '../model/state-key.ts';
import type { ClusterView } from './cluster-view.ts';
import { decodeHead, encodeHead, mergeHeads, type HeadOrder, type HeadState } from './head.ts';
import type { ProtocolRules } from './protocol-rules.ts';
import type { HeadSwap, RegisterAnswer, RegisterOperation, SlotEntry } from './slot-register.ts';

/** Compare-and-set that others win so often is given up, and tried again later. */
const mostTries = 16;

/** Heads of one slot that a member is to have. */
export interface MergeTask {
  readonly slot: number;
  readonly entry: SlotEntry;
  readonly heads: ReadonlyMap<StateKey, HeadState>;
}

/** What came of a task: the member's last answer (`ok`: it has them now, or had them), or that there was none. */
export type MergeOutcome = RegisterAnswer | 'silent';

/** What merging needs to know. */
export interface MergeContext {
  readonly view: ClusterView;
  readonly order: HeadOrder;
  readonly rules: ProtocolRules;
}

/** Large enough to be cheap; one that takes too long counts as lost. */
const operationsInOneMessage = 512;

/** The answers to so many operations that they take several messages, some of which may be lost: undefined then. */
export async function applyAll(context: MergeContext, name: string, operations: readonly RegisterOperation[]): Promise<(RegisterAnswer | undefined)[]> {
  const answers: (RegisterAnswer | undefined)[] = [];
  for (let from = 0; from < operations.length; from += operationsInOneMessage) {
    const part = operations.slice(from, from + operationsInOneMessage);
    const reply = await context.view.apply(name, part);
    answers.push(...(typeof reply === 'string' ? part.map(() => undefined) : reply));
  }
  return answers;
}

interface OpenTask {
  readonly task: MergeTask;
  /** The member's heads as last seen. */
  readonly known: Map<StateKey, string | null>;
}

/**
 * Merges heads into a member's registers, all tasks at once, by compare-and-set until the member has them; nothing is ever taken from it. Outcomes in the order of the tasks.
 * @param known the member's heads as they probably are; a wrong guess costs a round
 */
export async function mergeInto(context: MergeContext, name: string, tasks: readonly MergeTask[], known: ReadonlyMap<StateKey, string | null> = new Map()): Promise<MergeOutcome[]> {
  const outcomes: MergeOutcome[] = tasks.map(() => 'silent');
  let open = tasks.map((task, index): [number, OpenTask] => [index, { task, known: new Map([...task.heads.keys()].map((key) => [key, known.get(key) ?? null])) }]);
  for (let tries = 0; tries < mostTries && open.length > 0; tries++) {
    const operations = open.map(([, { task, known: seen }]) => ({ op: 'swap' as const, slot: task.slot, entry: task.entry, swaps: swapsOf(context, task, seen) }));
    const replies = await applyAll(context, name, operations);
    open = open.filter(([index, { task, known: seen }], at) => {
      const answer = replies[at];
      if (answer === undefined) return false;
      if (answer.status === 'stale') context.view.learn(task.slot, answer.entry);
      if (answer.status !== 'changed') {
        outcomes[index] = answer;
        return false;
      }
      for (const { key, head } of answer.heads) seen.set(key, head);
      return true;
    });
  }
  return outcomes;
}

/** What is there already is compared all the same: the answer says whether the member may be counted. */
function swapsOf({ order, rules }: MergeContext, task: MergeTask, known: ReadonlyMap<StateKey, string | null>): HeadSwap[] {
  return [...task.heads].map(([key, head]) => {
    const expected = known.get(key) ?? null;
    return { key, expected, next: encodeHead(rules.mergeByTime ? mergeHeads(decodeHead(expected), head, order) : head) };
  });
}
