import type { Workload } from './workload.ts';

/*
 * Elements that every member holds. Intuition: what nearly every request reads together with something else (a configuration, a category) ties all members together;
 * copied everywhere it costs no node of its own, whoever serves the rest (facts/sharding.md 7.3, 7.4: about 1 % of the elements lower both fan-out and imbalance).
 * Rule: of the elements that are read with others, the hottest ones, as long as each further copy saves more than one access. Hysteresis: one that was wide stays so down to half of both bounds.
 */

/** The share of the elements accessed that may be wide, and how many may be in any case. */
const wideShare = 0.01;
const fewElements = 16;

/** Further copies of all wide elements together, as a share of all copies. */
const wideMemory = 0.03;

/** Entries that wide elements may take of the override table. */
const mostWide = 2048;

/** Accesses that a further copy must save. */
const gainPerCopy = 1;

/** Tags that every member should hold, hottest first. @param wasWide whether the map before had it so */
export function wideTags(workload: Workload, options: { readonly members: number; readonly replicas: number; readonly wasWide: (tagHash: number) => boolean; readonly share?: number }): number[] {
  const { members, replicas, wasWide } = options;
  const further = members - replicas;
  if (further <= 0) return [];
  const shared = sharedAccesses(workload);
  const accessed = workload.loads.reduce((count, load) => count + (load > 0 ? 1 : 0), 0);
  const byMemory = Math.floor((accessed * replicas * wideMemory) / further);
  const most = Math.min(mostWide, Math.max(fewElements, Math.min(byMemory, Math.floor(accessed * (options.share ?? wideShare)))));
  const order = Array.from(shared.keys()).filter((tag) => (shared[tag] as number) > 0).sort((a, b) => (shared[b] as number) - (shared[a] as number) || a - b);
  return order.filter((tag, rank) => {
    const ease = wasWide(workload.hashes[tag] as number) ? 2 : 1;
    return rank < most * ease && (shared[tag] as number) * ease > further * gainPerCopy;
  }).slice(0, mostWide);
}

/** By tag: accesses by requests that touch something else too. */
function sharedAccesses({ groups: { starts, tags, weights }, loads }: Workload): Float64Array {
  const shared = new Float64Array(loads.length);
  for (let group = 0; group + 1 < starts.length; group++) {
    const [from, to] = [starts[group] as number, starts[group + 1] as number];
    if (to - from < 2) continue;
    for (let at = from; at < to; at++) shared[tags[at] as number] = (shared[tags[at] as number] as number) + (weights[group] as number);
  }
  return shared;
}
