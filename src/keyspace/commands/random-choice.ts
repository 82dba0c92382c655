import type { ByteString } from '../../lib/bytes.ts';

/** Distinct members: the hinted ones that are there, then others at random, `count` at most. */
export function chooseDistinct(options: {
  readonly members: readonly ByteString[];
  readonly count: number;
  readonly hint: readonly ByteString[] | undefined;
  readonly random: () => number;
}): ByteString[] {
  const { members, count, hint, random } = options;
  const wanted = Math.min(count, members.length);
  const chosen = new Set<ByteString>();
  if (hint !== undefined) {
    const present = new Set(members);
    for (const member of hint) if (chosen.size < wanted && present.has(member)) chosen.add(member);
  }
  if (chosen.size === wanted) return [...chosen];
  // The first steps of a Fisher-Yates shuffle: no more draws than members asked for.
  const pool = members.filter((member) => !chosen.has(member));
  for (let i = 0; chosen.size < wanted; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    const drawn = pool[j] as ByteString;
    pool[j] = pool[i] as ByteString;
    chosen.add(drawn);
  }
  return [...chosen];
}

/** `count` members with repetition: the hinted ones that are there, then others at random. */
export function chooseRepeating(options: {
  readonly members: readonly ByteString[];
  readonly count: number;
  readonly hint: readonly ByteString[] | undefined;
  readonly random: () => number;
}): ByteString[] {
  const { members, count, hint = [], random } = options;
  const present = hint.length === 0 ? undefined : new Set(members);
  const chosen = hint.filter((member) => present?.has(member) === true).slice(0, count);
  while (chosen.length < count) chosen.push(members[Math.floor(random() * members.length)] as ByteString);
  return chosen;
}

/** Every other item: the names in a hint that lists names with their values. */
export function evenItems(hint: readonly ByteString[] | undefined): readonly ByteString[] | undefined {
  return hint?.filter((_, index) => index % 2 === 0);
}
