import { slotOfHash, tagHash } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { isForHeat, leastHeat, planOverrides } from './override-plan.ts';
import { loadOf, type Workload } from './workload.ts';

/*
 * What a heatmap says about hot elements, in the form that overrides are planned from (override-plan.ts). An interval between plans takes it as it is and adds what was observed.
 */

/** Heat by tag, as far as overrides go, and what the slots carry. */
export interface HeatForecast {
  /** Share of all expected accesses by tag hash; only of those that could have, or keep, an override. */
  readonly shares: ReadonlyMap<number, number>;
  /** Share of all expected accesses by member, each slot's spread evenly over its owners. */
  readonly loads: readonly number[];
}

/** What is planned from between two plans: the forecast of a heatmap over the map that was made from it. */
export interface MapForecast extends HeatForecast {
  readonly replicas: number;
  /** Members of elements that have more copies than their heat asks for, by tag hash: they are read together with others. They keep them until the next plan. */
  readonly gathered: ReadonlyMap<number, readonly number[]>;
}

/** The forecast of a heatmap over its map, for `replanHotElements`. */
export function mapForecast(map: ShardMap, heatmap: Heatmap, replicas: number): MapForecast {
  const members = map.members.length;
  const forecast = heatForecast(heatmap, { ownersOf: (slot) => map.sets[map.slots[slot] ?? 0] ?? [], members, replicas });
  const gathered = [...map.overrides].flatMap(([tag, set]) => {
    const owners = map.sets[set] ?? [];
    return isForHeat(owners.length, forecast.shares.get(tag) ?? 0, members) ? [] : [[tag, owners] as const];
  });
  return { ...forecast, replicas, gathered: new Map(gathered) };
}

/** Slots and who owns them. */
interface OwnedSlots {
  readonly ownersOf: (slot: number) => readonly number[];
  readonly members: number;
  readonly replicas: number;
}

/** Tags by number, with the accesses expected of them. */
type TagLoads = Pick<Workload, 'hashes' | 'loads'>;

/** The forecast of a heatmap over slots with these owners. Elements that it knows of but does not list count for the total. `tags`: of the heatmap, where they are at hand. */
export function heatForecast(heatmap: Heatmap, slots: OwnedSlots, { hashes, loads: tagLoads }: TagLoads = tagLoadsOf(heatmap)): HeatForecast {
  const { ownersOf, members, replicas } = slots;
  const unlisted = loadOf(heatmap.rest?.expected ?? []);
  const total = tagLoads.reduce((sum, load) => sum + load, unlisted);
  const loads = Array.from({ length: members }, () => unlisted / Math.max(total, Number.MIN_VALUE) / members);
  const shares = new Map<number, number>();
  const least = leastHeat(members, replicas).keep;
  for (const [tag, load] of tagLoads.entries()) {
    const share = total > 0 ? load / total : 0;
    const hash = hashes[tag] as number;
    const owners = ownersOf(slotOfHash(hash));
    for (const member of owners) loads[member] = (loads[member] ?? 0) + share / owners.length;
    if (share > least) shares.set(hash, share);
  }
  return { shares, loads };
}

function tagLoadsOf({ elements }: Heatmap): TagLoads {
  const byTag = new Map<number, number>();
  for (const { key, expected } of elements) {
    const tag = tagHash(key);
    byTag.set(tag, (byTag.get(tag) ?? 0) + loadOf(expected));
  }
  return { hashes: Uint32Array.from(byTag.keys()), loads: Float64Array.from(byTag.values()) };
}

/** Owners of each hot element by the forecast alone, the slot's own first, hottest element first. */
export function hotElements(options: {
  readonly heatmap: Heatmap;
  /** The owners of a slot. */
  readonly ownersOf: (slot: number) => readonly number[];
  readonly members: number;
  readonly replicas: number;
  readonly previous: ShardMap | undefined;
  /** Ids of the members, by index, so that further replicas stay where they were; left out: only how many there were is known. */
  readonly ids?: readonly string[];
  readonly capacities?: readonly number[];
  /** The tags of the heatmap, where they are at hand. */
  readonly tags?: TagLoads;
}): Map<number, number[]> {
  const { heatmap, ownersOf, members, replicas, previous, ids } = options;
  const { shares, loads } = heatForecast(heatmap, { ownersOf, members, replicas }, options.tags);
  return planOverrides({
    forecast: shares, observed: new Map(), ownersOf, replicas, loads, capacities: options.capacities ?? Array.from({ length: members }, () => 1),
    ...previous === undefined ? {} : { previous: overridesOf(previous, ids ?? previous.members.map(({ id }) => id)) },
  });
}

/** The overrides of a map by the indexes that its members have in another list; those that are not in it are left out. */
export function overridesOf(map: ShardMap, ids: readonly string[]): Map<number, number[]> {
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const present = map.members.map(({ id }) => indexOf.get(id));
  return new Map([...map.overrides].map(([tag, set]) => [tag, (map.sets[set] ?? []).flatMap((member) => present[member] ?? [])]));
}
