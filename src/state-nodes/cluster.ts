import { sleep, waitFor, type Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, type Member, type ShardMap } from '../model/shard-map.ts';
import { ClusterView } from './cluster-view.ts';
import type { Coordinator } from './coordinator.ts';
import type { HeadOrder } from './head.ts';
import { HeartbeatLoop } from './heartbeats.ts';
import { keysOfDeath, type Crash, type DeadlySlot } from './key-of-death.ts';
import { keptWhere, namesOf } from './map-changes.ts';
import { MembershipDetector, type MembershipChange, type MembershipOptions } from './membership.ts';
import type { Consistency } from './protocol-rules.ts';
import { realTime } from './real-time.ts';
import { RevisionHandoff, type RevisionHandoffStats } from './revision-handoff.ts';
import { StateRouter } from './router.ts';
import type { StateNode, StateNodeStats } from './state-node.ts';
import { Steward, type StewardStats } from './steward.ts';

/** What both sides of a cluster need. */
export interface ClusterOptions {
  readonly coordinator: Coordinator;
  /** Opens the client of a member, by its address. */
  readonly open: (member: Member) => Promise<StateNode>;
  readonly timing?: Timing;
  /** Called with each newer map. */
  readonly onMap?: (map: ShardMap) => void;
  /** Called when something failed that is tried again; it goes on with what it has. */
  readonly onProblem?: (error: ForeshardError) => void;
}

/** A client's side of a cluster: the map as it changes, and reads that follow it. It goes on with the map it has while the coordinator is away. */
export class ClusterConnection {
  readonly view: ClusterView;
  readonly router: StateRouter;
  readonly #unwatch: () => void;

  private constructor(view: ClusterView, router: StateRouter, unwatch: () => void) {
    this.view = view;
    this.router = router;
    this.#unwatch = unwatch;
  }

  /** Waits for a map, `waitMs` at most (10,000 when left out). @throws ForeshardError `map_outdated` when there is none by then, `coordinator_unreachable` */
  static async open(options: ClusterOptions, waitMs: number = 10_000): Promise<ClusterConnection> {
    const { coordinator, open, onMap } = options;
    const timing = options.timing ?? realTime;
    const view = new ClusterView({ coordinator, open, timing });
    const until = timing.now() + waitMs;
    for (let answered = await view.refresh(); !view.hasMap; answered = await view.refresh()) {
      if (timing.now() >= until) {
        if (!answered) throw new ForeshardError('coordinator_unreachable', `the coordinator has not answered for ${waitMs} ms`, { hint: 'check its address' });
        throw new ForeshardError('map_outdated', 'the coordinator has no shard map', { hint: 'start foreshard cluster with the same coordinator and namespace' });
      }
      await sleep(timing, 100);
    }
    const router = new StateRouter(view.map, open);
    const unwatch = coordinator.watch(view.revision, () => {
      view.refresh().then(() => {
        if (router.update(view.map)) onMap?.(view.map);
      }).catch((error: unknown) => options.onProblem?.(error as ForeshardError));
    });
    return new ClusterConnection(view, router, unwatch);
  }

  /** Lets the state nodes go; the coordinator stays open. */
  async close(): Promise<void> {
    this.#unwatch();
    await Promise.all([this.router.close(), this.view.close()]);
  }
}

/** Options of {@link ClusterSteward}. */
export interface ClusterStewardOptions extends ClusterOptions {
  /** Who may be there, without their lives. */
  readonly members: readonly Member[];
  /** Unique among the stewards. */
  readonly name: string;
  /** Where everything should be, with these members alive: pure placement. */
  readonly place: (members: readonly Member[], current: ShardMap | undefined) => ShardMap;
  readonly order?: HeadOrder;
  readonly consistency?: Consistency;
  /** Whether elements are written to the cluster, and not only revisions; true when left out. */
  readonly usesHeads?: boolean;
  readonly membership?: MembershipOptions;
  /** Between two rounds; 250 ms when left out. */
  readonly roundMs?: number;
  /** Between two looks of anti-entropy; 5000 when left out. */
  readonly levelMs?: number;
  readonly onChange?: (changes: readonly MembershipChange[]) => void;
  /** Called when slots are no longer given to others, since whoever holds them dies; and with none when that is over. */
  readonly onDeadly?: (slots: readonly DeadlySlot[]) => void;
}

/** What a steward's side has done. */
export interface ClusterStewardStats {
  readonly steward: StewardStats;
  readonly revisions: RevisionHandoffStats;
}

