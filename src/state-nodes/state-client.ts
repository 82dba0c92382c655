import { contentHash } from '../lib/content-hash.ts';
import { groupBy } from '../lib/group-by.ts';
import { HybridLogicalClock } from '../lib/hybrid-logical-clock.ts';
import { sleep, waitFor, type Timing } from '../lib/timing.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import type { StateKey } from '../model/state-key.ts';
import type { ClusterView } from './cluster-view.ts';
import { HeadClient, type HeadClientStats, type ReadHead } from './head-client.ts';
import type { HeadOrder, HeadValue, VersionVector } from './head.ts';
import { contentRevision } from './payloads.ts';
import { soundRules, type Consistency } from './protocol-rules.ts';
import type { StateRouter } from './router.ts';
import type { RevisionName, StoredRevision } from './state-node.ts';

/** Options of {@link StateClient}. */
export interface StateClientOptions {
  readonly view: ClusterView;
  readonly router: StateRouter;
  readonly timing: Timing;
  /** Unique among the clients, in each life of theirs. */
  readonly name: string;
  readonly order?: HeadOrder;
  /** For all elements, or by element. `quorum` when left out. */
  readonly consistency?: Consistency | ((key: StateKey) => Consistency);
  /** Settles siblings when they are read: the bytes that take their place, which are written back. */
  readonly resolve?: (key: StateKey, siblings: readonly (Uint8Array | null)[]) => Uint8Array | null;
  /** Tries go on for so long; 5000 when left out. */
  readonly deadlineMs?: number;
  /** A state node that takes longer to take revisions is silent; 1000 when left out. */
  readonly timeoutMs?: number;
  /** Called with every element that is asked for: what is hot is told by who reads it. */
  readonly onRead?: (key: StateKey) => void;
}

/** An element as read. */
export interface ElementRead {
  readonly key: StateKey;
  /** Null: never written, or deleted. With siblings the newest. */
  readonly bytes: Uint8Array | null;
  /** Everything that stands side by side, newest first; one where last-writer-wins. Null: a deletion. */
  readonly siblings: readonly (Uint8Array | null)[];
  /** To be given with a write that has seen this. */
  readonly context: VersionVector;
}

/** A write of an element. `bytes` null deletes it. */
export interface ElementWrite {
  readonly key: StateKey;
  readonly bytes: Uint8Array | null;
  /** From the read that this write follows; left out: it is written without having read. */
  readonly context?: VersionVector;
}

/**
 * Reads and writes elements of a cluster: bytes by state key. A write puts an immutable revision on the owners and then moves the head there, both acknowledged at W; a
 * read finds the head at R of them and the revision at any. Can be used without anything else of Foreshard.
 */
export class StateClient {
  readonly #options: StateClientOptions;
  readonly #heads: HeadClient;
  #writes = 0;

