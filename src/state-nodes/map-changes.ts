import { memberName, shardMapFormatVersion, type Member, type ShardMap, type SlotChange } from '../model/shard-map.ts';
import { soundRules, type Consistency, type ProtocolRules } from './protocol-rules.ts';
import type { SlotEntry } from './slot-register.ts';

/*
 * From one map to the next, in steps that are safe one by one. Placement says who should own what; a slot gets there by replacing one owner at a time, and
 * never two changes at once: the next begins when the joiner of the last has pulled. Pure.
 */

/** Owners of a slot in a draft, by name, and the change under way. */
interface DraftSlot {
  readonly own: readonly string[];
  readonly change?: { readonly old: readonly string[]; readonly joining: readonly string[]; readonly pull: number };
}

/** Options of {@link beginChanges}. */
export interface ChangeOptions {
  /** Members that are gone: replaced first, and never waited for. */
  readonly dead: ReadonlySet<string>;
  /** Slots under way at a time; those with a dead owner are not counted. */
  readonly most: number;
  readonly consistency: Consistency;
  readonly rules?: ProtocolRules;
}

/** The next map on the way from one to another, and the slots that changed owners for it. */
export interface BegunChanges {
  readonly map: ShardMap;
  readonly slots: readonly number[];
}

/** Begins as many changes as allowed on the way from the map as it is to the one that is wanted; undefined when there is nothing to begin. */
export function beginChanges(current: ShardMap, wanted: ShardMap, options: ChangeOptions): BegunChanges | undefined {
  const draft = new MapDraft(current, wanted.members);
  const slots: number[] = [];
  let left = options.most - current.changes.size;
  const byPair = new Map<number, DraftSlot | 'order' | undefined>();
  const goalsBySet = wanted.sets.map((_, set) => namesOf(wanted, set));
  const goals = (set: number): readonly string[] => goalsBySet[set] ?? [];
  for (let slot = 0; slot < current.slots.length; slot++) {
    const before = draft.slot(slot);
    // Slots with the same owners that are to have the same owners take the same step.
    const pair = (wanted.slots[slot] as number) + 65_536 * draft.numberOf(slot);
    const step = byPair.has(pair) ? byPair.get(pair) : nextStep(before, goals(wanted.slots[slot] as number), options);
    byPair.set(pair, step);
    if (step === undefined) continue;
    if (step === 'order') {
      draft.put(slot, draft.shared(goals(wanted.slots[slot] as number)));
      continue;
    }
    if (left <= 0 && !before.own.some((name) => options.dead.has(name))) continue;
    left -= 1;
    draft.put(slot, step);
    slots.push(slot);
  }
  const overrides = [...wanted.overrides].map(([tag, set]): [number, string[]] => [tag, [...new Set([...draft.slot(tag >>> 16).own, ...namesOf(wanted, set)])]]);
  const map = draft.build(overrides, current.epoch + 1);
  return draft.changed || !sameOverrides(current, map) ? { map, slots } : undefined;
}

/** The map once the joining members of these slots are active. Members that are gone leave it with the last that they own. */
export function finishChanges(current: ShardMap, slots: Iterable<number>, dead: ReadonlySet<string> = new Set()): ShardMap {
  const draft = new MapDraft(current, current.members.filter((member) => !dead.has(memberName(member))));
  for (const slot of slots) draft.put(slot, draft.shared(draft.slot(slot).own));
  return draft.build([...current.overrides].map(([tag, set]) => [tag, namesOf(current, set)]), current.epoch + 1);
}

/** A map with these entries in place of what it says, under a new incarnation. Its epoch is the incarnation, which is later than any epoch before: fencing tokens are, and every slot has it, since an epoch that nobody remembers may have been higher. */
export function recoveredMap(base: ShardMap, entries: ReadonlyMap<number, SlotEntry>, members: readonly Member[], incarnation: number): ShardMap {
  const known = new Set([...base.members, ...members].map(memberName));
  const named = new Set([...entries.values()].flatMap(({ own, old, joining }) => [...own, ...old, ...joining]));
  const draft = new MapDraft(base, [...members, ...[...named].filter((name) => !known.has(name)).map((name) => formerMember(name, members))]);
  let epoch = base.epoch;
  for (const [slot, entry] of entries) {
    epoch = Math.max(epoch, entry.epoch);
    const change = entry.joining.length === 0 ? {} : { change: { old: entry.old, joining: entry.joining, pull: entry.pull } };
    draft.put(slot, { own: entry.own, ...change });
  }
  return { ...draft.build([...base.overrides].map(([tag, set]) => [tag, namesOf(base, set)]), Math.max(epoch + 1, incarnation)), incarnation, ages: new Uint8Array(base.slots.length) };
}

