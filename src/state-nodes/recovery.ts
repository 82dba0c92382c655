import { groupBy } from '../lib/group-by.ts';
import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import { applyAll, type MergeContext } from './head-merge.ts';
import type { Consistency } from './protocol-rules.ts';
import { entryOf } from './slot-entry.ts';
import type { RegisterAnswer, SlotEntry } from './slot-register.ts';

/*
 * What a coordinator has forgotten the state nodes still know: every entry that ever counted was adopted by so many owners that a quorum of the ones before has heard of it. So each slot's entry is a
 * guess; its owners are told to adopt it under a new incarnation, which stops whoever still acts on the old one; who knows a later epoch refuses and tells it: that is the next guess, until a quorum
 * has adopted one. Nothing is forgotten when it is given up half way. After DESIGN §6 and the first phase of Paxos (Lamport 1998).
 */

/** Options of {@link newestEntries}. */
export interface RecoveryOptions {
  readonly context: MergeContext;
  /** The first guesses. */
  readonly base: ShardMap;
  /** Whether the base was ever published, or is only what a new cluster would begin with. */
  readonly published: boolean;
  /** Whether it is known that the coordinator has forgotten something. */
  readonly forgot: boolean;
  /** Slots there are. */
  readonly slots: readonly number[];
  readonly members: readonly Member[];
  /** Members that are gone: not waited for unless it is known that something was forgotten. */
  readonly dead: ReadonlySet<string>;
  readonly consistency: Consistency;
  /** The fencing token of the lease: makes an incarnation nobody else uses. */
  readonly token: number;
}

/** Newer guesses followed at most: each is a change of owners that was forgotten. */
const mostRounds = 24;

/** The newest entry of every slot under a new incarnation; `nothing`: there is no map, and no state node knows of any; undefined: too few owners answered, or another steward is at it. */
export async function newestEntries(options: RecoveryOptions): Promise<{ readonly entries: ReadonlyMap<number, SlotEntry>; readonly incarnation: number } | 'nothing' | undefined> {
  const { context, base, slots, published } = options;
  const seen = await lookEverywhere(options);
  // Without a map any slot may be owned by whoever did not answer.
  if (!published && seen.silent.size > 0) return undefined;
  if (!published && seen.entries.size === 0) return 'nothing';
  // What a new cluster would begin with yields to whatever anybody remembers.
  const guesses = new Map(slots.map((slot) => [slot, published ? newer(entryOf(base, slot), seen.entries.get(slot)) : seen.entries.get(slot) ?? entryOf(base, slot)]));
  const incarnation = [...guesses.values(), base].reduce((most, known) => Math.max(most, known.incarnation + 1), options.token);
  let open = [...slots];
  for (let round = 0; round < mostRounds && open.length > 0; round++) {
    const asked = open.map((slot) => ({ slot, guess: guesses.get(slot) as SlotEntry }));
    const answers = groupBy(await adopt(context, asked, incarnation), ({ slot }) => slot);
    open = [];
    for (const { slot, guess } of asked) {
      const mine = answers.get(slot) ?? [];
      if (mine.some(({ answer }) => answer.status === 'stale' && answer.entry.incarnation >= incarnation)) return undefined;
      const best = mine.reduce<SlotEntry>((found, { answer }) => newer(found, answer.status === 'stale' ? answer.entry : undefined), guess);
      if (best !== guess) {
        guesses.set(slot, best);
        open.push(slot);
      } else if (mine.filter(({ answer }) => answer.status === 'ok').length < enough(options, guess.own)) {
        return undefined;
      }
    }
  }
  if (open.length > 0) return undefined;
  return { incarnation, entries: new Map([...guesses].map(([slot, guess]) => [slot, { ...guess, incarnation }])) };
}

interface Seen {
  readonly entries: Map<number, SlotEntry>;
  /** Members that did not answer. */
  readonly silent: Set<string>;
}

/** The newest entries that any member knows: guesses for what was forgotten. */
async function lookEverywhere({ context, members, base }: RecoveryOptions): Promise<Seen> {
  const seen: Seen = { entries: new Map(), silent: new Set() };
  await Promise.all([...new Set([...members, ...base.members].map(memberName))].map(async (name) => {
    const used = await context.view.registers(name);
    const replies = typeof used === 'string' ? [undefined] : await applyAll(context, name, used.map((slot) => ({ op: 'look', slot })));
    if (typeof used === 'string' || replies.includes(undefined)) {
      seen.silent.add(name);
      return;
    }
    used.forEach((slot, index) => {
      const answer = replies[index];
      const entry = answer?.status === 'seen' ? answer.state.entry : null;
      // A state node that stood alone has entries of its own, older than any map.
      if (entry !== null && entry.epoch >= 0) seen.entries.set(slot, newer(entry, seen.entries.get(slot)));
    });
  }));
  return seen;
}

/** Owners that must have adopted a guess: a quorum, or all that are left. Who is only gone for now is waited for where it is known that something was forgotten. */
function enough({ context, consistency, dead, forgot }: RecoveryOptions, own: readonly string[]): number {
  const awaited = forgot ? own : own.filter((name) => !dead.has(name));
  return Math.min(context.rules.writeQuorum(own.length, consistency), context.view.present(awaited));
}

/** Tells the owners of each guess to adopt it under the incarnation. */
async function adopt(context: MergeContext, asked: readonly { readonly slot: number; readonly guess: SlotEntry }[], incarnation: number): Promise<{ slot: number; answer: RegisterAnswer }[]> {
  const pairs = asked.flatMap(({ slot, guess }) => guess.own.map((name) => ({ name, slot, entry: { ...guess, incarnation } })));
  const answers = await Promise.all([...groupBy(pairs, ({ name }) => name)].map(async ([name, group]) => {
    const replies = await applyAll(context, name, group.map(({ slot, entry }) => ({ op: 'read', slot, entry, keys: [] })));
    return group.flatMap(({ slot }, index) => {
      const answer = replies[index];
      return answer === undefined ? [] : [{ slot, answer }];
    });
  }));
  return answers.flat();
}

/** The later of two guesses: by epoch, since a recovery that was given up has adopted older entries under a newer incarnation. */
function newer(a: SlotEntry, b: SlotEntry | undefined): SlotEntry {
  return b !== undefined && (b.epoch - a.epoch || b.incarnation - a.incarnation) > 0 ? b : a;
}
