import { murmur3 } from '../lib/hash.ts';
import { slotCount, type Member, type ShardMap } from '../model/shard-map.ts';

/*
 * Who owns which slot, before load is looked at. Intuition: a table can keep whatever it had, so only what must move does. Owners
 * that are gone are replaced, and members with less than their share take slots from those with more, no further than to balance.
 * That is the least possible movement by construction (facts/sharding.md 4.1). Limits: counts slots, not load; placement.ts refines it.
 */

/** Owners by slot, as indexes into the members, the preferred one first; and how many slots each member owns. */
export interface SlotOwners {
  readonly owners: number[][];
  readonly counts: number[];
}

/** Owners of every slot: `replicas` different members (all of them where there are fewer), of different zones where there are enough. */
export function assignSlots(members: readonly Member[], previous: ShardMap | undefined, replicas: number): SlotOwners {
  const wanted = Math.min(replicas, members.length);
  const owners = keptOwners(members, previous, wanted);
  const counts = members.map(() => 0);
  for (const set of owners) for (const member of set) counts[member] = (counts[member] ?? 0) + 1;
  const state = { members, owners, counts, targets: targetsOf(members, wanted) };
  for (let slot = 0; slot < slotCount; slot++) while ((owners[slot] as number[]).length < wanted) addOwner(state, slot);
  separateZones(state);
  // Grouping by load leaves counts a little uneven on purpose; only another membership is a reason to level them.
  if (previous === undefined || !sameShares(members, previous, wanted)) level(state);
  return { owners, counts };
}

function sameShares(members: readonly Member[], previous: ShardMap, wanted: number): boolean {
  const shares = (list: readonly Member[]): string => list.map((member) => JSON.stringify([member.id, member.capacity, member.zone])).sort((a, b) => (a < b ? -1 : 1)).join();
  return shares(members) === shares(previous.members) && previous.sets.every((set, index) => index !== previous.slots[0] || set.length === wanted);
}

/** The slots each member should own: its share of the capacity, rounded so that the sum is right. */
export function targetsOf(members: readonly Member[], replicas: number): number[] {
  const total = slotCount * replicas;
  const targets = members.map(() => 0);
  // A member can own each slot once: what a large one cannot take is shared by the others.
  let open = members.map((_, index) => index);
  let left = total;
  for (let changed = true; changed && open.length > 0;) {
    const capacity = open.reduce((sum, index) => sum + capacityOf(members[index] as Member), 0);
    const full = open.filter((index) => (left * capacityOf(members[index] as Member)) / capacity >= slotCount);
    changed = full.length > 0 && full.length < open.length;
    for (const index of changed ? full : open) targets[index] = changed ? slotCount : Math.min(slotCount, Math.floor((left * capacityOf(members[index] as Member)) / capacity));
    if (!changed) break;
    left -= full.length * slotCount;
    open = open.filter((index) => !full.includes(index));
  }
  let rest = total - targets.reduce((sum, target) => sum + target, 0);
  for (let index = 0; rest > 0; index = (index + 1) % members.length) {
    if ((targets[index] as number) >= slotCount) continue;
    targets[index] = (targets[index] as number) + 1;
    rest -= 1;
  }
  return targets;
}

/** Capacities of zero or less count as very little rather than as nothing: someone has to own the slots. */
export function capacityOf(member: Member): number {
  return member.capacity > 0 ? member.capacity : 1e-6;
}

interface Assignment {
  readonly members: readonly Member[];
  readonly owners: number[][];
  readonly counts: number[];
  readonly targets: readonly number[];
}

function keptOwners(members: readonly Member[], previous: ShardMap | undefined, wanted: number): number[][] {
  const indexOf = new Map(members.map((member, index) => [member.id, index]));
  const sets = previous?.sets.map((set) => {
    const kept = set.flatMap((index) => indexOf.get(previous.members[index]?.id ?? '') ?? []);
    return [...new Set(kept)].slice(0, wanted);
  });
  return Array.from({ length: slotCount }, (_, slot) => [...(sets?.[previous?.slots[slot] ?? 0] ?? [])]);
}

