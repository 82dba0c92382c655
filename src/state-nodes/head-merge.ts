import type { StateKey } from '../model/state-key.ts';
import type { ClusterView } from './cluster-view.ts';
import { decodeHead, encodeHead, mergeHeads, type HeadOrder, type HeadState } from './head.ts';
import type { ProtocolRules } from './protocol-rules.ts';
import type { HeadSwap, RegisterAnswer, SlotEntry } from './slot-register.ts';

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
    const reply = await context.view.apply(name, operations);
    if (typeof reply === 'string') return outcomes;
    open = open.filter(([index, { task, known: seen }], at) => {
      const answer = reply[at] as RegisterAnswer;
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
