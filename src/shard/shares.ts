import { slotCount, type Member } from '../model/shard-map.ts';

/** Capacities of zero or less count as very little rather than as nothing: someone has to own the slots. */
export function capacityOf(member: Member): number {
  return member.capacity > 0 ? member.capacity : 1e-6;
}

/** The share of all capacity that each member has; the sum is 1. */
export function sharesOf(members: readonly Member[]): Float64Array {
  const total = members.reduce((sum, member) => sum + capacityOf(member), 0);
  return Float64Array.from(members, (member) => capacityOf(member) / total);
}

/** Zones by member, as numbers, and how many there are. */
export function zonesOf(members: readonly Member[]): { readonly zones: Uint16Array; readonly count: number } {
  const names = [...new Set(members.map(({ zone }) => zone))];
  return { zones: Uint16Array.from(members, ({ zone }) => names.indexOf(zone)), count: names.length };
}

/** The slots each member should own: its share of the capacity, rounded so that the sum is right. A member can own each slot once: what a large one cannot take is shared by the others. */
export function targetsOf(members: readonly Member[], replicas: number): number[] {
  const total = slotCount * replicas;
  const targets = members.map(() => 0);
  let open = members.map((_, index) => index);
  let left = total;
  for (let full = open; full.length > 0 && open.length > 0;) {
    const capacity = open.reduce((sum, index) => sum + capacityOf(members[index] as Member), 0);
    const share = (index: number): number => (left * capacityOf(members[index] as Member)) / capacity;
    full = open.filter((index) => share(index) >= slotCount);
    for (const index of open) targets[index] = Math.min(slotCount, Math.floor(share(index)));
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
