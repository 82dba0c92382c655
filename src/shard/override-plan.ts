import { slotOfHash } from '../model/directory.ts';

/*
 * Which elements need more replicas than their slot has. Rule, after E-Store (Taft et al., VLDB 2014) and DistCache (Liu et al., FAST 2019): an element with the share p of all
 * accesses gets ceil(p · members / θ) replicas, so that no copy carries more than θ of one member's mean load. p is the larger of what was forecast and what is observed:
 * the forecast is there before the peak, the observation catches what nobody foresaw. The slot's owners stay the first of them, so a client that misses
 * the override still finds the element; the others are the members with the least planned load. Hysteresis: replicas stay until they carry less than half of what made them.
 * Limits: counts accesses, not bytes or time; a member's load is what is planned, not what it has.
 */

/** The most that one copy may carry, as a share of one member's mean load. */
const copyShare = 0.05;

/** Overrides beyond this number cost every client more than they give, whatever the number of members. */
const mostOverrides = 4096;

/** What overrides are planned from. Elements go by the 32-bit hash of their tag, members by index; heat is a share of all accesses. */
export interface OverridePlanOptions {
  readonly forecast: ReadonlyMap<number, number>;
  readonly observed: ReadonlyMap<number, number>;
  /** Owners of a slot, the preferred one first. */
  readonly ownersOf: (slot: number) => readonly number[];
  /** Relative capacity of each member. */
  readonly capacities: readonly number[];
  /** Owners of a slot, where there are so many. */
  readonly replicas: number;
  /** Share of the accesses that each member gets through its slots by the forecast, hot elements included. */
  readonly loads?: readonly number[];
  /** Overrides so far, by the present indexes of members. */
  readonly previous?: ReadonlyMap<number, readonly number[]>;
}

interface Candidate {
  readonly tag: number;
  readonly heat: number;
  readonly wanted: number;
}

/** Replica sets of hot elements: the slot's owners first; the hottest element first. A pure function of its arguments. */
export function planOverrides(options: OverridePlanOptions): Map<number, number[]> {
  const { capacities, ownersOf, forecast, replicas } = options;
  const planned = new PlannedLoads(capacities, options.loads);
  const hot = new Map<number, number[]>();
  for (const { tag, heat, wanted } of candidates(options)) {
    const owners = ownersOf(slotOfHash(tag));
    if (wanted <= Math.max(owners.length, Math.min(replicas, capacities.length))) continue;
    const before = (options.previous?.get(tag) ?? []).filter((member) => !owners.includes(member) && member < capacities.length);
    const set = [...owners, ...before.slice(0, wanted - owners.length)];
    // what the slots were planned to carry of it is spread over its own set from now on
    planned.add(owners, -(forecast.get(tag) ?? 0));
    set.push(...planned.least(wanted - set.length, set));
    planned.add(set, heat);
    hot.set(tag, set);
  }
  return hot;
}

/** The least share of the accesses that an element must have to get an override, or to keep the one it has. */
export function leastHeat(members: number, replicas: number): { readonly make: number; readonly keep: number } {
  const make = (Math.min(replicas, members) * copyShare) / members;
  return { make, keep: make / 2 };
}

/** Whether heat explains so many replicas, given its share of the accesses: hysteresis keeps them down to half of what made them. */
export function isForHeat(replicas: number, heat: number, members: number): boolean {
  return replicas <= 2 * replicasFor(heat, members);
}

/** Replicas that an element with this share of the accesses needs, were there enough members. */
function replicasFor(heat: number, members: number): number {
  return (heat * members) / copyShare;
}

/** Overrides at most: caching the O(n log n) hottest elements is enough for any distribution (Fan et al., SoCC 2011). */
export function overrideLimit(members: number): number {
  return Math.min(mostOverrides, Math.ceil(8 * members * Math.log(members)));
}

/** Elements that want an override, the hottest first. */
function candidates({ forecast, observed, previous, capacities, replicas }: OverridePlanOptions): Candidate[] {
  const members = capacities.length;
  const { make, keep } = leastHeat(members, replicas);
  const found: Candidate[] = [];
  const consider = (tag: number): void => {
    const heat = Math.max(forecast.get(tag) ?? 0, observed.get(tag) ?? 0);
    const before = previous?.get(tag)?.length ?? 0;
    if (heat <= (before > 0 ? keep : make)) return;
    const needed = replicasFor(heat, members);
    // as many as there were, down to half of the load that made them
    const wanted = Math.min(members, Math.max(Math.ceil(needed), Math.min(before, Math.ceil(2 * needed))));
    found.push({ tag, heat, wanted });
  };
  for (const tag of forecast.keys()) consider(tag);
  for (const tag of observed.keys()) if (!forecast.has(tag)) consider(tag);
  return found.sort((a, b) => b.heat - a.heat || a.tag - b.tag).slice(0, overrideLimit(members));
}

/** What each member is planned to carry, relative to its capacity. */
class PlannedLoads {
  readonly #capacities: readonly number[];
  readonly #loads: Float64Array;

  constructor(capacities: readonly number[], loads: readonly number[] | undefined) {
    this.#capacities = capacities.map((capacity) => Math.max(1e-6, capacity));
    this.#loads = Float64Array.from(capacities, (_, member) => (loads?.[member] ?? 0) / (this.#capacities[member] as number));
  }

  /** Spreads a load evenly over members. */
  add(members: readonly number[], load: number): void {
    for (const member of members) this.#loads[member] = (this.#loads[member] as number) + load / members.length / (this.#capacities[member] as number);
  }

  /** So many members with the least load, except these. */
  least(count: number, except: readonly number[]): number[] {
    if (count <= 0) return [];
    const taken = new Set(except);
    const others = Array.from(this.#loads.keys()).filter((member) => !taken.has(member));
    return others.sort((a, b) => (this.#loads[a] as number) - (this.#loads[b] as number) || a - b).slice(0, count);
  }
}