/** The steward's side of a cluster: watches the members, and replaces, moves and levels as placement wants. Several may run; one leads. */
export class ClusterSteward {
  readonly #options: ClusterStewardOptions;
  readonly #timing: Timing;
  readonly #nodes = new Map<string, StateNode>();
  readonly #opening = new Set<string>();
  readonly #view: ClusterView;
  readonly #detector: MembershipDetector;
  readonly #heartbeats: HeartbeatLoop;
  readonly #steward: Steward;
  readonly #revisions: RevisionHandoff;
  #wanted: ShardMap | undefined;
  #wantedFor = '';
  #replan = false;
  #crashes: Crash[] = [];
  #deadly: readonly DeadlySlot[] = [];
  #stopped = false;
  #running: Promise<void>[] = [];

  constructor(options: ClusterStewardOptions) {
    const { coordinator, order, consistency, name } = options;
    this.#options = options;
    this.#timing = options.timing ?? realTime;
    this.#view = new ClusterView({
      coordinator, timing: this.#timing, open: async (member) => this.#opened(member), isThere: (name) => this.#alive().some((member) => memberName(member) === name),
    });
    this.#detector = new MembershipDetector(options.membership);
    this.#heartbeats = new HeartbeatLoop({
      nodes: () => this.#nodes.values(), detector: this.#detector, timing: this.#timing,
      onChange: (changes) => {
        for (const change of changes) if (change.condition === 'dead') this.#crashed(change);
        options.onChange?.(changes);
      },
    });
    this.#revisions = new RevisionHandoff({ view: this.#view, timing: this.#timing });
    this.#steward = new Steward({
      coordinator, view: this.#view, timing: this.#timing, name, order: order ?? 'last-writer-wins', consistency: consistency ?? 'quorum', usesHeads: options.usesHeads ?? true,
      plan: (current) => this.#plan(current), dead: () => this.#dead(), members: () => this.#alive(), revisions: this.#revisions,
    });
  }

  /** Opens what can be opened and begins; what cannot is tried again. */
  async start(): Promise<void> {
    await this.#openAll();
    this.#heartbeats.start();
    this.#running = [this.#loop(this.#options.roundMs ?? 250, () => this.#round()), this.#loop(this.#options.levelMs ?? 5000, async () => {
      await this.#steward.level();
      return false;
    })];
  }

  get stats(): ClusterStewardStats {
    return { steward: this.#steward.stats, revisions: this.#revisions.stats };
  }

  /** The map as published last; undefined before the first. */
  get map(): ShardMap | undefined {
    return this.#view.hasMap ? this.#view.map : undefined;
  }

  /** Placement is asked anew in the next round: its heatmap has changed. */
  replan(): void {
    this.#replan = true;
  }

  /** Resolves once every change that is wanted is done, or throws after `waitMs`. @throws ForeshardError `timeout` */
  async settled(waitMs: number): Promise<void> {
    const until = this.#timing.now() + waitMs;
    while (!this.#isSettled()) {
      if (this.#timing.now() > until) throw new ForeshardError('timeout', `the cluster has not settled within ${waitMs} ms: ${this.map?.changes.size ?? 'all'} slots are changing`);
      await sleep(this.#timing, 20);
    }
  }

  /** Gives the lease back and lets the state nodes go. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#heartbeats.stop();
    await Promise.all(this.#running);
    await this.#steward.stop();
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
  }

  /** What each state node holds and has done, by member id; who does not answer is left out. */
  async nodeStats(): Promise<Map<string, StateNodeStats>> {
    const asked = await Promise.all([...this.#nodes].map(async ([id, node]): Promise<[string, StateNodeStats][]> => {
      const waited = await waitFor(this.#timing, statsTimeoutMs, node.stats());
      return waited.status === 'done' ? [[id, waited.value]] : [];
    }));
    return new Map(asked.flat());
  }

  #isSettled(): boolean {
    const { map } = this;
    if (map === undefined || map.changes.size > 0 || this.#wanted === undefined) return false;
    const dead = this.#dead();
    return !map.members.some((member) => dead.has(memberName(member)) && ownsAnything(map, memberName(member)));
  }

  async #round(): Promise<boolean> {
    await this.#openAll();
    // Who is not configured any longer was taken out by somebody who knows that it will not come back.
    const configured = new Set(this.#options.members.map(({ id }) => id));
    if (this.#view.hasMap) for (const member of this.#view.map.members) if (!configured.has(member.id)) this.#view.lose(memberName(member));
    const before = this.#view.hasMap ? this.#view.revision : 0;
    const more = await this.#steward.tick();
    if (this.#view.hasMap && this.#view.revision !== before) this.#options.onMap?.(this.#view.map);
    return more;
  }

  /** Runs something every so often; at once again while it says that there is more to do. */
  async #loop(everyMs: number, run: () => Promise<boolean>): Promise<void> {
    while (!this.#stopped) {
      const more = await run().catch((error: unknown) => {
        if (!(error instanceof ForeshardError)) throw error;
        this.#options.onProblem?.(error);
        return false;
      });
      await sleep(this.#timing, more ? 0 : everyMs);
    }
  }

  /** One client for each member, whatever life it is in: its operations say which they mean. */
  #opened(member: Member): StateNode {
    const node = this.#nodes.get(member.id);
    if (node === undefined) throw new ForeshardError('state_node_unreachable', `State node ${member.id} at ${member.address} cannot be reached.`);
    return node;
  }

  async #openAll(): Promise<void> {
    await Promise.all(this.#options.members.filter(({ id }) => !this.#nodes.has(id) && !this.#opening.has(id)).map(async (member) => {
      this.#opening.add(member.id);
      try {
        this.#nodes.set(member.id, await this.#options.open(member));
      } catch (error) {
        if (!(error instanceof ForeshardError) || error.code !== 'state_node_unreachable') throw error;
      } finally {
        this.#opening.delete(member.id);
      }
    }));
  }

  /** Members that are there, in the life that was heard last. */
  #alive(): Member[] {
    const states = new Map(this.#detector.states(this.#timing.now()).map((state) => [state.id, state]));
    return this.#options.members.flatMap((member) => {
      const state = states.get(member.id);
      return state?.life === undefined || state.condition === 'dead' ? [] : [{ ...member, life: state.life }];
    });
  }

  #dead(): Set<string> {
    const now = this.#timing.now();
    const members = this.#view.hasMap ? this.#view.map.members : [];
    const configured = new Set(this.#options.members.map(({ id }) => id));
    return new Set(members.filter(({ id, life }) => !configured.has(id) || this.#detector.stateOf(id, life ?? '', now).condition === 'dead').map(memberName));
  }

  #crashed({ id, life }: MembershipChange): void {
    if (!this.#view.hasMap || life === undefined) return;
    const { map } = this.#view;
    const name = memberName({ id, life });
    const held = new Set([...map.sets.keys()].filter((set) => namesOf(map, set).includes(name)));
    const at = this.#timing.now();
    const slots = [...map.slots.keys()].filter((slot) => held.has(map.slots[slot] as number));
    this.#crashes = [...this.#crashes.filter((crash) => at - crash.at < crashMemoryMs), { at, member: name, slots, healthyBefore: this.#alive().length + 1 }];
  }

  /** The map that is wanted, but that slots whose owners die one after the other stay where they are. */
  #withoutDeadly(wanted: ShardMap, current: ShardMap | undefined, healthy: number): ShardMap {
    const found = keysOfDeath(this.#crashes, this.#timing.now(), healthy);
    const deadly = found.length > mostDeadly || current === undefined ? [] : found;
    if (deadly.length > 0 || this.#deadly.length > 0) this.#options.onDeadly?.(deadly);
    this.#deadly = deadly;
    return deadly.length === 0 || current === undefined ? wanted : keptWhere(current, wanted, deadly.map(({ slot }) => slot));
  }

  /** What placement wants, asked again when the members have changed or the heat has. */
  #plan(current: ShardMap | undefined): ShardMap | undefined {
    const alive = this.#alive();
    if (alive.length === 0) return undefined;
    const names = alive.map(memberName).sort().join();
    if (this.#wanted === undefined || names !== this.#wantedFor || this.#replan) {
      this.#wanted = this.#withoutDeadly(this.#options.place(alive, current), current, alive.length);
      this.#wantedFor = names;
      this.#replan = false;
    }
    return this.#wanted;
  }
}

/** Statistics that take longer are left out. */
const statsTimeoutMs = 2000;
/** More slots than these have no common cause that could be named: the whole cluster was restarted, say. */
const mostDeadly = 64;
/** How long a crash is remembered: two windows of key-of-death.ts. */
const crashMemoryMs = 2 * 3_600_000;

function ownsAnything(map: ShardMap, name: string): boolean {
  return [...new Set(map.slots)].some((set) => namesOf(map, set).includes(name));
}
