import { groupBy } from '../lib/group-by.ts';
import type { StateKey } from '../model/state-key.ts';
import { applyAll, mergeInto, type MergeContext, type MergeTask } from './head-merge.ts';
import { decodeHead, mergeHeads, type HeadState } from './head.ts';
import { headsDigest } from './slot-digest.ts';
import type { HeadOf, RegisterAnswer, RegisterOperation, SlotEntry } from './slot-register.ts';

/** A slot with the entry it is handed over by. */
export interface SlotTask {
  readonly slot: number;
  readonly entry: SlotEntry;
}

/** What one member answered to one slot's operation. */
interface MemberAnswer {
  readonly name: string;
  readonly slot: number;
  readonly answer: RegisterAnswer;
}

/**
 * Fences the old owners of slots that change, merges what they held into the members that join, and activates these. Many slots at once; doing it again, or by
 * several at the same time, does no harm. Old owners that have lost their memory have nothing to say: where too many have, what they acknowledged is gone, and waiting would not bring it back.
 * @returns the slots of which every joining member is active now
 */
export async function pullHeads(context: MergeContext, slots: readonly SlotTask[]): Promise<Set<number>> {
  const { rules } = context;
  const fenced = groupBy(await askMembers(context, slots, ({ entry }) => entry.old, ({ slot, entry }) => ({ op: 'fence', slot, entry })), ({ slot }) => slot);
  const ready = slots.filter(({ slot, entry }) => !rules.pullBeforeActivate || (fenced.get(slot) ?? []).filter(({ answer }) => answer.status === 'ok').length >= Math.min(entry.pull, context.view.present(entry.old)));
  const joiners = new Set(ready.flatMap(({ entry }) => entry.joining));
  const activated = await Promise.all([...joiners].map((name) => {
    const tasks = ready.filter(({ entry }) => entry.joining.includes(name)).map(({ slot, entry }) => ({ slot, entry, heads: unionOf(context, (fenced.get(slot) ?? []).map(({ answer }) => answer)) }));
    return activate(context, name, tasks);
  }));
  const counts = groupBy(activated.flat(), (slot) => slot);
  return new Set(ready.filter(({ slot, entry }) => (counts.get(slot)?.length ?? 0) >= entry.joining.length).map(({ slot }) => slot));
}

/** The slots that a member has and serves now. */
async function activate(context: MergeContext, name: string, tasks: readonly MergeTask[]): Promise<number[]> {
  const filled = tasks.filter(({ heads }) => heads.size > 0);
  const outcomes = new Map((await mergeInto(context, name, filled)).map((outcome, index) => [filled[index]?.slot, outcome]));
  const merged = tasks.filter(({ slot, heads }) => {
    const outcome = outcomes.get(slot);
    return heads.size === 0 || !context.rules.pullBeforeActivate || (outcome !== undefined && outcome !== 'silent' && outcome.status === 'ok');
  });
  const replies = await applyAll(context, name, merged.map(({ slot, entry }) => ({ op: 'activate', slot, entry })));
  return merged.filter((_, index) => replies[index]?.status === 'ok').map(({ slot }) => slot);
}

/**
 * Lets former owners forget the heads of slots, once every owner has what they hold. An owner that cannot be asked keeps them from it.
 * @param former who may hold something yet, by slot
 * @returns the slots and members that hold nothing any longer
 */
export async function releaseHeads(context: MergeContext, slots: readonly SlotTask[], former: ReadonlyMap<number, readonly string[]>): Promise<{ readonly slot: number; readonly name: string }[]> {
  const held = (await askMembers(context, slots, ({ slot }) => former.get(slot) ?? [], ({ slot, entry }) => ({ op: 'fence', slot, entry }))).filter(({ answer }) => answer.status === 'ok');
  const confirmed = await confirmedBy(context, slots, held);
  const entries = new Map(slots.map(({ slot, entry }) => [slot, entry]));
  const releases = held.filter(({ slot }) => confirmed.has(slot)).map(({ name, slot, answer }) => ({
    name, slot, operation: { op: 'release' as const, slot, entry: entries.get(slot) as SlotEntry, digest: headsDigest(new Map(headsOf(answer).map(({ key, head }) => [key, head as string]))) },
  }));
  const answers = await Promise.all([...groupBy(releases, ({ name }) => name)].map(async ([name, group]) => {
    const replies = await applyAll(context, name, group.map(({ operation }) => operation));
    return group.filter((_, index) => replies[index]?.status === 'ok').map(({ slot }) => ({ slot, name }));
  }));
  return answers.flat();
}

