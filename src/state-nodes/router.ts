import { ForeshardError } from '../model/errors.ts';
import type { ShardMap } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import { distinctItems } from './distinct-items.ts';
import { ReadLoads } from './read-loads.ts';
import { ReadRepair, type RepairStats } from './read-repair.ts';
import { RevisionSearch, type SearchContext, type SearchCounts, type SoughtRevision } from './revision-search.ts';
import { processTiming, type RouterTiming } from './router-timing.ts';
import { MemberLinks, type RouterView, type StateNodes } from './router-view.ts';
import { compareEntries } from './slot-register.ts';
import { HedgeBudget, SlowReads } from './slow-reads.ts';
import type { StoredRevision } from './state-node.ts';
import { Suspicion } from './suspicion.ts';
import { TagHashes } from './tag-hashes.ts';

/** What a router has done. */
export interface RouterStats extends RepairStats {
  /** Calls of fetch, revisions asked for, and read operations on state nodes they became. */
  readonly fetches: number;
  readonly items: number;
  readonly nodeReads: number;
  /** Revisions that another replica had to be asked for, because one failed or did not hold them. */
  readonly retries: number;
  /** Revisions that no owner gave. */
  readonly missing: number;
  /** Operations of state nodes that failed. */
  readonly failures: number;
  readonly bytes: number;
  /** Reads that were asked of another replica too, because one took longer than usual, and how many of the second ones were of use. */
  readonly hedges: number;
  readonly hedgesWon: number;
  /** Reads that took so long that the state node was taken for failed. */
  readonly stalls: number;
  /** Answers that came when everything was known already. */
  readonly late: number;
  /** Answers whose bytes were not those asked for. */
  readonly corrupt: number;
}

/** A member as a router sees it. */
export interface RouterMember {
  readonly id: string;
  /** Running p95 of its reads in milliseconds; NaN: not known yet. */
  readonly p95Ms: number;
  /** Items it was asked for lately, relative to its capacity, and those it has not answered. */
  readonly load: number;
  readonly open: number;
  /** It failed and has not answered since. */
  readonly isSuspected: boolean;
}

/** Options of {@link StateRouter}. */
export interface RouterOptions {
  /**
   * When another replica is asked too: after the node's own p95, `floorMs` at least (5 when left out), for a share of the reads (`budget`, 0.05 when left out).
   * `false`: only when a node counts as failed.
   */
  readonly hedge?: { readonly floorMs?: number; readonly budget?: number } | false;
  /** A node counts as failed when it has not answered for four times its p95, and this at least; 250 when left out. */
  readonly stallFloorMs?: number;
  /** Bytes that may wait to be written to an owner that lacked them; 16 MB when left out. `false`: nothing is written. */
  readonly repairBytes?: number | false;
  /** Check bytes against the hash that the caller asked for. For engines that do not check what they give. */
  readonly checkHashes?: boolean;
  /** The process' own when left out. */
  readonly timing?: RouterTiming;
}

/**
 * Reads and writes revisions where the shard map says they are; the map may change at any time. A request touches as few state nodes as it can
 * (set-cover.ts); one that is late is hedged, one that fails is avoided for a while; what one replica lacks is read from another and written back.
 */
export class StateRouter {
  readonly #links: MemberLinks;
  readonly #context: SearchContext;
  readonly #counts = { nodeReads: 0, retries: 0, missing: 0, failures: 0, bytes: 0, hedges: 0, hedgesWon: 0, stalls: 0, late: 0, corrupt: 0 } satisfies SearchCounts;
  readonly #before = new Set<RouterView>();
  #view: RouterView;
  #fetches = 0;
  #items = 0;

