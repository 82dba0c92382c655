/*
 * A slot that kills whoever holds it (a request that crashes its server, a load nobody bears) moves from owner to owner and takes the whole cluster down, the faster the better dead owners are replaced.
 * Heuristic after Dicer (databricks/dicer, 2026): crashes within a window ÷ members that were healthy before the first of them; at a quarter the slot is declared, and it is over when the window has passed
 * without a crash. Ours counts by slot, and a slot counts only the crashes of those who held it. One crash touches a quarter of a small cluster and says nothing about any slot, so a few are needed in any case.
 */

/** A member died. */
export interface Crash {
  readonly at: number;
  /** Its name, life included. */
  readonly member: string;
  /** The slots it held. */
  readonly slots: Iterable<number>;
  /** Members that were up before, itself included. */
  readonly healthyBefore: number;
}

/** A slot whose owners died one after the other. */
export interface DeadlySlot {
  readonly slot: number;
  /** Who died holding it since it began, in order. */
  readonly members: readonly string[];
  /** Their number by that of the members that were healthy before the first of them; the highest within a window. */
  readonly share: number;
}

/** Options of {@link keysOfDeath}; the defaults in brackets. */
export interface KeyOfDeathOptions {
  /** How long a crash counts, in ms (an hour). */
  readonly windowMs?: number;
  /** Crashes by healthy members from which on a slot is declared (0.25). */
  readonly share?: number;
  /** But never after fewer crashes than this (3). */
  readonly atLeast?: number;
}

/**
 * The slots that must not be given to another member now, worst first. `crashes`: those of the past in order of time; older ones than two windows without a crash between need not be kept.
 * `healthy`: members that are up now, which count where they have become more.
 */
export function keysOfDeath(crashes: readonly Crash[], at: number, healthy: number, options: KeyOfDeathOptions = {}): DeadlySlot[] {
  const { windowMs = 3_600_000, share = 0.25, atLeast = 3 } = options;
  const bySlot = new Map<number, Crash[]>();
  for (const crash of crashes) {
    if (crash.at > at) continue;
    for (const slot of new Set(crash.slots)) {
      const held = bySlot.get(slot);
      if (held === undefined) bySlot.set(slot, [crash]);
      else held.push(crash);
    }
  }
  const found: DeadlySlot[] = [];
  for (const [slot, all] of bySlot) {
    if (all.length < atLeast) continue;
    const episode = episodeAt(all, at, windowMs);
    const most = mostWithin(episode, windowMs);
    const members = Math.max(1, healthy, episode[0]?.healthyBefore ?? 0);
    if (most >= atLeast && most / members >= share) found.push({ slot, members: episode.map(({ member }) => member), share: most / members });
  }
  return found.sort((a, b) => b.share - a.share || a.slot - b.slot);
}

/** The crashes that have followed each other without a window of peace between, up to now; none when it is over. */
function episodeAt(crashes: readonly Crash[], at: number, windowMs: number): readonly Crash[] {
  let next = at;
  let first = crashes.length;
  while (first > 0 && next - (crashes[first - 1] as Crash).at < windowMs) next = (crashes[--first] as Crash).at;
  return crashes.slice(first);
}

/** The most crashes that lie within one window. */
function mostWithin(crashes: readonly Crash[], windowMs: number): number {
  let most = 0;
  let from = 0;
  crashes.forEach((crash, index) => {
    while (crash.at - (crashes[from] as Crash).at >= windowMs) from++;
    most = Math.max(most, index - from + 1);
  });
  return most;
}