/** The best member not in the set yet: another zone first, then room under its target, then the highest score for this slot. */
function addOwner(state: Assignment, slot: number): void {
  const set = state.owners[slot] as number[];
  let best = -1;
  let bestRank = Number.NEGATIVE_INFINITY;
  for (let member = 0; member < state.members.length; member++) {
    if (set.includes(member)) continue;
    const room = (state.counts[member] as number) < (state.targets[member] as number);
    const rank = (sharesZone(state, set, member) ? 0 : 4) + (room ? 2 : 0) + scoreOf(state.members[member] as Member, slot);
    if (rank > bestRank) [best, bestRank] = [member, rank];
  }
  set.push(best);
  state.counts[best] = (state.counts[best] as number) + 1;
}

/** Replaces owners that share a zone with an earlier one, where a member of another zone is free. */
function separateZones(state: Assignment): void {
  const zones = new Set(state.members.map((member) => member.zone)).size;
  if (zones < 2) return;
  for (const [slot, set] of state.owners.entries()) {
    if (zonesOf(state.members, set) >= Math.min(zones, set.length)) continue;
    for (let place = 1; place < set.length; place++) {
      const others = set.filter((_, index) => index !== place);
      if (!sharesZone(state, others, set[place] as number)) continue;
      const better = rankedFor(state, slot).find((member) => !set.includes(member) && !sharesZone(state, others, member));
      if (better !== undefined) replace(state, set, place, better);
    }
  }
}

/** Moves slots from members above their target to members below it, until one of the two kinds is used up. */
function level(state: Assignment): void {
  const { counts, targets, members, owners } = state;
  for (let under = 0; under < members.length; under++) {
    let missing = (targets[under] as number) - (counts[under] as number);
    if (missing <= 0) continue;
    const id = members[under] as Member;
    const order = Array.from({ length: slotCount }, (_, slot) => slot).map((slot) => ({ slot, score: scoreOf(id, slot) })).sort((a, b) => b.score - a.score || a.slot - b.slot);
    for (const { slot } of order) {
      if (missing <= 0) break;
      const set = owners[slot] as number[];
      const place = set.includes(under) ? -1 : giver(state, set);
      if (place < 0 || zonesOf(members, set.with(place, under)) < zonesOf(members, set)) continue;
      replace(state, set, place, under);
      missing -= 1;
    }
  }
}

/** The place in the set whose owner is most above its target; -1 when none is. */
function giver(state: Assignment, set: readonly number[]): number {
  let best = -1;
  let most = 0;
  for (const [place, member] of set.entries()) {
    const above = (state.counts[member] as number) - (state.targets[member] as number);
    if (above > most) [best, most] = [place, above];
  }
  return best;
}

function replace(state: Assignment, set: number[], place: number, by: number): void {
  const before = set[place] as number;
  set[place] = by;
  state.counts[before] = (state.counts[before] as number) - 1;
  state.counts[by] = (state.counts[by] as number) + 1;
}

/** Different zones among these members: availability comes before balance. */
export function zonesOf(members: readonly Member[], set: readonly number[]): number {
  return new Set(set.map((member) => members[member]?.zone)).size;
}

function rankedFor(state: Assignment, slot: number): number[] {
  const ranks = state.members.map((member, index) => ({ index, rank: ((state.counts[index] as number) < (state.targets[index] as number) ? 2 : 0) + scoreOf(member, slot) }));
  return ranks.sort((a, b) => b.rank - a.rank || a.index - b.index).map(({ index }) => index);
}

function sharesZone(state: Assignment, set: readonly number[], member: number): boolean {
  const { zone } = state.members[member] as Member;
  return set.some((other) => state.members[other]?.zone === zone);
}

const memberHashes = new WeakMap<Member, number>();

/** Rendezvous score in [0, 1) of a member for a slot (Thaler and Ravishankar 1998): stable whoever else is there. */
function scoreOf(member: Member, slot: number): number {
  let hash = memberHashes.get(member);
  if (hash === undefined) memberHashes.set(member, (hash = murmur3(member.id)));
  let mixed = Math.imul(hash ^ Math.imul(slot + 1, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4294967296;
}
