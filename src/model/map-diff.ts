import { assert } from '../lib/assert.ts';
import { ForeshardError } from './errors.ts';
import { slotCount, type Member, type ShardMap, type SlotChange } from './shard-map.ts';

/** The format of ShardMapDiff files this release writes. */
export const shardMapDiffFormatVersion = 1;

/** An epoch as it is compared. */
export interface MapEpoch {
  readonly incarnation: number;
  readonly epoch: number;
}

/** What leads from one shard map to the next: what a client that has the one needs to have the other. Within one incarnation only. */
export interface ShardMapDiff {
  readonly kind: 'shard-map-diff';
  readonly formatVersion: number;
  /** The map it fits, and a checksum of that map. */
  readonly from: MapEpoch;
  readonly base: number;
  readonly to: MapEpoch;
  /** Left out: the same members in the same order. */
  readonly members?: readonly Member[];
  /** How many sets there are, and those that are others than before, by number. */
  readonly setCount: number;
  readonly sets: readonly (readonly [number, readonly number[]])[];
  /** Slots with another set, and these sets. */
  readonly slots: Uint16Array;
  readonly slotSets: Uint16Array;
  /** Ages of slots that are not what the rule gives: 0 where the set is another, else older by the epochs between. */
  readonly ages: readonly (readonly [number, number])[];
  readonly overrides: readonly (readonly [number, number])[];
  readonly overridesGone: readonly number[];
  readonly changes: readonly (readonly [number, SlotChange])[];
  readonly changesGone: readonly number[];
}

/** What leads from one map to a later one of the same incarnation. */
export function diffMaps(before: ShardMap, after: ShardMap): ShardMapDiff {
  assert(before.incarnation === after.incarnation && before.epoch <= after.epoch, 'a diff leads to a later map of the same incarnation');
  const slots: number[] = [];
  const ages: [number, number][] = [];
  for (let slot = 0; slot < slotCount; slot++) {
    const isOther = before.slots[slot] !== after.slots[slot];
    if (isOther) slots.push(slot);
    const age = after.ages[slot] as number;
    if (age !== (isOther ? 0 : olderBy(before, after.epoch, slot))) ages.push([slot, age]);
  }
  return {
    kind: 'shard-map-diff', formatVersion: shardMapDiffFormatVersion,
    from: { incarnation: before.incarnation, epoch: before.epoch }, base: checksum(before), to: { incarnation: after.incarnation, epoch: after.epoch },
    ...sameText(before.members, after.members) ? {} : { members: after.members },
    setCount: after.sets.length,
    sets: [...after.sets.entries()].filter(([number, set]) => !sameText(before.sets[number], set)),
    slots: Uint16Array.from(slots), slotSets: Uint16Array.from(slots, (slot) => after.slots[slot] as number), ages,
    ...differing(before.overrides, after.overrides, 'overrides'), ...differing(before.changes, after.changes, 'changes'),
  };
}

/** The map that a diff leads to. @throws ForeshardError `map_outdated` when it is not for this map, `recording_damaged` when what comes out is no map */
export function applyDiff(map: ShardMap, diff: ShardMapDiff): ShardMap {
  const { from, to } = diff;
  if (from.incarnation !== map.incarnation || from.epoch !== map.epoch || diff.base !== checksum(map)) {
    throw new ForeshardError('map_outdated', `The difference is for the shard map of epoch ${from.incarnation}.${from.epoch}; this is another one, of epoch ${map.incarnation}.${map.epoch}.`, { hint: 'Fetch the whole map.' });
  }
  const sets = Array.from({ length: diff.setCount }, (_, number) => map.sets[number]);
  for (const [number, set] of diff.sets) sets[number] = set;
  const slots = map.slots.slice();
  const ages = Uint8Array.from({ length: slotCount }, (_, slot) => olderBy(map, to.epoch, slot));
  for (const [index, slot] of diff.slots.entries()) {
    slots[slot] = diff.slotSets[index] as number;
    ages[slot] = 0;
  }
  for (const [slot, age] of diff.ages) ages[slot] = age;
  const next = {
    ...map, ...to, members: diff.members ?? map.members, sets: sets.map((set) => set ?? []), slots, ages,
    overrides: patched(map.overrides, diff.overrides, diff.overridesGone), changes: patched(map.changes, diff.changes, diff.changesGone),
  };
  requireWhole(next, diff.setCount);
  return next;
}

function requireWhole({ members, sets, slots, overrides, changes }: ShardMap, setCount: number): void {
  const isSet = (number: number): boolean => number < sets.length;
  const whole = sets.length === setCount && sets.every((set) => set.length > 0 && set.every((member) => member < members.length)) && slots.every(isSet) && [...overrides.values()].every(isSet)
    && [...changes.values()].every(({ old, joining }) => isSet(old) && joining.every((member) => member < members.length));
  if (!whole) throw new ForeshardError('recording_damaged', 'This is no shard-map-diff: it leads to slots without owners.', { hint: 'Fetch the whole map.' });
}

/** The age that a slot has at a later epoch if nothing happens to it. */
function olderBy(map: ShardMap, epoch: number, slot: number): number {
  return Math.min(255, (map.ages[slot] as number) + epoch - map.epoch);
}

/** Tells maps of one epoch apart: FNV-1a over slots, ages and overrides. */
function checksum({ slots, ages, overrides }: ShardMap): number {
  let hash = 0x811c9dc5;
  for (let slot = 0; slot < slotCount; slot++) hash = Math.imul(hash ^ (slots[slot] as number) ^ ((ages[slot] as number) << 16), 0x01000193);
  for (const [tag, set] of [...overrides].sort(([a], [b]) => a - b)) hash = Math.imul(Math.imul(hash ^ tag, 0x01000193) ^ set, 0x01000193);
  return hash >>> 0;
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function differing<T, N extends string>(before: ReadonlyMap<number, T>, after: ReadonlyMap<number, T>, name: N): Record<N, (readonly [number, T])[]> & Record<`${N}Gone`, number[]> {
  // Many slots change in the same way and share what says so: each is written once.
  const texts = new Map<T | undefined, string>();
  const textOf = (value: T | undefined): string => {
    let text = texts.get(value);
    if (text === undefined) texts.set(value, (text = JSON.stringify(value)));
    return text;
  };
  const changed = [...after].filter(([key, value]) => !before.has(key) || textOf(before.get(key)) !== textOf(value));
  const gone = [...before.keys()].filter((key) => !after.has(key));
  return { [name]: changed, [`${name}Gone`]: gone } as Record<N, (readonly [number, T])[]> & Record<`${N}Gone`, number[]>;
}

function patched<T>(before: ReadonlyMap<number, T>, changed: readonly (readonly [number, T])[], gone: readonly number[]): Map<number, T> {
  const map = new Map(before);
  for (const key of gone) map.delete(key);
  for (const [key, value] of changed) map.set(key, value);
  return map;
}