/** A member that only the state nodes remember: mostly a life that is over, of somebody who is there in another one. */
function formerMember(name: string, members: readonly Member[]): Member {
  const at = name.lastIndexOf('@');
  const id = at < 0 ? name : name.slice(0, at);
  const now = members.find((member) => member.id === id);
  return { id, address: now?.address ?? 'gone', zone: now?.zone ?? id, capacity: now?.capacity ?? 1, ...(at < 0 ? {} : { life: name.slice(at + 1) }) };
}

/** The map that is wanted, except that these slots have the owners they have. */
export function keptWhere(current: ShardMap, wanted: ShardMap, slots: readonly number[]): ShardMap {
  const draft = new MapDraft(wanted, current.members);
  for (const slot of slots) draft.put(slot, { own: namesOf(current, current.slots[slot] as number) });
  return draft.build([...wanted.overrides].map(([tag, set]) => [tag, namesOf(wanted, set)]), wanted.epoch);
}

/** Names of the members of a set. */
export function namesOf(map: ShardMap, set: number): string[] {
  return (map.sets[set] ?? []).map((index) => memberName(map.members[index] as Member));
}

/** One step of a slot towards its goal; `order`: the same owners in another order; undefined: it is there, or under way. */
function nextStep(before: DraftSlot, goal: readonly string[], { dead, consistency, rules = soundRules }: ChangeOptions): DraftSlot | 'order' | undefined {
  const { own, change } = before;
  if (change !== undefined) {
    if (!change.joining.some((name) => dead.has(name))) return undefined;
    return withoutLostJoiner(own, change, goal, rules.pullQuorum(own.length, consistency));
  }
  const added = goal.filter((name) => !own.includes(name));
  const removed = own.filter((name) => !goal.includes(name));
  if (added.length === 0 && removed.length === 0) return own.join() === goal.join() ? undefined : 'order';
  const pull = rules.pullQuorum(own.length, consistency);
  // Another number of owners is another quorum: then all of them pull before they serve.
  if (own.length !== goal.length) return { own: goal, change: { old: own, joining: goal, pull } };
  const leaving = removed.find((name) => dead.has(name)) ?? removed.at(-1);
  const joining = added[0] as string;
  const replaced = own.map((name) => (name === leaving ? joining : name));
  return { own: sameMembers(replaced, goal) ? goal : replaced, change: { old: own, joining: [joining], pull } };
}

/**
 * A joiner died before it was known to be active. It may have been active, and may have acknowledged with others: so what it takes to know everything is a quorum of those that stay; where these are too few
 * (there was one owner, or all had to pull), of the owners before.
 */
function withoutLostJoiner(own: readonly string[], change: NonNullable<DraftSlot['change']>, goal: readonly string[], pull: number): DraftSlot {
  const staying = own.filter((name) => !change.joining.includes(name));
  const known = staying.length >= pull ? { old: staying, pull } : { old: change.old, pull: change.pull };
  if (staying.length !== own.length - 1 || goal.length !== own.length) return { own: goal, change: { ...known, joining: goal } };
  const joining = goal.find((name) => !own.includes(name)) as string;
  return { own: own.map((name) => (staying.includes(name) ? name : joining)), change: { ...known, joining: [joining] } };
}

/** A map being written: owners by name, so that members may come and go. */
class MapDraft {
  readonly #base: ShardMap;
  readonly #members: readonly Member[];
  readonly #put = new Map<number, DraftSlot>();
  readonly #baseNames: readonly (readonly string[])[];
  readonly #numbers = new Map<string | number, number>();
  readonly #contents: DraftSlot[] = [];
  readonly #settled = new Map<readonly string[], DraftSlot>();

  constructor(base: ShardMap, members: readonly Member[]) {
    this.#base = base;
    this.#members = members;
    this.#baseNames = base.sets.map((_, set) => namesOf(base, set));
  }

  get changed(): boolean {
    return this.#put.size > 0;
  }

  /** What is to be of a slot; the same object for slots of which the base says the same. */
  slot(slot: number): DraftSlot {
    const put = this.#put.get(slot);
    if (put !== undefined) return put;
    return this.#contents[this.numberOf(slot)] as DraftSlot;
  }

