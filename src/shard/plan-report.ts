import { slotOf } from '../model/directory.ts';
import type { Heatmap } from '../model/heatmap.ts';
import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import { expectationOf, type MapExpectation } from './expectation.ts';
import { leastHeadroom } from './headroom.ts';
import { mapForecast } from './hot-elements.ts';
import type { Placement, SlotMove } from './placement.ts';
import { placeElements } from './placement.ts';
import { capacityOf, zonesOf } from './shares.ts';

/** What a plan does, and in words why: all that `foreshard plan` shows. */
export interface PlanReport {
  readonly epoch: number;
  readonly elements: number;
  readonly replicas: number;
  readonly after: MapExpectation;
  /** The same members under a plain hash with as many copies. */
  readonly byHash: MapExpectation;
  /** By member the least room forecast for any resource, 0 to 1; undefined: nothing is known. */
  readonly headroom: readonly (number | undefined)[];
  /** Elements with more copies than their slot: on every member, more for their heat, and more where requests read them with others. */
  readonly hot: { readonly wide: number; readonly more: number; readonly near: number };
  /** Left out: there was no map before. */
  readonly moves?: PlannedMoves;
  readonly reasons: readonly string[];
}

/** What has to be copied to get there. */
export interface PlannedMoves {
  /** Slots in use whose owners change, of how many; and slots that nothing is expected of. */
  readonly slots: number;
  readonly inUse: number;
  readonly unused: number;
  readonly copies: number;
  readonly hot: number;
}

/** Tells what a placement does. */
export function planReport(options: { readonly heatmap: Heatmap; readonly placement: Placement; readonly replicas: number; readonly previous: ShardMap | undefined }): PlanReport {
  const { heatmap, placement: { map, moves }, replicas, previous } = options;
  const hash = placeElements({ ...heatmap, elements: [], groups: [] }, map.members, undefined, { replicas }).map;
  const report = {
    epoch: map.epoch, elements: heatmap.elements.length, replicas, after: expectationOf(map, heatmap), byHash: expectationOf(hash, heatmap),
    headroom: map.members.map((member) => leastHeadroom(member, heatmap.members ?? [])), hot: countedOverrides(map, heatmap, replicas),
    ...previous === undefined ? {} : { moves: countedMoves(moves, heatmap) },
  };
  return { ...report, reasons: [...constraints(map, replicas), ...gains(report), ...hotReasons(report, map), ...moveReasons(map, previous, report.moves)] };
}

function countedOverrides(map: ShardMap, heatmap: Heatmap, replicas: number): PlanReport['hot'] {
  const { gathered } = mapForecast(map, heatmap, replicas);
  const [all, near] = [[...map.overrides], [...gathered.values()]];
  const isWide = (set: readonly number[] | undefined): boolean => set?.length === map.members.length;
  const wide = all.filter(([, set]) => isWide(map.sets[set])).length;
  const gatheredFew = near.filter((set) => !isWide(set)).length;
  return { wide, more: all.length - wide - gatheredFew, near: gatheredFew };
}

function countedMoves(moves: readonly SlotMove[], heatmap: Heatmap): PlannedMoves {
  const used = new Set(heatmap.elements.map(({ key }) => slotOf(key)));
  const slots = moves.filter(({ slot }) => slot !== null);
  const inUse = slots.filter(({ slot }) => used.has(slot as number)).length;
  return { slots: inUse, inUse: used.size, unused: slots.length - inUse, copies: slots.reduce((sum, { add }) => sum + add.length, 0), hot: moves.length - slots.length };
}

function constraints(map: ShardMap, replicas: number): string[] {
  const { count } = zonesOf(map.members);
  if (replicas === 1) return ['one copy of each element: while its state node is away, reads of it wait or come from the recording.'];
  if (count >= replicas) return [`the ${replicas} copies of an element are on different state nodes in different zones, so one zone may fail.`];
  return [`the ${replicas} copies of an element are on different state nodes; there ${count === 1 ? 'is only one zone' : `are only ${count} zones`}, so some share one.`];
}

function gains({ after, byHash }: Pick<PlanReport, 'after' | 'byHash'>): string[] {
  if (after.fanOut === null || byHash.fanOut === null) return ['no recorded request touches two elements, so slots are placed by hash and load alone.'];
  const saved = 1 - after.fanOut / byHash.fanOut;
  if (saved < 0.005) return ['elements are not read together in a way that a placement could use: requests touch as many state nodes as by a hash.'];
  return [`what requests read together lies together: ${percent(saved)} fewer state nodes a request than by a hash.`];
}

function hotReasons({ hot, after }: Pick<PlanReport, 'hot' | 'after'>, map: ShardMap): string[] {
  const lines: string[] = [];
  const extra = after.copies > after.hotCopies ? after.hotCopies / (after.copies - after.hotCopies) : 0;
  if (hot.wide > 0) lines.push(`${hot.wide} ${hot.wide === 1 ? 'element is' : 'elements are'} on all ${map.members.length} state nodes, being read with everything or hotter than a few can carry.`);
  if (hot.more > 0) lines.push(`${hot.more} hot ${hot.more === 1 ? 'element has' : 'elements have'} more copies than the rest, so that no copy carries more than 5 % of a state node's load.`);
  if (hot.near > 0) lines.push(`${hot.near} ${hot.near === 1 ? 'element has a copy' : 'elements have copies'} where the requests are that read ${hot.near === 1 ? 'it' : 'them'} with others: what they share a slot with is read elsewhere.`);
  if (lines.length > 0) lines.push(`these copies take ${percent(extra)} more room.`);
  return lines;
}

function moveReasons(map: ShardMap, previous: ShardMap | undefined, moves: PlannedMoves | undefined): string[] {
  if (previous === undefined || moves === undefined) return ['there is no map before (--from), so nothing has to be moved.'];
  if (map.epoch === previous.epoch) return [`nothing changes: epoch ${map.epoch} stays.`];
  const [before, now] = [byName(previous.members), byName(map.members)];
  const joined = map.members.filter((member) => !before.has(memberName(member)));
  const gone = previous.members.filter((member) => !now.has(memberName(member)));
  const resized = map.members.filter((member) => before.has(memberName(member)) && capacityOf(before.get(memberName(member)) as Member) !== capacityOf(member));
  const ids = (members: readonly Member[]): string => members.map(({ id }) => id).join(', ');
  const lines = [
    ...gone.length > 0 ? [`${ids(gone)} ${gone.length === 1 ? 'is' : 'are'} gone: every slot of ${gone.length === 1 ? 'it' : 'theirs'} has a new owner, where its neighbours are.`] : [],
    ...joined.length > 0 ? [`${ids(joined)} joined and ${joined.length === 1 ? 'takes its' : 'take their'} share and no more: whole groups of slots, from those that had too many.`] : [],
    ...resized.length > 0 ? [`${ids(resized)} can carry another share than before.`] : [],
  ];
  if (lines.length === 0 && moves.slots > 0) lines.push('slots move where requests save more than the copy costs, those that gain most first, up to the budget (--move-budget).');
  return lines;
}

function byName(members: readonly Member[]): Map<string, Member> {
  return new Map(members.map((member) => [memberName(member), member]));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
