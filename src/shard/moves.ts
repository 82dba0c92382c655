import { memberName, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';

/** Owners that a slot, or a hot element, gains and loses: what handing over acts on. Members by name (id, and life where it has one). */
export interface SlotMove {
  readonly slot: number | null;
  /** The hash of the hot tag this is about; null: the slot as a whole. */
  readonly tag: number | null;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/**
 * What has to be copied and dropped to get from one map to the next. A hot tag that had no set of its own, or has none any longer, is owned as its slot is; what its slot gains or loses
 * is said once, of the slot, and not again of the tag.
 */
export function movesBetween(before: ShardMap, after: ShardMap): SlotMove[] {
  return [...slotMoves(before, after), ...tagMoves(before, after)];
}

/** The part of {@link movesBetween} that is about slots as a whole. */
function slotMoves(before: ShardMap, after: ShardMap): SlotMove[] {
  const [namesBefore, namesAfter] = [namesOf(before), namesOf(after)];
  const moves: SlotMove[] = [];
  const known = new Map<number, Change>();
  for (let slot = 0; slot < slotCount; slot++) {
    const [was, is] = [before.slots[slot] ?? 0, after.slots[slot] ?? 0];
    const pair = was * slotCount + is;
    let change = known.get(pair);
    if (change === undefined) known.set(pair, (change = changeOf(namesBefore[was] ?? [], namesAfter[is] ?? [])));
    if (change.add.length > 0 || change.remove.length > 0) moves.push({ slot, tag: null, ...change });
  }
  return moves;
}

/** The part of {@link movesBetween} that is about tags with sets of their own: all there is where slots stay as they are. */
export function tagMoves(before: ShardMap, after: ShardMap): SlotMove[] {
  const [namesBefore, namesAfter] = [namesOf(before), namesOf(after)];
  const moves: SlotMove[] = [];
  for (const tag of new Set([...before.overrides.keys(), ...after.overrides.keys()])) {
    const [oldSlot, nowSlot] = [namesBefore[before.slots[tag >>> 16] ?? 0] ?? [], namesAfter[after.slots[tag >>> 16] ?? 0] ?? []];
    const whole = changeOf(namesBefore[before.overrides.get(tag) ?? -1] ?? oldSlot, namesAfter[after.overrides.get(tag) ?? -1] ?? nowSlot);
    const bySlot = changeOf(oldSlot, nowSlot);
    // who joins or leaves the slot gets or drops all of it, this element included
    const [add, remove] = [without(whole.add, bySlot.add), without(whole.remove, bySlot.remove)];
    if (add.length > 0 || remove.length > 0) moves.push({ slot: null, tag, add, remove });
  }
  return moves;
}

type Change = Pick<SlotMove, 'add' | 'remove'>;

function changeOf(old: readonly string[], now: readonly string[]): Change {
  return { add: without(now, old), remove: without(old, now) };
}

function without(names: readonly string[], others: readonly string[]): string[] {
  return names.filter((name) => !others.includes(name));
}

function namesOf(map: ShardMap): string[][] {
  return map.sets.map((set) => set.map((index) => memberName(map.members[index] as Member)));
}