  /** Slots of which the base says the same have the same number. */
  numberOf(slot: number): number {
    const [set, change] = [this.#base.slots[slot] as number, this.#base.changes.get(slot)];
    const name = change === undefined ? set : `${set} ${change.old} ${change.pull} ${change.joining.join()}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const own = this.#baseNames[set] as readonly string[];
    const contents = change === undefined ? { own } : {
      own, change: { old: this.#baseNames[change.old] as readonly string[], joining: change.joining.map((index) => memberName(this.#base.members[index] as Member)), pull: change.pull },
    };
    const number = this.#contents.push(contents) - 1;
    this.#numbers.set(name, number);
    return number;
  }

  /** Contents with these owners, and no change: the same object for the same array. */
  shared(own: readonly string[]): DraftSlot {
    let contents = this.#settled.get(own);
    if (contents === undefined) this.#settled.set(own, (contents = { own }));
    return contents;
  }

  put(slot: number, contents: DraftSlot): void {
    this.#put.set(slot, contents);
  }

  /** The map: members that own nothing are kept if they were given, those that still own something as well. */
  build(overrides: readonly (readonly [number, readonly string[]])[], epoch: number): ShardMap {
    const members = new Map([...this.#base.members, ...this.#members].map((member) => [memberName(member), member]));
    const table = this.#table();
    const slots = new Uint16Array(this.#base.slots.length);
    const ages = new Uint8Array(this.#base.slots.length);
    const changes = new Map<number, SlotChange>();
    const written = new Map<DraftSlot, { readonly set: number; readonly change: SlotChange | undefined }>();
    const write = (contents: DraftSlot): { readonly set: number; readonly change: SlotChange | undefined } => {
      const { own, change } = contents;
      const numbers = { set: table.set(own), change: change === undefined ? undefined : { old: table.set(change.old), joining: change.joining.map((name) => table.member(name)), pull: change.pull } };
      written.set(contents, numbers);
      return numbers;
    };
    for (let slot = 0; slot < slots.length; slot++) {
      const isPut = this.#put.has(slot);
      const contents = this.slot(slot);
      const { set, change } = written.get(contents) ?? write(contents);
      slots[slot] = set;
      if (change !== undefined) changes.set(slot, change);
      ages[slot] = isPut ? 0 : Math.min(255, (this.#base.ages[slot] as number) + epoch - this.#base.epoch);
    }
    return {
      kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: this.#base.incarnation, epoch, slots, ages, changes,
      overrides: new Map(overrides.map(([tag, names]) => [tag, table.set(names)])),
      members: table.names.map((name) => members.get(name) as Member), sets: table.sets,
    };
  }

  /** Members and sets keep their numbers from map to map, unless too many are of no use any longer. */
  #table(): SetTable {
    const { members, sets } = this.#base;
    const used = new Set<number>(this.#base.overrides.values());
    this.#base.slots.forEach((set, slot) => {
      if (!this.#put.has(slot)) used.add(set);
    });
    for (const [slot, { old }] of this.#base.changes) if (!this.#put.has(slot)) used.add(old);
    const given = new Set(this.#members.map(memberName));
    const holding = new Set([...used].flatMap((set) => sets[set] ?? []));
    const table = new SetTable([...new Set([...members.filter((member, index) => given.has(memberName(member)) || holding.has(index)).map(memberName), ...given])]);
    for (const [set, names] of this.#baseNames.entries()) if (used.has(set) || (sets.length <= used.size + idleSets && names.every((name) => table.knows(name)))) table.set(names);
    return table;
  }
}

/** Sets that nobody uses any longer are left where they are, since a small difference to the map before is worth more; but not more than so many. */
const idleSets = 1024;

/** Replica sets and members by name, numbered as they come after those there were. */
class SetTable {
  readonly names: string[];
  readonly sets: number[][] = [];
  readonly #members: Map<string, number>;
  readonly #numbers = new Map<string, number>();

  constructor(names: readonly string[]) {
    this.names = [...names];
    this.#members = new Map(names.map((name, index) => [name, index]));
  }

  knows(name: string): boolean {
    return this.#members.has(name);
  }

  member(name: string): number {
    const known = this.#members.get(name);
    if (known !== undefined) return known;
    this.#members.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  set(names: readonly string[]): number {
    const members = names.map((name) => this.member(name));
    const text = members.join();
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.sets.push(members) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

function sameOverrides(a: ShardMap, b: ShardMap): boolean {
  return a.overrides.size === b.overrides.size && [...b.overrides].every(([tag, set]) => namesOf(a, a.overrides.get(tag) ?? -1).join() === namesOf(b, set).join());
}
