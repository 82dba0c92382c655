import { ownersOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Heatmap } from '../model/heatmap.ts';
import type { Member, ShardMap } from '../model/shard-map.ts';
import type { StateNode, StateNodeStats } from './state-node.ts';

/** Suspected: one look in vain. Down: two in a row, or a member that has lost its memory. */
export type NodeState = 'up' | 'suspected' | 'down';

/** What a state node owns in a map. */
export interface NodeRole {
  readonly slots: number;
  /** Slots it owns and still has to pull. */
  readonly joining: number;
}

/** A state node as one look shows it. */
export interface NodeView {
  readonly id: string;
  readonly address: string;
  readonly zone: string;
  /** Null: no map was given. */
  readonly role: NodeRole | null;
  readonly state: NodeState;
  /** Why it is not up. */
  readonly reason: string | null;
  /** Of all its operations since the look before; of all there ever were where there have been none since. Null: not up. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Since the look before; null at the first. */
  readonly opsPerSecond: number | null;
  readonly errors: number | null;
  readonly bytes: number | null;
  readonly maxBytes: number | null;
  readonly elements: number | null;
  /** Its share (0..1) of the accesses that the heatmap expects, replicas sharing them evenly; null: no heatmap or no map was given. */
  readonly heat: number | null;
}

/** Settings of a {@link NodeWatch}. */
export interface NodeWatchOptions {
  readonly members: readonly Member[];
  readonly map?: ShardMap;
  readonly heatmap?: Heatmap;
  /** Connects to a member. */
  readonly open: (member: Member) => Promise<StateNode>;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

interface Watched {
  readonly member: Member;
  readonly role: NodeRole | null;
  readonly heat: number | null;
  node: StateNode | undefined;
  misses: number;
  before: { readonly stats: StateNodeStats; readonly atMs: number } | undefined;
}

/** Looks at state nodes of any engine, as often as it is asked to. */
export class NodeWatch {
  readonly #watched: readonly Watched[];
  readonly #options: NodeWatchOptions;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
    const { map, heatmap } = options;
    const roles = map === undefined ? undefined : rolesIn(map);
    const heat = map === undefined || heatmap === undefined ? undefined : heatIn(map, heatmap);
    this.#watched = options.members.map((member, index) => ({ member, role: roles?.[index] ?? null, heat: heat?.[index] ?? null, node: undefined, misses: 0, before: undefined }));
  }

  /** All of them as they are now. @throws ForeshardError `usage`, `config_invalid` from connecting */
  look(): Promise<NodeView[]> {
    return Promise.all(this.#watched.map((watched) => this.#look(watched)));
  }

  /** Lets them go; what they hold stays. */
  async close(): Promise<void> {
    await Promise.all(this.#watched.map(async ({ node }) => node?.close()));
  }

  async #look(watched: Watched): Promise<NodeView> {
    try {
      watched.node ??= await this.#options.open(watched.member);
      const known = watched.member.life;
      const stats = await watched.node.stats();
      const life = known === undefined ? undefined : await watched.node.life();
      watched.misses = 0;
      const reason = known === life ? null : `started again: the map knows its life ${known}, this is ${life}`;
      return this.#view(watched, stats, reason);
    } catch (error) {
      if (!(error instanceof ForeshardError) || error.exitCode === 2) throw error; // asked for wrongly: looking again does not help
      watched.misses += 1;
      watched.before = undefined;
      return { ...unseen(watched), state: watched.misses > 1 ? 'down' : 'suspected', reason: error.message };
    }
  }

  #view(watched: Watched, stats: StateNodeStats, reason: string | null): NodeView {
    const { before } = watched;
    const atMs = this.#options.now();
    watched.before = { stats, atMs };
    const { errors, bytes, maxBytes, elements } = stats;
    const spent = spentIn(stats, before?.stats);
    const latency = spent.count > 0 ? spent : spentIn(stats, undefined);
    return {
      ...unseen(watched), state: reason === null ? 'up' : 'down', reason, errors, bytes, maxBytes, elements,
      p50Ms: quantile(latency, 0.5), p99Ms: quantile(latency, 0.99),
      opsPerSecond: before === undefined ? null : spent.count / Math.max(0.001, (atMs - before.atMs) / 1000),
    };
  }
}

function unseen({ member, role, heat }: Watched): Omit<NodeView, 'state' | 'reason'> {
  const { id, address, zone } = member;
  return { id, address, zone, role, heat, p50Ms: null, p99Ms: null, opsPerSecond: null, errors: null, bytes: null, maxBytes: null, elements: null };
}

/** What each member of a map owns. */
function rolesIn(map: ShardMap): NodeRole[] {
  const roles = map.members.map(() => ({ slots: 0, joining: 0 }));
  const ofSet = map.sets.map(() => 0);
  for (const set of map.slots) ofSet[set] = (ofSet[set] ?? 0) + 1;
  for (const [set, members] of map.sets.entries()) for (const member of members) (roles[member] as { slots: number }).slots += ofSet[set] as number;
  for (const { joining } of map.changes.values()) for (const member of joining) (roles[member] as { joining: number }).joining += 1;
  return roles;
}

/** Each member's share of the expected accesses to the elements that a heatmap lists. */
function heatIn(map: ShardMap, heatmap: Heatmap): number[] {
  const heat = map.members.map(() => 0);
  let total = 0;
  for (const { key, expected } of heatmap.elements) {
    const sum = expected.reduce((all, value) => all + value, 0);
    const owners = ownersOf(map, key);
    total += sum;
    for (const owner of owners) heat[owner] = (heat[owner] as number) + sum / owners.length;
  }
  return heat.map((value) => (total === 0 ? 0 : value / total));
}

interface Spent {
  readonly count: number;
  /** Upper end of a latency in milliseconds → operations that lasted no longer than it and longer than the one before. */
  readonly byMs: ReadonlyMap<number, number>;
}

/** The operations between two looks, by latency. A node that counts from zero again had none before. */
function spentIn(stats: StateNodeStats, before: StateNodeStats | undefined): Spent {
  const byMs = new Map<number, number>();
  let count = 0;
  for (const [name, { buckets }] of Object.entries(stats.operations)) {
    const earlier = new Map(singly(before?.operations[name as keyof StateNodeStats['operations']]?.buckets ?? []));
    for (const [ms, operations] of singly(buckets)) {
      const more = Math.max(0, operations - (earlier.get(ms) ?? 0));
      byMs.set(ms, (byMs.get(ms) ?? 0) + more);
      count += more;
    }
  }
  return { count, byMs };
}

function singly(cumulated: readonly (readonly [number, number])[]): [number, number][] {
  return cumulated.map(([ms, sum], index) => [ms, sum - (cumulated[index - 1]?.[1] ?? 0)]);
}

function quantile({ count, byMs }: Spent, share: number): number {
  let left = Math.max(1, Math.ceil(share * count));
  for (const [ms, operations] of [...byMs].sort(([a], [b]) => a - b)) {
    left -= operations;
    if (left <= 0) return ms;
  }
  return 0;
}
