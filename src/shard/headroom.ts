import type { MemberHeadroom } from '../model/heatmap.ts';
import type { Member } from '../model/shard-map.ts';

/** Headroom counts in steps, so that a forecast that trembles moves nothing; and no member is so full that it owns nothing. */
const steps = 10;

/**
 * Members with the capacity that their headroom leaves them: times the least that is forecast for any bucket and resource. Headroom is matched by member id, address, or
 * the host and port in it; a member that nothing is known of counts as the average of the others.
 */
export function withHeadroom(members: readonly Member[], headrooms: readonly MemberHeadroom[]): Member[] {
  const shares = members.map((member) => {
    const least = leastHeadroom(member, headrooms);
    return least === undefined ? undefined : stepped(least);
  });
  const known = shares.filter((share) => share !== undefined);
  if (known.length === 0) return [...members];
  const average = stepped(known.reduce((sum, share) => sum + share, 0) / known.length);
  return members.map((member, index) => ({ ...member, capacity: member.capacity * (shares[index] ?? average) }));
}

/** The least headroom forecast for a member, of any bucket and resource; undefined: nothing is known of it. */
export function leastHeadroom(member: Member, headrooms: readonly MemberHeadroom[]): number | undefined {
  const values = headrooms.filter((one) => names(member).has(one.member)).flatMap(({ headroom }) => headroom);
  return values.length === 0 ? undefined : values.reduce((least, value) => Math.min(least, value), 1);
}

function names({ id, address }: Member): ReadonlySet<string> {
  return new Set([id, address, address.replace(/^\w+:\/\//, '')]);
}

function stepped(share: number): number {
  return Math.min(steps, Math.max(1, Math.round(share * steps))) / steps;
}
