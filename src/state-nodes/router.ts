import { ownersOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import type { ShardMap } from '../model/shard-map.ts';
import type { RevisionName, StateNode, StoredRevision } from './state-node.ts';

/** What a router has done. */
export interface RouterStats {
  /** Calls of fetch, revisions asked for, and read operations on state nodes they became. */
  readonly fetches: number;
  readonly items: number;
  readonly nodeReads: number;
  /** Revisions that a second replica had to be asked for. */
  readonly retries: number;
  /** Revisions that no owner gave. */
  readonly missing: number;
  /** Operations of state nodes that failed. */
  readonly failures: number;
  readonly bytes: number;
}

/** A revision being looked for, with who has not been asked. */
interface Search {
  readonly item: RevisionName;
  readonly places: number[];
  candidates: readonly number[];
}

/** How much an overloaded member is avoided; see DESIGN §6, facts/sharding.md 7.2. */
const loadWeight = 0.5;

/**
 * Reads and writes revisions where the shard map says they are. A request touches as few state nodes as it can: a greedy set cover
 * over the replica sets (Chvátal 1979), in which a member with more than its share of outstanding work counts for less.
 */
export class StateRouter {
  readonly #map: ShardMap;
  readonly #nodes: readonly (StateNode | undefined)[];
  readonly #outstanding: number[];
  #stats = { fetches: 0, items: 0, nodeReads: 0, retries: 0, missing: 0, failures: 0, bytes: 0 };

  /** @param nodes by member id; a member without one is never asked */
  constructor(map: ShardMap, nodes: ReadonlyMap<string, StateNode>) {
    this.#map = map;
    this.#nodes = map.members.map((member) => nodes.get(member.id));
    this.#outstanding = map.members.map(() => 0);
  }

  get stats(): RouterStats {
    return { ...this.#stats };
  }

  /**
   * The bytes of each revision, in order, from as few state nodes in parallel as hold them; each revision once. A node that fails or
   * does not hold a revision is passed over for the next replica. undefined: no owner gave it, which does not mean that it is absent.
   */
  async fetch(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    const out = Array.from<Uint8Array | undefined>({ length: items.length });
    let searches = this.#searches(items);
    this.#stats.fetches += 1;
    this.#stats.items += items.length;
    for (let round = 0; searches.length > 0; round++) {
      const open = searches.filter((search) => search.candidates.length > 0);
      this.#stats.missing += searches.length - open.length;
      if (round > 0) this.#stats.retries += open.length;
      const left = await Promise.all([...this.#cover(open)].map(([member, group]) => this.#read(member, group, out)));
      searches = left.flat();
    }
    return out;
  }

  /** Closes every state node. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => node?.close()));
  }

  /**
   * Writes revisions to all their owners.
   * @throws ForeshardError what a state node threw, when no owner of some revision took it
   */
  async publish(items: readonly StoredRevision[]): Promise<void> {
    const byMember = new Map<number, StoredRevision[]>();
    for (const item of items) for (const member of this.#ownersOf(item)) push(byMember, member, item);
    const taken = new Set<StoredRevision>();
    let failure: unknown = new ForeshardError('state_node_unreachable', 'No state node of the shard map is connected.');
    await Promise.all([...byMember].map(async ([member, group]) => {
      try {
        await (this.#nodes[member] as StateNode).write(group);
        for (const item of group) taken.add(item);
      } catch (error) {
        this.#stats.failures += 1;
        failure = error;
      }
    }));
    if (items.some((item) => !taken.has(item))) throw failure;
  }

  #ownersOf(item: RevisionName): number[] {
    return ownersOf(this.#map, item.key).filter((member) => this.#nodes[member] !== undefined);
  }

  #searches(items: readonly RevisionName[]): Search[] {
    const byName = new Map<string, Search>();
    for (const [place, item] of items.entries()) {
      const name = `${item.revision} ${item.key}`;
      const known = byName.get(name);
      if (known === undefined) byName.set(name, { item, places: [place], candidates: this.#ownersOf(item) });
      else known.places.push(place);
    }
    return [...byName.values()];
  }

  /** Which member is asked for which revisions. */
  #cover(searches: readonly Search[]): Map<number, Search[]> {
    const chosen = new Map<number, Search[]>();
    const byMember = new Map<number, Set<Search>>();
    for (const search of searches) {
      for (const member of search.candidates) {
        const group = byMember.get(member);
        if (group === undefined) byMember.set(member, new Set([search]));
        else group.add(search);
      }
    }
    while (byMember.size > 0) {
      const member = this.#best(byMember);
      const group = [...(byMember.get(member) ?? [])];
      if (group.length === 0) break;
      chosen.set(member, group);
      for (const search of group) for (const other of search.candidates) byMember.get(other)?.delete(search);
      byMember.delete(member);
    }
    return chosen;
  }

  #best(byMember: ReadonlyMap<number, ReadonlySet<Search>>): number {
    const mean = this.#outstanding.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#outstanding.length);
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const [member, group] of byMember) {
      const load = this.#outstanding[member] as number;
      const penalty = mean === 0 ? 0 : loadWeight * Math.max(0, load / mean - 1);
      // Of equals the one with less to do: replicas share the load without a draw.
      const score = group.size === 0 ? Number.NEGATIVE_INFINITY : group.size * Math.max(0.01, 1 - penalty) - load * 1e-9;
      if (score > bestScore || best < 0) [best, bestScore] = [member, score];
    }
    return best;
  }

  #busy(member: number, items: number): void {
    this.#outstanding[member] = (this.#outstanding[member] ?? 0) + items;
  }

  /** Reads from one member; returns what it did not give, without it as a candidate. */
  async #read(member: number, searches: readonly Search[], out: (Uint8Array | undefined)[]): Promise<Search[]> {
    this.#busy(member, searches.length);
    this.#stats.nodeReads += 1;
    let found: readonly (Uint8Array | undefined)[] = [];
    try {
      found = await (this.#nodes[member] as StateNode).read(searches.map((search) => search.item));
    } catch (error) {
      if (!(error instanceof ForeshardError)) throw error;
      this.#stats.failures += 1;
    } finally {
      this.#busy(member, -searches.length);
    }
    return searches.filter((search, index) => {
      const bytes = found[index];
      if (bytes === undefined) {
        search.candidates = search.candidates.filter((candidate) => candidate !== member);
        return true;
      }
      for (const place of search.places) out[place] = bytes;
      this.#stats.bytes += bytes.length;
      return false;
    });
  }
}

function push<K, T>(groups: Map<K, T[]>, key: K, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}
