import { memberName, shardMapFormatVersion, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import type { SlotTable } from './slot-table.ts';

/** Replica sets have 16-bit numbers, and the last one means none in a directory. */
const mostSets = 65_535;

/** The oldest that an entry is said to be. */
const oldest = 255;

/**
 * The map of a table of owners. What did not change stays as it was, to the number of its replica set and the order in it, so that the difference of two maps is small: a slot whose
 * owners are the same as before becomes one epoch older, another one begins at 0. When nothing at all differs, the epoch stays.
 */
export function mapOf(options: { readonly members: readonly Member[]; readonly table: SlotTable; readonly previous: ShardMap | undefined; readonly overrides: ReadonlyMap<number, readonly number[]> }): ShardMap {
  const { members, table, previous } = options;
  const before = previous === undefined ? undefined : translated(previous, members);
  const sets = new SetNumbers(before, previous);
  const slots = new Uint16Array(slotCount);
  const ages = new Uint8Array(slotCount);
  const changed: number[] = [];
  for (let slot = 0; slot < slotCount; slot++) {
    const was = previous?.slots[slot] ?? 0;
    if (before !== undefined && sameMembers(before[was], table, slot)) {
      slots[slot] = sets.keep(was);
      ages[slot] = Math.min(oldest, (previous?.ages[slot] ?? 0) + 1);
    } else changed.push(slot);
  }
  const kept = [...options.overrides].map(([tag, set]) => ({ tag, set, number: keptOverride(tag, set, sets, before, previous) }));
  for (const slot of changed) slots[slot] = sets.number(table.set(slot)) as number;
  const overrides = new Map<number, number>();
  for (const { tag, set, number } of kept) {
    const known = number ?? sets.number(set);
    if (known !== undefined) overrides.set(tag, known); // numbers can run out with many hundreds of members: the coldest go without
  }
  const map = { kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: previous?.incarnation ?? 0, epoch: (previous?.epoch ?? 0) + 1, members, sets: sets.list, slots, ages, overrides, changes: new Map() } as const;
  const isSame = previous !== undefined && changed.length === 0 && JSON.stringify(previous.members) === JSON.stringify(members) && sameOverrides(previous, map);
  return isSame ? { ...map, epoch: previous.epoch, ages: previous.ages } : map;
}

/** The replica sets of a map as indexes into other members; undefined: one of the set is gone. */
function translated(previous: ShardMap, members: readonly Member[]): (readonly number[] | undefined)[] {
  const indexOf = new Map(members.map((member, index) => [memberName(member), index]));
  return previous.sets.map((set) => {
    const now = set.flatMap((index) => indexOf.get(memberName(previous.members[index] as Member)) ?? []);
    return now.length === set.length ? now : undefined;
  });
}

function sameMembers(set: readonly number[] | undefined, table: SlotTable, slot: number): boolean {
  return set !== undefined && set.length === table.replicas && set.every((member) => table.holds(slot, member));
}

/** The number of the tag's set before, where it has the same owners still, in an order that begins with those of its slot. */
function keptOverride(tag: number, set: readonly number[], sets: SetNumbers, before: readonly (readonly number[] | undefined)[] | undefined, previous: ShardMap | undefined): number | undefined {
  const was = previous?.overrides.get(tag);
  const old = was === undefined ? undefined : before?.[was];
  if (was === undefined || old === undefined || old.length !== set.length || !set.every((member) => old.includes(member))) return undefined;
  return sets.keep(was);
}

function sameOverrides(before: ShardMap, after: ShardMap): boolean {
  if (before.overrides.size !== after.overrides.size) return false;
  for (const [tag, set] of after.overrides) if (before.sets[before.overrides.get(tag) ?? -1]?.join() !== after.sets[set]?.join()) return false;
  return true;
}

/** Gives replica sets their numbers: those still in use keep theirs, others take what has become free. */
class SetNumbers {
  readonly #sets: (readonly number[] | undefined)[];
  readonly #before: readonly (readonly number[] | undefined)[];
  readonly #numbers = new Map<string, number>();
  #free = 0;

  constructor(before: readonly (readonly number[] | undefined)[] | undefined, previous: ShardMap | undefined) {
    this.#before = before ?? [];
    this.#sets = Array.from({ length: previous?.sets.length ?? 0 });
  }

  get list(): readonly (readonly number[])[] {
    const filler = this.#sets.find((set) => set !== undefined) ?? [];
    while (this.#sets.length > 0 && this.#sets.at(-1) === undefined) this.#sets.pop();
    return this.#sets.map((set) => set ?? filler);
  }

  keep(number: number): number {
    const set = this.#before[number] as readonly number[];
    if (this.#sets[number] === undefined) {
      this.#sets[number] = set;
      if (!this.#numbers.has(set.join())) this.#numbers.set(set.join(), number);
    }
    return number;
  }

  /** undefined: there are no numbers left. */
  number(set: readonly number[]): number | undefined {
    const name = set.join();
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    while (this.#sets[this.#free] !== undefined) this.#free++;
    if (this.#free >= mostSets) return undefined;
    this.#sets[this.#free] = [...set];
    this.#numbers.set(name, this.#free);
    return this.#free;
  }
}