  /**
   * @param nodes by member id: a member without one is never asked; or how to open one. The router closes those that it opened when their member has left
   *   the map: they must not clear anything then.
   */
  constructor(map: ShardMap, nodes: StateNodes, options: RouterOptions = {}) {
    const timing = options.timing ?? processTiming;
    const hedge = options.hedge ?? {};
    this.#links = new MemberLinks(nodes);
    this.#view = this.#links.view(map);
    this.#context = {
      links: this.#links, loads: new ReadLoads(), suspicion: new Suspicion(), timing, slow: new SlowReads(timing), hashes: new TagHashes(),
      hedging: hedge === false ? undefined : { budget: new HedgeBudget(hedge.budget ?? 0.05), floorMs: hedge.floorMs ?? 5 },
      stallFloorMs: options.stallFloorMs ?? 250, checkHashes: options.checkHashes ?? false, counts: this.#counts,
      repair: options.repairBytes === false ? undefined : new ReadRepair(options.repairBytes ?? 16 * 1024 * 1024),
      newest: () => this.#view,
    };
    this.#useLoads();
  }

  /** The map in use. */
  get map(): ShardMap {
    return this.#view.map;
  }

  get stats(): RouterStats {
    const repair = this.#context.repair?.stats ?? { repaired: 0, dropped: 0 };
    return { fetches: this.#fetches, items: this.#items, ...this.#counts, ...repair };
  }

  /** The members of the map in use that can be asked. */
  get members(): RouterMember[] {
    const { loads, suspicion } = this.#context;
    return this.#view.links.map(({ member, place, p95 }) => ({
      id: member.id, p95Ms: p95.value, load: loads.relative[place] ?? 0, open: loads.open(place), isSuspected: suspicion.isSuspected(place),
    }));
  }

  /** Uses a newer map from now on; reads under way end on theirs. An older map than the one in use is ignored, and false. */
  update(map: ShardMap): boolean {
    if (compareEntries(map, this.#view.map) < 0) return false;
    if (this.#view.reads > 0) this.#before.add(this.#view);
    this.#view = this.#links.view(map);
    this.#useLoads();
    this.#retire();
    return true;
  }

  /**
   * The bytes of each revision, in order, from as few state nodes in parallel as hold them; each revision once. A node that fails, is late or
   * does not hold a revision is passed over for the next replica. undefined: no owner gave it, which does not mean that it is absent.
   */
  fetch(items: readonly SoughtRevision[]): Promise<(Uint8Array | undefined)[]> {
    this.#fetches += 1;
    this.#items += items.length;
    if (items.length === 0) return Promise.resolve([]);
    const hashes: number[] = [];
    for (const item of items) hashes.push(item.tag ?? this.#context.hashes.of(item.key));
    const { items: distinct, places } = distinctItems(items, hashes);
    const view = this.#view;
    view.reads += 1;
    if (places !== undefined) {
      for (const [index, place] of places.entries()) hashes[place] = hashes[index] as number; // a place is never behind its item
      hashes.length = distinct.length;
    }
    const found = new RevisionSearch({ context: this.#context, view, items: distinct, hashes, onOver: () => this.#left(view) }).run();
    return places === undefined ? found : found.then((each) => places.map((place) => each[place]));
  }

  /**
   * Writes revisions to all their owners; resolves when each is on enough of them.
   * @param options.acknowledge how many owners of an element must have it, of so many there are; one when left out
   * @throws ForeshardError what a state node threw, when too few owners of some revision took it
   */
  async publish(items: readonly StoredRevision[], options: { readonly acknowledge?: (key: StateKey, owners: number) => number } = {}): Promise<void> {
    const byPlace = new Map<number, StoredRevision[]>();
    const missing = new Map<StoredRevision, number>();
    for (const item of items) {
      const owners = this.#view.owners(this.#context.hashes.of(item.key));
      for (const place of owners) push(byPlace, place, item);
      missing.set(item, Math.max(1, options.acknowledge?.(item.key, owners.length) ?? 1));
    }
    let failure: unknown = new ForeshardError('state_node_unreachable', 'No state node of the shard map is connected.');
    await Promise.all([...byPlace].map(async ([place, group]) => {
      try {
        await this.#links.at(place).use((node) => node.write(group));
        for (const item of group) missing.set(item, (missing.get(item) ?? 0) - 1);
      } catch (error) {
        this.#counts.failures += 1;
        failure = error;
      }
    }));
    if ([...missing.values()].some((count) => count > 0)) throw failure;
  }

  /** Waits until read repair has written what it took over. */
  async repaired(): Promise<void> {
    await this.#context.repair?.idle();
  }

  /** Closes every state node. */
  async close(): Promise<void> {
    await this.repaired();
    this.#context.slow.close();
    await this.#links.close();
  }

  /** A read that began on this view is over. */
  #left(view: RouterView): void {
    view.reads -= 1;
    if (view.reads === 0 && this.#before.delete(view)) this.#retire();
  }

  #useLoads(): void {
    this.#context.loads.use(this.#view.links.map(({ place, member }) => ({ place, capacity: member.capacity })));
  }

  /** Lets go of members that no map in use has. */
  #retire(): void {
    for (const link of this.#links.retain([this.#view, ...this.#before])) {
      this.#context.suspicion.cleared(link.place);
      // A node that is gone cannot be closed properly, and nobody waits for it.
      link.retire().catch(() => {
        this.#counts.failures += 1;
      });
    }
  }
}

function push<K, T>(groups: Map<K, T[]>, key: K, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}