  constructor(options: StateClientOptions) {
    this.#options = options;
    this.#heads = new HeadClient({
      view: options.view, timing: options.timing, clock: new HybridLogicalClock(options.timing.now), name: options.name, order: options.order ?? 'last-writer-wins',
      consistency: options.consistency ?? 'quorum', ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    });
  }

  get stats(): HeadClientStats {
    return this.#heads.stats;
  }

  /** The elements, in order. @throws ForeshardError `quorum_missing`, `payload_missing` */
  async get(keys: readonly StateKey[]): Promise<ElementRead[]> {
    const { onRead } = this.#options;
    if (onRead !== undefined) keys.forEach(onRead);
    const heads = await this.#heads.read(keys);
    const payloads = await this.#payloads(heads);
    return Promise.all(heads.map((head) => this.#settled(head, head.values.map((value) => payloads.get(nameOf(head.key, value)) ?? null))));
  }

  /** Writes elements; resolves when each is acknowledged. @throws ForeshardError `quorum_missing`, `state_node_full`, `payload_too_large` */
  async put(writes: readonly ElementWrite[]): Promise<void> {
    const named = writes.map(({ key, bytes, context }) => {
      const hash = bytes === null ? null : contentHash(bytes);
      return { key, bytes, hash, revision: hash === null ? 0 : contentRevision(hash), id: `${this.#options.name}.${++this.#writes}`, ...(context === undefined ? {} : { context }) };
    });
    const items = named.flatMap(({ key, revision, hash, bytes }) => (bytes === null || hash === null ? [] : [{ key, revision, hash, bytes }]));
    let placed = await this.#publish(items);
    await this.#heads.write(named.map(({ key, id, revision, hash, ...rest }) => ({ key, id, revision, hash, ...('context' in rest ? { context: rest.context } : {}) })));
    // Where the head was acknowledged by other owners than those that got the bytes, these get them too.
    const moved = (): StoredRevision[] => [...placed].filter(([{ key }, own]) => this.#options.view.entry(slotOf(key)).own.join() !== own).map(([item]) => item);
    for (let left = moved(); left.length > 0; left = moved()) placed = await this.#publish(left);
  }

  /** What owners missed while they were away; to be called from time to time. */
  async deliverHints(): Promise<void> {
    await this.#heads.deliverHints();
  }

  async #settled({ key, context }: ReadHead, siblings: readonly (Uint8Array | null)[]): Promise<ElementRead> {
    const { resolve } = this.#options;
    if (siblings.length < 2 || resolve === undefined) return { key, bytes: siblings[0] ?? null, siblings, context };
    const bytes = resolve(key, siblings);
    await this.put([{ key, bytes, context }]);
    return { key, bytes, siblings: [bytes], context };
  }

  /** The bytes of all values, by name. A value whose bytes nobody gives is told, never taken for absent. */
  async #payloads(heads: readonly ReadHead[]): Promise<Map<string, Uint8Array>> {
    const wanted = heads.flatMap(({ key, values }) => values.flatMap((value) => (value.hash === null ? [] : [{ key, revision: value.revision, hash: value.hash, name: nameOf(key, value) }])));
    const found = await this.#options.router.fetch(wanted);
    return new Map(await Promise.all(wanted.map(async (item, index): Promise<[string, Uint8Array]> => {
      const { name, key } = item;
      const bytes = found[index] ?? await this.#askOwners(item);
      if (bytes === undefined) {
        throw new ForeshardError('payload_missing', `no owner of ${key} (slot ${slotOf(key)}) gives the revision that its head points at`, { hint: 'more owners are away than the replication bears; foreshard nodes shows who' });
      }
      return [name, bytes];
    })));
  }

  /** The bytes of a revision from whoever owns its slot, or did, by the newest entry: the map may be older than the head. */
  async #askOwners(item: RevisionName): Promise<Uint8Array | undefined> {
    const { view, router, timing, timeoutMs } = this.#options;
    await view.refresh();
    router.update(view.map);
    const { own, old } = view.entry(slotOf(item.key));
    for (const name of new Set([...own, ...old])) {
      const node = await view.node(name);
      const waited = node === undefined ? undefined : await waitFor(timing, timeoutMs ?? 1000, node.read([item]));
      const bytes = waited?.status === 'done' ? waited.value[0] : undefined;
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  /** Puts revisions on W owners each, as the newest entries have them; again while too few answer. What each was put on. */
  async #publish(items: readonly StoredRevision[]): Promise<Map<StoredRevision, string>> {
    const { timing, view, deadlineMs } = this.#options;
    const until = timing.now() + (deadlineMs ?? 5000);
    const placed = new Map<StoredRevision, string>();
    let open = [...items];
    for (let tries = 1; open.length > 0; tries++) {
      const owners = new Map(open.map((item) => [item, view.entry(slotOf(item.key)).own]));
      const taken = await this.#writeTo(owners);
      for (const item of open) {
        const own = owners.get(item) as readonly string[];
        if ((taken.get(item) ?? 0) >= soundRules.writeQuorum(own.length, this.#consistencyOf(item.key))) placed.set(item, own.join());
      }
      open = open.filter((item) => !placed.has(item));
      if (open.length === 0) break;
      if (timing.now() >= until) throw new ForeshardError('quorum_missing', `too few owners of ${open.length} revisions take them`, { hint: 'foreshard nodes shows who is away' });
      await sleep(timing, 20 * Math.min(10, tries) * (1 + timing.random()));
      await view.refresh();
    }
    return placed;
  }

  /** Writes items to their owners, a message to each; how many took each. */
  async #writeTo(owners: ReadonlyMap<StoredRevision, readonly string[]>): Promise<Map<StoredRevision, number>> {
    const { timing, view, timeoutMs } = this.#options;
    const taken = new Map<StoredRevision, number>();
    const pairs = [...owners].flatMap(([item, own]) => own.map((name) => ({ name, item })));
    await Promise.all([...groupBy(pairs, ({ name }) => name)].map(async ([name, group]) => {
      const node = await view.node(name);
      if (node === undefined) return;
      const waited = await waitFor(timing, timeoutMs ?? 1000, node.write(group.map(({ item }) => item)));
      if (waited.status === 'failed' && !(waited.error instanceof ForeshardError && waited.error.code === 'state_node_unreachable')) throw waited.error;
      if (waited.status === 'done') for (const { item } of group) taken.set(item, (taken.get(item) ?? 0) + 1);
    }));
    return taken;
  }

  #consistencyOf(key: StateKey): Consistency {
    const { consistency } = this.#options;
    return typeof consistency === 'function' ? consistency(key) : (consistency ?? 'quorum');
  }
}

function nameOf(key: StateKey, { revision }: HeadValue): string {
  return `${revision} ${key}`;
}
