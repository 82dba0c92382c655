import { assert } from '../lib/assert.ts';
import { sfc32, type Prng } from '../lib/prng.ts';
import { slotOfHash } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { memberName, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { AffinitySearch } from './affinity.ts';
import { gatherTags } from './gathering.ts';
import { hotElements, overridesOf } from './hot-elements.ts';
import { Joining } from './joining.ts';
import { repairLoad } from './load-repair.ts';
import { mapOf } from './map-of.ts';
import { movesBetween, type SlotMove } from './moves.ts';
import { capacityOf } from './shares.ts';
import { slotGraph, type SlotGraph } from './slot-graph.ts';
import { keepPlaces, keptOwners, SlotAssignment } from './slot-owners.ts';
import { nobody, type SlotTable } from './slot-table.ts';
import { wideTags } from './wide-elements.ts';
import { workloadOf, type Workload } from './workload.ts';

export { movesBetween, type SlotMove } from './moves.ts';

/** A map, and what changes from the map before. Without one before, nothing is there to move. */
export interface Placement {
  readonly map: ShardMap;
  readonly moves: readonly SlotMove[];
}

/** Options of {@link placeElements}. */
export interface PlacementOptions {
  /** Members that own each slot, where there are so many. */
  readonly replicas: number;
  /** Share of the slots in use that may change owners for the sake of grouping and balance, when there is a map before; 0.02 when left out. */
  readonly moveBudget?: number;
  /** Expected load of a member over its share at most, while grouping: 0.1 is a tenth; 0.05 when left out. */
  readonly imbalance?: number;
  /** Share of the elements accessed that every member may hold; 0.01 when left out, 0: none. */
  readonly everywhere?: number;
  /** Further copies of single elements where known requests read them, as a share of all copies; 0.07 when left out and the heatmap is a known plan, else 0. */
  readonly gathered?: number;
  /** What each member can carry now, in the order of the members, where that is not its own capacity: load is balanced by it. */
  readonly capacities?: readonly number[];
  /** The order in which slots are visited; the same one each time when left out. */
  readonly prng?: Prng;
}

/** Passes over all slots: from nothing, and with a map before. */
const coldPasses = 15;
const warmPasses = 4;

/** Accesses that an owner must save before a slot is copied to it. */
const inertia = 1;

/** Further copies beside those of wide elements: together a tenth. */
const gatheredShare = 0.07;

/** What a member without room for the load costs beside any number of accesses. */
const overloaded = 1e12;

/**
 * Places state: a pure function of its arguments. Availability first: every slot gets `replicas` different members, of different zones where there are enough, and owners that are
 * gone are replaced. Then slots accessed together lie together as far as load and storage allow, hot elements get further replicas, and what
 * the map before had stays unless there is a reason: a joiner takes its share and nothing else moves then; else at most the budget does. The epoch rises when anything changed.
 */
export function placeElements(heatmap: Heatmap, members: readonly Member[], previous: ShardMap | undefined, options: PlacementOptions): Placement {
  assert(members.length > 0, 'placement needs a member');
  assert(options.replicas >= 1, 'placement needs at least one replica');
  assert(new Set(members.map((member) => member.id)).size === members.length, 'member ids are unique');
  const replicas = Math.min(options.replicas, members.length);
  const rated = options.capacities === undefined ? members : members.map((member, index) => ({ ...member, capacity: options.capacities?.[index] ?? member.capacity }));
  const workload = workloadOf(heatmap);
  const wide = wideTags(workload, { members: members.length, replicas, wasWide: wideBefore(previous), ...options.everywhere === undefined ? {} : { share: options.everywhere } });
  const graph = slotGraph(workload, members.length, new Set(wide));
  const prng = options.prng ?? sfc32('00000001000000020000000300000004');
  const table = keptOwners(members, previous, replicas);
  const search = { graph, members: rated, table, imbalance: options.imbalance ?? 0.05, inertia, prng };
  const forced = replaceOwners(members, previous, search);
  if (previous === undefined) {
    const fresh = new AffinitySearch({ ...search, home: undefined, budget: slotCount });
    fresh.settle(coldPasses);
    repairLoad(fresh);
  } else {
    const budget = forced ? 0 : Math.max(1, Math.floor(graph.slots.length * (options.moveBudget ?? 0.02)));
    const warm = new AffinitySearch({ ...search, home: table.copy(), budget });
    repairLoad(warm);
    warm.refine(warmPasses);
    repairLoad(warm);
  }
  if (previous !== undefined) keepPlaces(table, keptOwners(members, previous, replicas));
  const share = options.gathered ?? (heatmap.source === 'plan' ? gatheredShare : 0);
  const map = mapOf({ members, table, previous, overrides: overrideSets({ heatmap, workload, members, table, previous, wide, share }) });
  return { map, moves: previous === undefined ? [] : movesBetween(previous, map) };
}

/** What must be: owners for open places, zones, and the share of who joined or whose capacity changed. Whether the membership changed. */
function replaceOwners(members: readonly Member[], previous: ShardMap | undefined, options: { readonly graph: SlotGraph; readonly members: readonly Member[]; readonly table: SlotTable; readonly imbalance: number; readonly inertia: number; readonly prng: Prng }): boolean {
  const { graph, table } = options;
  const assignment = new SlotAssignment(options.members, table);
  const isInUse = (slot: number): boolean => graph.vertexOf[slot] !== -1;
  if (previous === undefined) {
    for (let slot = 0; slot < slotCount; slot++) assignment.fill(slot);
    return true;
  }
  const before = new Map(previous.members.map((member) => [memberName(member), member]));
  const joiners = members.flatMap((member, index) => (before.has(memberName(member)) ? [] : [index]));
  const isOpen = table.owners.includes(nobody);
  if (isOpen || joiners.length > 0) {
    const search = new AffinitySearch({ ...options, home: undefined, budget: slotCount });
    if (isOpen) fillOpen(search, assignment);
    for (const joiner of joiners) new Joining(joiner, options.members, search, assignment).takeShare();
  }
  assignment.separateZones();
  const capacityChanged = members.some((member) => capacityOf(before.get(memberName(member)) ?? member) !== capacityOf(member));
  if (capacityChanged) for (const member of members.keys()) assignment.level(member, isInUse);
  return isOpen || joiners.length > 0;
}

function fillOpen(search: AffinitySearch, assignment: SlotAssignment): void {
  const { graph: { vertexOf }, table } = search;
  for (let slot = 0; slot < slotCount; slot++) {
    if (!table.holds(slot, nobody)) continue;
    const vertex = vertexOf[slot] as number;
    if (vertex === -1) assignment.fill(slot);
    else search.rewrite(vertex, () => assignment.fill(slot, (member) => search.costAt(vertex, member) + (table.at(slot, 0) !== nobody || search.hasRoomForLoad(vertex, member) ? 0 : overloaded)));
  }
}

/** Whether every member held a tag, by the map before. */
function wideBefore(previous: ShardMap | undefined): (tag: number) => boolean {
  if (previous === undefined) return () => false;
  return (tag) => previous.sets[previous.overrides.get(tag) ?? -1]?.length === previous.members.length;
}

/** What overrides are made of. `share`: of the copies, what gathered tags may take. */
interface OverrideParts {
  readonly heatmap: Heatmap;
  readonly workload: Workload;
  readonly members: readonly Member[];
  readonly table: SlotTable;
  readonly previous: ShardMap | undefined;
  readonly wide: readonly number[];
  readonly share: number;
}

/** Replica sets of wide, hot and gathered tags, the slot's owners first. */
function overrideSets({ heatmap, workload, members, table, previous, wide, share }: OverrideParts): Map<number, readonly number[]> {
  const ownersOf = (slot: number): number[] => table.set(slot);
  const overrides = new Map<number, readonly number[]>();
  const ids = members.map(({ id }) => id);
  const add = (hash: number, further: Iterable<number>): void => {
    overrides.set(hash, [...new Set([...overrides.get(hash) ?? ownersOf(slotOfHash(hash)), ...further])]);
  };
  for (const tag of wide) add(workload.hashes[tag] as number, members.keys());
  for (const [hash, set] of hotElements({ heatmap, ownersOf, members: members.length, replicas: table.replicas, previous, ids, capacities: members.map(capacityOf), tags: workload })) add(hash, set);
  if (share <= 0) return overrides;
  const before = previous === undefined ? undefined : overridesOf(previous, ids);
  const accessed = workload.elements.reduce((sum, count, tag) => sum + ((workload.loads[tag] as number) > 0 ? count : 0), 0);
  const gathered = gatherTags({
    workload, table, members: members.length, wide, mostCopies: accessed * table.replicas * share, had: (hash, member) => before?.get(hash)?.includes(member) === true,
  });
  for (const [tag, further] of gathered) add(workload.hashes[tag] as number, further);
  return overrides;
}
