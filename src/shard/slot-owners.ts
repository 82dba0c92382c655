import { murmur3 } from '../lib/hash.ts';
import { tally } from '../lib/tally.ts';
import { memberName, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { targetsOf, zonesOf } from './shares.ts';
import { nobody, SlotTable } from './slot-table.ts';

/*
 * Who owns which slot, before load is looked at. Intuition: a table can keep whatever it had, so only what must move does: owners
 * that are gone are replaced, and members with less than their share take slots from those with more, no further than to balance.
 * That is the least possible movement by construction (facts/sharding.md 4.1). Limits: counts slots, not load; affinity.ts refines it.
 */

/** The owners a map gives each slot, as indexes into these members; places of members that are gone, or that there were none for, are open. */
export function keptOwners(members: readonly Member[], previous: ShardMap | undefined, replicas: number): SlotTable {
  const table = new SlotTable(replicas);
  if (previous === undefined) return table;
  const indexOf = new Map(members.map((member, index) => [memberName(member), index]));
  const sets = previous.sets.map((set) => set.flatMap((index) => indexOf.get(memberName(previous.members[index] as Member)) ?? []).slice(0, replicas));
  for (let slot = 0; slot < slotCount; slot++) for (const [place, member] of (sets[previous.slots[slot] ?? 0] ?? []).entries()) table.put(slot, place, member);
  return table;
}

/** Puts every slot's owners in the order they had in the table before: who stays keeps the place, who is new takes the place of one that is gone. */
export function keepPlaces(table: SlotTable, before: SlotTable): void {
  for (let slot = 0; slot < slotCount; slot++) {
    if (sameOrder(table, before, slot)) continue;
    const set = table.set(slot);
    const joined = set.filter((member) => !before.holds(slot, member));
    for (let place = 0; place < table.replicas; place++) {
      const old = before.at(slot, place);
      table.put(slot, place, old !== nobody && set.includes(old) ? old : joined.shift() as number);
    }
  }
}

function sameOrder(table: SlotTable, before: SlotTable, slot: number): boolean {
  for (let place = 0; place < table.replicas; place++) if (table.at(slot, place) !== before.at(slot, place)) return false;
  return true;
}

/** Rendezvous scores are so many. */
const scoreSteps = 2 ** 32;

/** Counts of slots while owners are assigned. */
export class SlotAssignment {
  readonly table: SlotTable;
  /** Slots that each member owns, and should own. */
  readonly counts: Float64Array;
  readonly targets: readonly number[];
  readonly #members: readonly Member[];
  readonly #hashes: Uint32Array;
  readonly #zones: Uint16Array;
  readonly #zonesWanted: number;

  constructor(members: readonly Member[], table: SlotTable) {
    const { zones, count } = zonesOf(members);
    this.table = table;
    this.counts = table.counts(members.length);
    this.targets = targetsOf(members, table.replicas);
    this.#members = members;
    this.#hashes = Uint32Array.from(members, ({ id }) => murmur3(id));
    this.#zones = zones;
    this.#zonesWanted = Math.min(count, table.replicas);
  }

  /**
   * Fills the open places of a slot: another zone first, then room under the target, then the least cost, then the highest rendezvous score.
   * @param costAt what the slot would cost at a member; left out where nothing is known of it
   */
  fill(slot: number, costAt?: (member: number) => number): void {
    for (let place = 0; place < this.table.replicas; place++) {
      if (this.table.at(slot, place) !== nobody) continue;
      const member = this.#bestFor(slot, costAt);
      this.table.put(slot, place, member);
      tally(this.counts, member, 1);
    }
  }

  /** Gives one place of a slot to another member. */
  replace(slot: number, place: number, by: number): void {
    tally(this.counts, this.table.at(slot, place), -1);
    tally(this.counts, by, 1);
    this.table.put(slot, place, by);
  }

  /** Whether a member owns more slots than it should. */
  isAbove(member: number): boolean {
    return (this.counts[member] as number) > (this.targets[member] as number);
  }

  /** How many slots a member is short of its target. */
  missing(member: number): number {
    return (this.targets[member] as number) - (this.counts[member] as number);
  }

  /** Whether the slot has as many zones as it can with this member at that place. */
  keepsZones(slot: number, place: number, by: number): boolean {
    return this.#zonesWith(slot, place, by) >= Math.min(this.#zonesWanted, this.#zonesWith(slot, place, this.table.at(slot, place)));
  }

  /** Replaces owners that share a zone with an earlier one, where a member of another zone is free. */
  separateZones(): void {
    if (this.#zonesWanted < 2) return;
    for (let slot = 0; slot < slotCount; slot++) {
      for (let place = 1; place < this.table.replicas; place++) {
        if (this.#zonesWith(slot, -1, 0) >= this.#zonesWanted) break;
        const before = this.table.at(slot, place);
        this.table.put(slot, place, nobody);
        tally(this.counts, before, -1);
        const best = this.#zonesWith(slot, -1, 0) === this.#zonesWith(slot, place, before) ? this.#bestFor(slot) : before;
        this.table.put(slot, place, best);
        tally(this.counts, best, 1);
      }
    }
  }

  /** A member below its target takes slots from those above it, at most so many: those first that nothing is expected of, then those it scores highest for. Returns how many. */
  level(under: number, isInUse: (slot: number) => boolean, most: number = Number.POSITIVE_INFINITY): number {
    const wanted = Math.min(most, this.missing(under));
    if (wanted <= 0) return 0;
    // one number for the rank, the score and the slot, which sorts without being compared one by one
    const order = Float64Array.from({ length: slotCount }, (_, slot) => ((isInUse(slot) ? 0 : 1) + this.#scoreOf(under, slot)) * scoreSteps * slotCount + (slotCount - 1 - slot)).sort();
    let taken = 0;
    for (let at = slotCount - 1; at >= 0 && taken < wanted; at--) {
      const slot = slotCount - 1 - ((order[at] as number) % slotCount);
      const place = this.table.holds(slot, under) ? -1 : this.#giver(slot);
      if (place < 0 || !this.keepsZones(slot, place, under)) continue;
      this.replace(slot, place, under);
      taken++;
    }
    return taken;
  }

  #bestFor(slot: number, costAt?: (member: number) => number): number {
    let best = -1;
    let bestRank = Number.NEGATIVE_INFINITY;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let member = 0; member < this.#members.length; member++) {
      if (this.table.holds(slot, member)) continue;
      const room = (this.counts[member] as number) < (this.targets[member] as number);
      const rank = (this.#sharesZone(slot, member) ? 0 : 4) + (room ? 2 : 0);
      if (rank < bestRank) continue;
      const cost = (costAt?.(member) ?? 0) - 1e-9 * this.#scoreOf(member, slot);
      if (rank > bestRank || cost < bestCost) [best, bestRank, bestCost] = [member, rank, cost];
    }
    return best;
  }

  /** The place in the set whose owner is most above its target; -1 when none is. */
  #giver(slot: number): number {
    let best = -1;
    let most = 0;
    for (let place = 0; place < this.table.replicas; place++) {
      const above = -this.missing(this.table.at(slot, place));
      if (above > most) [best, most] = [place, above];
    }
    return best;
  }

  #sharesZone(slot: number, member: number): boolean {
    for (let place = 0; place < this.table.replicas; place++) {
      const other = this.table.at(slot, place);
      if (other !== nobody && this.#zones[other] === this.#zones[member]) return true;
    }
    return false;
  }

  /** Zones of a slot's owners, with another one at a place; -1: as it is. */
  #zonesWith(slot: number, place: number, by: number): number {
    const owner = (at: number): number => (at === place ? by : this.table.at(slot, at));
    let zones = 0;
    for (let at = 0; at < this.table.replicas; at++) {
      let isNew = owner(at) !== nobody;
      for (let earlier = 0; isNew && earlier < at; earlier++) isNew = owner(earlier) === nobody || this.#zones[owner(earlier)] !== this.#zones[owner(at)];
      if (isNew) zones++;
    }
    return zones;
  }

  /** Rendezvous score in [0, 1) of a member for a slot (Thaler and Ravishankar 1998): stable whoever else is there. */
  #scoreOf(member: number, slot: number): number {
    let mixed = Math.imul((this.#hashes[member] as number) ^ Math.imul(slot + 1, 0x9e3779b1), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / scoreSteps;
  }
}