/** The slots of which each owner, being active, has all of this. */
async function confirmedBy(context: MergeContext, slots: readonly SlotTask[], held: readonly MemberAnswer[]): Promise<Set<number>> {
  const bySlot = groupBy(held, ({ slot }) => slot);
  const tasks = slots.filter(({ slot }) => bySlot.has(slot)).map(({ slot, entry }) => ({ slot, entry, heads: unionOf(context, (bySlot.get(slot) ?? []).map(({ answer }) => answer)) }));
  const missing = new Map(tasks.map(({ slot, entry }) => [slot, entry.own.length]));
  const owners = new Set(tasks.flatMap(({ entry }) => entry.own));
  await Promise.all([...owners].map(async (name) => {
    const theirs = tasks.filter(({ entry }) => entry.own.includes(name));
    const outcomes = await mergeInto(context, name, theirs);
    theirs.forEach(({ slot }, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined && outcome !== 'silent' && context.rules.counts(outcome)) missing.set(slot, (missing.get(slot) ?? 0) - 1);
    });
  }));
  return new Set([...missing].filter(([, count]) => count === 0).map(([slot]) => slot));
}

/**
 * Anti-entropy: owners of slots compare what they hold and get what they lack of each other.
 * @returns the slots that differed
 */
export async function levelHeads(context: MergeContext, slots: readonly SlotTask[]): Promise<number[]> {
  const looks = groupBy(await askMembers(context, slots, ({ entry }) => entry.own, ({ slot }) => ({ op: 'look', slot })), ({ slot }) => slot);
  const different = slots.filter(({ slot }) => new Set((looks.get(slot) ?? []).map(({ answer }) => (answer.status === 'seen' ? answer.digest : ''))).size > 1);
  const held = groupBy(await askMembers(context, different, ({ entry }) => entry.own, ({ slot, entry }) => ({ op: 'fence', slot, entry })), ({ slot }) => slot);
  const known = new Map<string, Map<StateKey, string | null>>();
  const tasks = different.map(({ slot, entry }) => {
    for (const { name, answer } of held.get(slot) ?? []) {
      const theirs = known.get(name) ?? new Map<StateKey, string | null>();
      known.set(name, theirs);
      for (const { key, head } of headsOf(answer)) theirs.set(key, head);
    }
    return { slot, entry, heads: unionOf(context, (held.get(slot) ?? []).map(({ answer }) => answer)) };
  });
  await Promise.all([...known].map(([name, theirs]) => mergeInto(context, name, tasks.filter(({ entry }) => entry.own.includes(name)), theirs)));
  return different.map(({ slot }) => slot);
}

/** Asks every named member about each of its slots, one message a member. Newer entries that come back are learnt. */
async function askMembers(context: MergeContext, slots: readonly SlotTask[], namesOf: (task: SlotTask) => readonly string[], operation: (task: SlotTask) => RegisterOperation): Promise<MemberAnswer[]> {
  const pairs = slots.flatMap((task) => namesOf(task).map((name) => ({ name, task })));
  const answers = await Promise.all([...groupBy(pairs, ({ name }) => name)].map(async ([name, group]) => {
    const replies = await applyAll(context, name, group.map(({ task }) => operation(task)));
    return group.flatMap(({ task: { slot } }, index) => {
      const answer = replies[index];
      if (answer?.status === 'stale') context.view.learn(slot, answer.entry);
      return answer === undefined ? [] : [{ name, slot, answer }];
    });
  }));
  return answers.flat();
}

function unionOf({ order, rules }: MergeContext, answers: readonly RegisterAnswer[]): Map<StateKey, HeadState> {
  const union = new Map<StateKey, HeadState>();
  for (const answer of answers) {
    for (const { key, head } of headsOf(answer)) {
      const before = union.get(key);
      const theirs = decodeHead(head);
      union.set(key, before === undefined || !rules.mergeByTime ? theirs : mergeHeads(before, theirs, order));
    }
  }
  return union;
}

function headsOf(answer: RegisterAnswer): readonly HeadOf[] {
  return answer.status === 'ok' ? answer.heads : [];
}
