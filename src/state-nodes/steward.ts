import type { Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import type { ClusterView } from './cluster-view.ts';
import { inTime, type Coordinator } from './coordinator.ts';
import { levelHeads, pullHeads, releaseHeads, type SlotTask } from './handoff.ts';
import type { MergeContext } from './head-merge.ts';
import type { HeadOrder } from './head.ts';
import { mapCodec, type MapCodec } from './map-codec.ts';
import { beginChanges, finishChanges, namesOf, recoveredMap } from './map-changes.ts';
import { soundRules, type Consistency, type ProtocolRules } from './protocol-rules.ts';
import { newestEntries } from './recovery.ts';
import { entryOf } from './slot-entry.ts';

/** Brings revisions to owners and takes them from former ones; see revision-handoff.ts. */
export interface RevisionCarrier {
  /** Gives every owner of these slots what any holder has; the slots where that is complete. */
  level(slots: readonly SlotTask[]): Promise<Set<number>>;
  /** Lets a former owner forget what every owner has. */
  release(slots: readonly SlotTask[], former: ReadonlyMap<number, readonly string[]>): Promise<readonly { readonly slot: number; readonly name: string }[]>;
}

/** Options of {@link Steward}. */
export interface StewardOptions {
  readonly coordinator: Coordinator;
  readonly view: ClusterView;
  readonly timing: Timing;
  /** Who holds the lease: unique among the stewards. */
  readonly name: string;
  readonly order: HeadOrder;
  readonly consistency: Consistency;
  /** How maps travel; as in files when left out. */
  readonly codec?: MapCodec;
  /** The map that is wanted: of no earlier one for a new cluster. Called with the lease; undefined: leave it as it is. */
  readonly plan: (current: ShardMap | undefined) => ShardMap | undefined;
  /** Members that are gone, by name. */
  readonly dead: () => ReadonlySet<string>;
  /** Any member that there may be, by name, for entries that the coordinator has forgotten. */
  readonly members: () => readonly Member[];
  readonly revisions?: RevisionCarrier;
  /** Whether elements are written, so that there are heads; true when left out. Without, nothing but revisions needs care. */
  readonly usesHeads?: boolean;
  /** Slots that may hold anything; all of them when left out. */
  readonly slots?: readonly number[];
  readonly rules?: ProtocolRules;
  /** How it finds out what a coordinator has forgotten. */
  readonly recover?: typeof newestEntries;
  /** How long the lease lasts without a sign: long enough for a round that has much to do. 6000 when left out. */
  readonly leaseMs?: number;
  /** A coordinator that takes longer is away; 1000 when left out. */
  readonly timeoutMs?: number;
  /** Slots under way at a time; 4096 when left out. */
  readonly mostChanges?: number;
}

/** What a steward has done. */
export interface StewardStats {
  readonly role: 'steward' | 'standby';
  readonly published: number;
  readonly begun: number;
  readonly finished: number;
  readonly released: number;
  readonly recoveries: number;
  readonly levelled: number;
}

/** Slots that change owners, finished in one round: the next one publishes the next. First come those in use, that somebody may be waiting for. */
const [usedInOneRound, slotsInOneRound] = [4096, 16_384];

/** Slots compared at a time by anti-entropy. */
const slotsInOneLook = 2048;

/**
 * Leads a cluster while it holds the lease: replaces owners that are gone, carries out what placement wants, and levels owners. Any number of them may run, one is enough; none of them is needed
 * for reads and writes, and none is trusted: what it does wrongly or too late the registers of the state nodes refuse.
 */
export class Steward {
  readonly #options: StewardOptions;
  readonly #context: MergeContext;
  readonly #rules: ProtocolRules;
  /** Members that may hold slots they no longer own. */
  readonly #former = new Map<number, Set<string>>();
  readonly #counts = { published: 0, begun: 0, finished: 0, released: 0, recoveries: 0, levelled: 0 };
  #token: number | undefined;
  #newestRevision = 0;
  #recovered = false;
  #levelFrom = 0;
  /** Changing slots that a round has tried to finish. */
  readonly #tried = new Set<number>();
  #wanted: ShardMap | undefined;
  #reasons = '';

  constructor(options: StewardOptions) {
    this.#options = { ...options, coordinator: inTime(options.coordinator, options.timing, options.timeoutMs ?? 1000) };
    this.#rules = options.rules ?? soundRules;
    this.#context = { view: options.view, order: options.order, rules: this.#rules };
  }

  get stats(): StewardStats {
    return { role: this.#token === undefined ? 'standby' : 'steward', ...this.#counts };
  }

  /**
   * One round: takes or keeps the lease and does what is to be done; called every second or so. While the coordinator is away nothing is changed.
   * @returns whether there is more to do at once
   */
  async tick(): Promise<boolean> {
    const { coordinator, view, name, leaseMs = 6000 } = this.#options;
    let done = (): void => {};
    try {
      const token = await coordinator.lease(name, leaseMs);
      if (token !== undefined) done = this.#keepLease(leaseMs);
      if (token !== this.#token) this.#recovered = false;
      this.#token = token;
      if (!(await view.refresh()) || token === undefined) return false;
      if (!(await this.#isCurrent())) return false;
      const moved = await this.#finish();
      await this.#begin();
      await this.#release();
      return moved && view.map.changes.size > 0;
    } catch (error) {
      if (error instanceof ForeshardError && error.code === 'coordinator_unreachable') return false;
      throw error;
    } finally {
      done();
    }
  }

  /** Extends the lease while a round goes on that has much to do; returns what ends it. */
  #keepLease(leaseMs: number): () => void {
    const { coordinator, timing, name } = this.#options;
    let cancel = (): void => {};
    const again = (): void => {
      cancel = timing.after(leaseMs / 3, () => {
        coordinator.lease(name, leaseMs).catch(() => {});
        again();
      });
    };
    again();
    return () => cancel();
  }

  /** Anti-entropy over a part of the slots; the next call goes on behind it. */
  async level(): Promise<void> {
    const { view, revisions } = this.#options;
    if (!this.#rules.antiEntropy || !view.hasMap) return;
    const slots = this.#slots();
    const part = Array.from({ length: Math.min(slotsInOneLook, slots.length) }, (_, index) => slots[(this.#levelFrom + index) % slots.length] as number);
    this.#levelFrom = (this.#levelFrom + part.length) % Math.max(1, slots.length);
    const tasks = part.map((slot) => this.#task(slot));
    if (this.#usesHeads) this.#counts.levelled += (await levelHeads(this.#context, tasks)).length;
    await revisions?.level(tasks);
  }

  /** Gives the lease back. */
  async stop(): Promise<void> {
    const { coordinator, name } = this.#options;
    this.#token = undefined;
    await coordinator.release(name).catch(() => {});
  }

  /** Whether the map can be worked on: the first one is published here, and after a change of steward or a coordinator that forgot, the state nodes are asked first. */
  async #isCurrent(): Promise<boolean> {
    const { coordinator, view, plan } = this.#options;
    let published = await coordinator.get();
    if (view.hasMap && published?.revision !== view.revision) {
      await view.refresh();
      published = await coordinator.get();
    }
    // Still another revision than that of the map here: what is published is older, whatever its number.
    const forgot = (published?.revision ?? 0) < this.#newestRevision || view.hasLearntAny || (view.hasMap && published?.revision !== view.revision);
    this.#newestRevision = Math.max(this.#newestRevision, published?.revision ?? 0);
    if (this.#recovered && !forgot) return true;
    if (!(await this.#recover(published?.revision ?? 0, forgot))) return false;
    if (!view.hasMap) {
      const first = plan(undefined);
      if (first === undefined || !(await this.#publish(first, published?.revision ?? 0))) return false;
    }
    this.#recovered = true;
    return true;
  }

  /** Asks the state nodes for newer entries than the map has, and publishes what they say under a new incarnation. */
  async #recover(revision: number, forgot: boolean): Promise<boolean> {
    const { view, members, consistency, plan } = this.#options;
    view.introduce(members());
    const base = view.hasMap ? view.map : plan(undefined);
    if (base === undefined) return false;
    // Revisions cannot be written under a wrong map: whatever map is published again will do.
    if (!this.#usesHeads) return !view.hasMap || view.revision === revision || this.#publish({ ...view.map, incarnation: this.#token as number, epoch: view.map.epoch + 1 }, revision);
    const newest = await (this.#options.recover ?? newestEntries)({ context: this.#context, base, published: view.hasMap, forgot, slots: this.#slots(), members: members(), dead: this.#options.dead(), consistency, token: this.#token as number });
    if (newest === 'nothing') return true;
    if (newest === undefined) return false;
    this.#counts.recoveries += 1;
    return this.#publish(recoveredMap(base, newest.entries, members(), newest.incarnation), revision);
  }

  /** Carries on with changes under way, those of slots in use first: where the joiners are active they are done. Whether any was. */
  async #finish(): Promise<boolean> {
    const { view, revisions } = this.#options;
    if (view.map.changes.size === 0) return false;
    const tasks = (await this.#next([...view.map.changes.keys()])).map((slot) => this.#task(slot));
    const pulled = this.#usesHeads ? await pullHeads(this.#context, tasks) : new Set(tasks.map(({ slot }) => slot));
    const levelled = revisions === undefined ? pulled : await revisions.level(tasks.filter(({ slot }) => pulled.has(slot)));
    const done = tasks.filter(({ slot }) => pulled.has(slot) && levelled.has(slot));
    for (const { slot } of tasks) this.#tried.add(slot);
    if (done.length === 0 || !(await this.#publish(finishChanges(view.map, done.map(({ slot }) => slot), this.#options.dead()), view.revision))) return false;
    this.#counts.finished += done.length;
    for (const { slot, entry } of done) {
      const former = entry.old.filter((name) => !entry.own.includes(name));
      if (former.length > 0) this.#former.set(slot, new Set([...(this.#former.get(slot) ?? []), ...former]));
    }
    return true;
  }

  /** Of slots that are changing those that are finished next: none again before all have been tried, since some may have to wait for an owner that is away. */
  async #next(changing: readonly number[]): Promise<readonly number[]> {
    let slots = changing.filter((slot) => !this.#tried.has(slot));
    if (slots.length === 0) {
      this.#tried.clear();
      slots = [...changing];
    }
    if (slots.length <= usedInOneRound || !this.#usesHeads) return slots.slice(0, slotsInOneRound);
    const { view } = this.#options;
    const { map } = view;
    const holders = new Set([...new Set([...map.changes.values()].map(({ old }) => old))].flatMap((set) => namesOf(map, set)));
    const used = new Set((await Promise.all([...holders].map((name) => view.registers(name)))).flatMap((found) => (typeof found === 'string' ? [] : [...found])));
    const first = slots.filter((slot) => used.has(slot));
    return first.length > 0 ? first.slice(0, usedInOneRound) : slots.slice(0, slotsInOneRound);
  }

  async #begin(): Promise<void> {
    const { view, plan, dead, mostChanges, consistency, revisions } = this.#options;
    const wanted = plan(view.map);
    const gone = dead();
    // Nothing to begin while as much is under way as may be, for the same reasons as before.
    const reasons = [...gone].sort().join();
    if (wanted === undefined || (wanted === this.#wanted && reasons === this.#reasons && view.map.changes.size >= (mostChanges ?? 4096))) return;
    [this.#wanted, this.#reasons] = [wanted, reasons];
    const begun = beginChanges(view.map, wanted, { dead: gone, most: mostChanges ?? 4096, consistency, rules: this.#rules });
    if (begun === undefined) return;
    if (revisions !== undefined) await this.#copyAhead(begun.map, begun.slots, gone);
    if (await this.#publish(begun.map, view.revision)) this.#counts.begun += begun.slots.length;
  }

  /** What moves while its owners are well is copied before anybody is told; what lost an owner is replaced first. */
  async #copyAhead(next: ShardMap, slots: readonly number[], gone: ReadonlySet<string>): Promise<void> {
    const tasks = slots.map((slot) => ({ slot, entry: entryOf(next, slot) })).filter(({ entry }) => !entry.old.some((name) => gone.has(name)));
    await this.#options.revisions?.level(tasks);
  }

  async #release(): Promise<void> {
    const { view, revisions, members } = this.#options;
    // Who is gone has nothing left, and who came back in another life is somebody else.
    const there = new Set(members().map(memberName));
    for (const [slot, names] of this.#former) {
      const { own } = view.entry(slot);
      for (const name of names) if (own.includes(name) || !there.has(name)) names.delete(name);
      if (names.size === 0) this.#former.delete(slot);
    }
    const tasks = [...this.#former.keys()].filter((slot) => !view.map.changes.has(slot)).map((slot) => this.#task(slot));
    if (tasks.length === 0) return;
    const former = new Map([...this.#former].map(([slot, names]) => [slot, [...names]]));
    const released = this.#usesHeads ? await releaseHeads(this.#context, tasks, former) : tasks.flatMap(({ slot }) => (former.get(slot) ?? []).map((name) => ({ slot, name })));
    const free = new Set(released.map(({ slot }) => slot));
    const dropped = revisions === undefined ? released : await revisions.release(tasks.filter(({ slot }) => free.has(slot)), former);
    for (const { slot, name } of dropped) {
      this.#counts.released += 1;
      const names = this.#former.get(slot);
      names?.delete(name);
      if (names?.size === 0) this.#former.delete(slot);
    }
  }

  async #publish(map: ShardMap, revision: number): Promise<boolean> {
    const { coordinator, view, codec = mapCodec } = this.#options;
    const diff = view.hasMap && view.revision === revision ? codec.diff(view.map, map) : undefined;
    const published = await coordinator.compareAndSet(revision, { map: codec.encode(map), ...(diff === undefined ? {} : { diff }) }, this.#token as number);
    if (published === undefined) {
      await view.refresh();
      return false;
    }
    this.#counts.published += 1;
    this.#newestRevision = published;
    view.accept(map, published);
    return true;
  }

  get #usesHeads(): boolean {
    return this.#options.usesHeads ?? true;
  }

  #task(slot: number): SlotTask {
    return { slot, entry: this.#options.view.entry(slot) };
  }

  #slots(): readonly number[] {
    return this.#options.slots ?? allSlots;
  }
}

const allSlots: readonly number[] = Array.from({ length: slotCount }, (_, slot) => slot);
