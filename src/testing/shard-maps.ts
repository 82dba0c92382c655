import { sfc32 } from '../lib/prng.ts';
import { shardMapFormatVersion, slotCount, type ShardMap } from '../model/shard-map.ts';

/** What a random shard map is made of. */
export interface ShardMapSeed {
  readonly seed: number;
  readonly members: number;
  /** Replica sets, hot tags and slots under way. */
  readonly sets: number;
  readonly overrides: number;
  readonly changes: number;
}

/** Any sound shard map: the same seed gives the same one. */
export function shardMapOf({ seed, members, sets, overrides, changes }: ShardMapSeed): ShardMap {
  const prng = sfc32(`${seed.toString(16).padStart(8, '0')}000000020000000300000004`);
  const below = (most: number): number => Math.floor(prng.next() * most);
  const set = (): number[] => [...new Set(Array.from({ length: 1 + below(3) }, () => below(members)))];
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 3, epoch: 300,
    members: Array.from({ length: members }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index % 2}`, capacity: 1 + below(3), ...below(2) === 0 ? {} : { life: `l${below(9)}` } })),
    sets: Array.from({ length: sets }, set),
    slots: Uint16Array.from({ length: slotCount }, () => below(sets)), ages: Uint8Array.from({ length: slotCount }, () => below(256)),
    overrides: new Map(Array.from({ length: overrides }, () => [prng.nextUint32(), below(sets)])),
    changes: new Map(Array.from({ length: changes }, () => [below(slotCount), { old: below(sets), joining: set(), pull: 1 + below(2) }])),
  };
}

/** Everything on all of these members. */
export function mapOver(ids: readonly string[]): ShardMap {
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members: ids.map((id) => ({ id, address: 'embedded', zone: id, capacity: 1 })),
    sets: [[...ids.keys()]], slots: new Uint16Array(slotCount), ages: new Uint8Array(slotCount), overrides: new Map(), changes: new Map(),
  };
}

/** A later map of the same incarnation that shares most of the first: a small step when `drift` is small. */
export function laterMap(map: ShardMap, other: ShardMap, { epochs, drift, seed }: { readonly epochs: number; readonly drift: number; readonly seed: number }): ShardMap {
  const prng = sfc32(`${seed.toString(16).padStart(8, '0')}000000050000000600000007`);
  const moves = (): boolean => prng.next() < drift;
  const setOf = (number: number): number => (number < other.sets.length ? number : 0);
  const slots = Uint16Array.from({ length: slotCount }, (_, slot) => setOf((moves() ? other : map).slots[slot] as number));
  return {
    ...other, incarnation: map.incarnation, epoch: map.epoch + epochs, slots,
    ages: Uint8Array.from(slots, (set, slot) => (moves() ? prng.nextUint32() % 256 : set === map.slots[slot] ? Math.min(255, (map.ages[slot] as number) + epochs) : 0)),
    overrides: new Map([...[...map.overrides].filter(() => !moves()).map(([tag, set]) => [tag, setOf(set)] as const), ...[...other.overrides].filter(moves)]),
  };
}
