import { waitFor, type Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import type { Coordinator } from './coordinator.ts';
import { mapCodec, type MapCodec } from './map-codec.ts';
import { entryOf } from './slot-entry.ts';
import { compareEntries, type RegisterAnswer, type RegisterOperation, type SlotEntry } from './slot-register.ts';
import type { StateNode } from './state-node.ts';

/** Operations in one message. */
const operationsAtOnce = 512;

interface Asked {
  readonly operations: readonly RegisterOperation[];
  readonly resolve: (reply: NodeReply) => void;
  readonly reject: (error: unknown) => void;
}

/** What came back from a state node: its answers in order, or why there are none. */
export type NodeReply = readonly RegisterAnswer[] | 'silent' | 'restarted';

/** Options of {@link ClusterView}. */
export interface ClusterViewOptions {
  readonly coordinator: Coordinator;
  /** Opens the client of a member; called once for each life of a member. */
  readonly open: (member: Member) => Promise<StateNode>;
  /** How maps travel; as in files when left out. */
  readonly codec?: MapCodec;
  readonly timing: Timing;
  /** A state node that takes longer is silent; 1000 when left out. */
  readonly timeoutMs?: number;
  /** Whether a member is there in the life that its name says. Another life at the same address is somebody else, whose revisions must not be touched in its name. */
  readonly isThere?: (name: string) => boolean;
}

/** The cluster as one client knows it: the newest map and the newer slot entries it has met, and the state nodes. It goes on with what it has while the coordinator is away. */
export class ClusterView {
  readonly #options: ClusterViewOptions;
  readonly #learnt = new Map<number, SlotEntry>();
  readonly #nodes = new Map<string, Promise<StateNode>>();
  readonly #waiting = new Map<string, Asked[]>();
  /** Members whose life is over for certain: somebody else answers at their address. */
  readonly #lost = new Set<string>();
  readonly #members = new Map<string, Member>();
  #map: ShardMap | undefined;
  #revision = 0;
  #refreshing: Promise<boolean> | undefined;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
  }

  /** @throws ForeshardError `map_outdated` when there has never been a map */
  get map(): ShardMap {
    if (this.#map === undefined) throw new ForeshardError('map_outdated', 'there is no shard map yet', { hint: 'start the cluster with foreshard cluster, or publish a map' });
    return this.#map;
  }

  get hasMap(): boolean {
    return this.#map !== undefined;
  }

  /** The coordinator's revision of the map. */
  get revision(): number {
    return this.#revision;
  }

  /** The newest entry known of a slot. */
  entry(slot: number): SlotEntry {
    const published = entryOf(this.map, slot);
    const learnt = this.#learnt.get(slot);
    return learnt !== undefined && compareEntries(learnt, published) > 0 ? learnt : published;
  }

  /** Takes note of an entry that a state node gave. */
  learn(slot: number, entry: SlotEntry): void {
    if (compareEntries(entry, this.entry(slot)) > 0) this.#learnt.set(slot, entry);
  }

  /** Whether a state node has told of a newer entry than the map has. */
  get hasLearntAny(): boolean {
    return this.#map !== undefined && [...this.#learnt].some(([slot, entry]) => compareEntries(entry, entryOf(this.map, slot)) > 0);
  }

  /** Reads the newest map; false when the coordinator could not be asked. Asked for several times at once it is read once. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Takes a map, unless a newer one is here. */
  accept(map: ShardMap, revision: number): void {
    if (this.#map !== undefined && compareEntries(map, this.#map) < 0) return;
    this.#map = map;
    this.#revision = revision;
    for (const member of map.members) this.#members.set(memberName(member), member);
    for (const [slot, entry] of this.#learnt) if (compareEntries(entry, entryOf(map, slot)) <= 0) this.#learnt.delete(slot);
  }

  /** Makes members known that are in no map yet, or no longer. */
  introduce(members: readonly Member[]): void {
    for (const member of members) if (!this.#members.has(memberName(member))) this.#members.set(memberName(member), member);
  }

  /** The client of a member by its name; undefined when it is not known or cannot be reached. */
  async node(name: string): Promise<StateNode | undefined> {
    const member = this.#members.get(name);
    if (member === undefined || this.#lost.has(name) || this.#options.isThere?.(name) === false) return undefined;
    let opened = this.#nodes.get(name);
    if (opened === undefined) {
      opened = this.#options.open(member);
      this.#nodes.set(name, opened);
      opened.catch(() => this.#nodes.delete(name));
    }
    return opened.catch(() => undefined);
  }

  /** Runs operations on the registers of a member; never throws for what can happen to it. What is asked of a member at the same time travels together. */
  apply(name: string, operations: readonly RegisterOperation[]): Promise<NodeReply> {
    if (operations.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name);
      if (waiting !== undefined) return void waiting.push({ operations, resolve, reject });
      const first = [{ operations, resolve, reject }];
      this.#waiting.set(name, first);
      void Promise.resolve().then(() => {
        this.#waiting.delete(name);
        this.#send(name, first);
      });
    });
  }

  /** A member is gone for good: nobody waits for it any longer. */
  lose(name: string): void {
    this.#lost.add(name);
  }

  /** How many of these members can be heard of ever again: not who has lost its memory. */
  present(names: readonly string[]): number {
    return names.filter((name) => !this.#lost.has(name)).length;
  }

  /** The slots of which a member has registers in use. */
  async registers(name: string): Promise<readonly number[] | 'silent' | 'restarted'> {
    return this.#ask(name, async (node) => ((await node.life()) === lifeOf(name) ? node.registers() : 'restarted'));
  }

  /** Lets the state nodes go. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#nodes.values());
    this.#nodes.clear();
    await Promise.all(opened.map(async (node) => (node.status === 'fulfilled' ? node.value.close() : undefined)));
  }

  #send(name: string, asked: readonly Asked[]): void {
    for (const part of partsOf(asked)) {
      const operations = part.flatMap((one) => one.operations);
      this.#ask(name, (node) => node.apply(lifeOf(name), operations)).then((reply) => {
        let from = 0;
        for (const one of part) one.resolve(typeof reply === 'string' ? reply : reply.slice(from, (from += one.operations.length)));
      }, (error: unknown) => {
        for (const one of part) one.reject(error);
      });
    }
  }

  async #ask<T>(name: string, run: (node: StateNode) => Promise<T | 'restarted'>): Promise<T | 'silent' | 'restarted'> {
    const asked = async (): Promise<T | 'silent' | 'restarted'> => {
      const node = await this.node(name);
      return node === undefined ? 'silent' : run(node);
    };
    const waited = await waitFor(this.#options.timing, this.#options.timeoutMs ?? 1000, asked());
    if (waited.status === 'late') return 'silent';
    if (waited.status === 'failed') {
      if (!(waited.error instanceof ForeshardError)) throw waited.error;
      if (waited.error.code !== 'state_node_restarted') return 'silent';
    }
    if (waited.status === 'done' && waited.value !== 'restarted') return waited.value;
    this.#lost.add(name);
    return 'restarted';
  }

  async #refresh(): Promise<boolean> {
    const asked = await this.#asked((coordinator) => coordinator.since(this.#revision));
    if (asked === undefined) return false;
    const { codec = mapCodec } = this.#options;
    const { found } = asked;
    if (found === undefined) return true;
    if ('map' in found) {
      // A revision seen before has nothing new; an older one is a coordinator that forgot: what is here is newer.
      if (found.revision !== this.#revision) this.accept(codec.decode(found.map), found.revision);
      return true;
    }
    try {
      if (found.diffs.length > 0) this.accept(found.diffs.reduce((map, diff) => codec.apply(map, diff), this.map), found.revision);
      return true;
    } catch (error) {
      if (!(error instanceof ForeshardError) || error.code !== 'map_outdated') throw error;
    }
    // They lead from another map than the one that is here: the whole one then.
    const whole = await this.#asked((coordinator) => coordinator.get());
    if (whole?.found !== undefined) this.accept(codec.decode(whole.found.map), whole.found.revision);
    return whole !== undefined;
  }

  /** What the coordinator says; undefined when it cannot be asked. */
  async #asked<T>(ask: (coordinator: Coordinator) => Promise<T>): Promise<{ readonly found: T } | undefined> {
    const { coordinator, timing, timeoutMs } = this.#options;
    const waited = await waitFor(timing, timeoutMs ?? 1000, ask(coordinator));
    if (waited.status === 'done') return { found: waited.value };
    if (waited.status === 'failed' && !(waited.error instanceof ForeshardError && waited.error.code === 'coordinator_unreachable')) throw waited.error;
    return undefined;
  }
}

/** Messages of a good many operations: one with very many would look like silence. */
function partsOf(asked: readonly Asked[]): Asked[][] {
  const parts: Asked[][] = [];
  let length = operationsAtOnce;
  for (const one of asked) {
    if (length + one.operations.length > operationsAtOnce) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(one);
    length += one.operations.length;
  }
  return parts;
}

/** The life in a member's name. */
function lifeOf(name: string): string {
  return name.slice(name.lastIndexOf('@') + 1);
}
