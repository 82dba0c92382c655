/** Composition of shard and the state nodes: who holds the state of a replay, and clusters that several processes share. */
import { randomBytes } from 'node:crypto';
import type { Settings } from './config/settings.ts';
import { redisEndpoint } from './config/settings.ts';
import { FrequentItems } from './lib/frequent-items.ts';
import { tagHash } from './model/directory.ts';
import { membersOf, predictPlan, shardPlan } from './foreshard.ts';
import { decodeShardMap } from './model/artefact-codec.ts';
import { ForeshardError } from './model/errors.ts';
import type { Heatmap, MemberHeadroom } from './model/heatmap.ts';
import type { Recording, RequestRecord } from './model/recording.ts';
import { kindValues, valueFor, type ByKind } from './model/kind-values.ts';
import { memberName, type Member, type ShardMap } from './model/shard-map.ts';
import type { StateKey } from './model/state-key.ts';
import { replanHotElements } from './shard/flash-plan.ts';
import { HeatTracker } from './shard/heat-tracker.ts';
import { mapForecast } from './shard/hot-elements.ts';
import { factorsOf, heatmapOf, type ReplicationFactor } from './shard/kinds.ts';
import { ClusterConnection, ClusterSteward, type ClusterOptions } from './state-nodes/cluster.ts';
import type { Coordinator } from './state-nodes/coordinator.ts';
import { EmbeddedCoordinator } from './state-nodes/embedded-coordinator.ts';
import type { HeadOrder } from './state-nodes/head.ts';
import type { DeadlySlot } from './state-nodes/key-of-death.ts';
import type { MembershipChange } from './state-nodes/membership.ts';
import { openStateNode } from './state-nodes/open-state-node.ts';
import { KindRouter, type RoutedPart } from './state-nodes/kind-router.ts';
import { PlacedState } from './state-nodes/placed-state.ts';
import type { Consistency } from './state-nodes/protocol-rules.ts';
import { realTime } from './state-nodes/real-time.ts';
import { RedisCoordinator } from './state-nodes/redis-coordinator.ts';
import { StateRouter } from './state-nodes/router.ts';
import { StateClient, type StateClientOptions } from './state-nodes/state-client.ts';
import type { StateNode, StateNodeStats } from './state-nodes/state-node.ts';

/** The state of a replay on its state nodes, with what happened to these meanwhile. */
export interface ReplayState {
  readonly state: PlacedState;
  /** State nodes that died or came back, in words. */
  readonly events: readonly string[];
  close(): Promise<void>;
}

/**
 * Places the state these requests need on the state nodes, by the map of their heatmap; each replication factor has a map of its own. With several state nodes a steward of this process'
 * own looks after each map: what dies is replaced while the replay goes on.
 */
export async function placeState(recording: Recording, requests: readonly RequestRecord[], settings: Settings): Promise<ReplayState> {
  const members = membersOf(settings.stateNodes);
  const heatmap = predictPlan(requests);
  const parts: PlacedPart[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.close()));
  };
  try {
    for (const factor of factorsOf(settings.replicas, members.length)) parts.push(await openPart(factor, heatmapOf(heatmap, factor), members));
    const [first] = parts as [PlacedPart];
    const state = await PlacedState.place(recording, parts.length === 1 ? first.router : new KindRouter(parts), requests);
    return { state, events: first.events, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The state of one replication factor. */
interface PlacedPart extends RoutedPart {
  readonly events: readonly string[];
  close(): Promise<void>;
}

async function openPart(factor: ReplicationFactor, heatmap: Heatmap, members: readonly Member[]): Promise<PlacedPart> {
  const nodes = new SharedNodes(randomBytes(6).toString('hex'), factor.has);
  try {
    for (const member of members) await nodes.open(member);
    if (members.length > 1) return await openCluster(factor, heatmap, members, nodes);
    // One member owns everything, whatever is hot.
    const router = new StateRouter(shardPlan(predictPlan([]), members, 1).map, (member) => nodes.open(member));
    return { has: factor.has, router, events: [], close: () => router.close().then(() => nodes.close()) };
  } catch (error) {
    await nodes.close();
    throw error;
  }
}

async function openCluster({ has, replicas }: ReplicationFactor, heatmap: Heatmap, members: readonly Member[], nodes: SharedNodes): Promise<PlacedPart> {
  const coordinator = new EmbeddedCoordinator({ now: realTime.now });
  const events: string[] = [];
  const common: ClusterOptions = { coordinator, open: (member) => nodes.open(member) };
  const steward = new ClusterSteward({
    ...common, members, name: 'replay', usesHeads: false,
    place: (alive, current) => shardPlan(heatmap, alive, Math.min(replicas, alive.length), current).map,
    onChange: (changes) => events.push(...changes.filter(({ from, condition }) => condition === 'dead' || from === 'dead').map(changeInWords)),
  });
  await steward.start();
  try {
    const connection = await ClusterConnection.open(common);
    const close = async (): Promise<void> => {
      await connection.close();
      await steward.stop();
      await nodes.close();
    };
    return { has, router: connection.router, events, close };
  } catch (error) {
    await steward.stop();
    throw error;
  }
}

/** A change of membership in words. */
export function changeInWords({ id, life, from, condition, reason }: MembershipChange): string {
  return `state node ${memberName({ id, ...(life === undefined ? {} : { life }) })} is ${condition}${from === undefined ? '' : `, it was ${from}`}: ${reason}`;
}

/** A cluster as it is configured. */
export interface ClusterSettings {
  readonly stateNodes: readonly Member[];
  /** `redis://host:port[/database]`. */
  readonly coordinator: string;
  /** Tells this cluster from others on the same servers. */
  readonly namespace: string;
  readonly replicas: number;
  /** What to place by; without, by slots alone. */
  readonly heatmap?: Heatmap;
  readonly order?: HeadOrder;
  /** What reads and writes give up, for all state or by kind of it: `{ default: 'quorum', http: 'one' }`. `quorum` when left out. */
  readonly consistency?: ByKind<Consistency>;
  readonly onChange?: (changes: readonly MembershipChange[]) => void;
  readonly onMap?: (map: ShardMap) => void;
  readonly onDeadly?: (slots: readonly DeadlySlot[]) => void;
  /** Something failed that is tried again. */
  readonly onProblem?: (error: ForeshardError) => void;
}

/** A steward that looks after a cluster until it is stopped. */
export interface RunningSteward {
  readonly steward: ClusterSteward;
  /** Places by this from now on. */
  useHeatmap(heatmap: Heatmap): void;
  stop(): Promise<void>;
}

/** Starts a steward: the first of a cluster publishes its map, more of them stand by. @throws ForeshardError `coordinator_unreachable`, `config_invalid`, `recording_newer`, `namespace_foreign`, `state_node_evicts` */
export async function startSteward(settings: ClusterSettings): Promise<RunningSteward> {
  const coordinator = coordinatorOf(settings);
  const { stateNodes, namespace, replicas } = settings;
  const plan = new HeatPlan(settings.heatmap ?? predictPlan([]), replicas);
  const steward = new ClusterSteward({
    coordinator, members: stateNodes, name: `steward-${randomBytes(6).toString('hex')}`,
    open: (member) => openStateNode(member, { namespace, onClose: 'keep' }),
    place: (alive, current) => plan.map(alive, current),
    consistency: consistencyOfChanges(settings.consistency), ...pick(settings, ['order', 'onChange', 'onMap', 'onDeadly', 'onProblem']),
  });
  try {
    const published = await coordinator.get();
    if (published !== undefined) decodeShardMap(published.map); // one that this release cannot read is told now
    await steward.start();
  } catch (error) {
    await steward.stop();
    await coordinator.close();
    throw error;
  }
  const heat = setInterval(() => {
    // While the coordinator is away nothing is heard, and nothing is planned.
    void coordinator.takeReports().then((reports) => {
      if (plan.hear(reports)) steward.replan();
    }, () => {});
  }, heatEveryMs);
  const room = setInterval(() => {
    void steward.nodeStats().then((stats) => {
      if (plan.measure(stats)) steward.replan();
    });
  }, roomEveryMs);
  return {
    steward,
    useHeatmap: (newer) => {
      plan.use(newer);
      steward.replan();
    },
    stop: async () => {
      clearInterval(heat);
      clearInterval(room);
      await steward.stop();
      await coordinator.close();
    },
  };
}

/** How a client connects to a cluster. */
export interface ConnectionSettings extends Pick<ClusterSettings, 'coordinator' | 'namespace' | 'order' | 'consistency' | 'onMap'> {
  /** Settles siblings when they are read: the bytes that take their place. */
  readonly resolve?: NonNullable<StateClientOptions['resolve']>;
  /** How long it waits for a first map; 10,000 ms when left out. */
  readonly waitMs?: number;
}

/** A client of a cluster that a steward looks after. */
export interface ConnectedState {
  readonly client: StateClient;
  readonly connection: ClusterConnection;
  close(): Promise<void>;
}

/**
 * Connects to a cluster: elements are read and written by state key, whatever happens to single state nodes.
 * @throws ForeshardError `coordinator_unreachable`, `map_outdated` when no steward has published a map
 */
export async function connectState(settings: ConnectionSettings): Promise<ConnectedState> {
  const coordinator = coordinatorOf(settings);
  const { namespace, waitMs } = settings;
  const consistencies = kindValues(settings.consistency ?? 'quorum', 'quorum');
  try {
    const connection = await ClusterConnection.open({
      coordinator, open: (member) => openStateNode(member, { namespace, onClose: 'keep' }), ...pick(settings, ['onMap']),
    }, waitMs);
    const reads = new FrequentItems(reportedElements);
    const client = new StateClient({
      view: connection.view, router: connection.router, timing: realTime, name: `client-${randomBytes(6).toString('hex')}`, consistency: (key) => valueFor(key, consistencies),
      onRead: (key) => reads.add(tagHash(key)), ...pick(settings, ['order', 'resolve']),
    });
    const hints = setInterval(() => void client.deliverHints().catch(() => {}), 500);
    const heat = setInterval(() => {
      if (reads.total === 0) return;
      const report = JSON.stringify([...reads].flatMap(({ item, count, error }) => (count > error ? [[item, count - error]] : [])));
      reads.clear();
      coordinator.report(report).catch(() => {});
    }, heatEveryMs);
    for (const timer of [hints, heat]) timer.unref();
    return {
      client, connection,
      close: async () => {
        clearInterval(hints);
        clearInterval(heat);
        await connection.close();
        await coordinator.close();
      },
    };
  } catch (error) {
    await coordinator.close();
    throw error;
  }
}

/** How often clients tell what they read, and a steward hears it; the elements of one report; and how often memory is looked at. */
const [heatEveryMs, reportedElements, roomEveryMs] = [1000, 512, 10_000];

/** Where everything should be: by the heatmap, and between two of those by what clients have read of late. */
class HeatPlan {
  readonly #replicas: number;
  readonly #tracker = new HeatTracker();
  #heatmap: Heatmap;
  #room: readonly MemberHeadroom[] = [];
  #base: { readonly names: string; readonly heatmap: Heatmap; readonly map: ShardMap } | undefined;

  constructor(heatmap: Heatmap, replicas: number) {
    this.#heatmap = heatmap;
    this.#replicas = replicas;
  }

  use(heatmap: Heatmap): void {
    this.#heatmap = heatmap;
  }

  /** Takes note of the room that state nodes have left; whether it is another tenth than before for any of them. */
  measure(stats: ReadonlyMap<string, StateNodeStats>): boolean {
    const room = [...stats].flatMap(([member, { bytes, maxBytes }]) => (maxBytes === null || maxBytes <= 0 ? [] : [{ member, metric: 'memory', headroom: [Math.ceil(10 * Math.max(0, 1 - bytes / maxBytes)) / 10] }]));
    const before = this.#room;
    this.#room = room;
    const changed = JSON.stringify(before) !== JSON.stringify(room);
    if (changed) this.#base = undefined;
    return changed;
  }

  /** Takes note of what clients have read; whether that is enough to plan by. A report that is none is passed over. */
  hear(reports: readonly string[]): boolean {
    for (const report of reports) for (const [tag, count] of readsIn(report)) this.#tracker.record(tag, count);
    return this.#tracker.isSurging || this.#tracker.accesses >= enoughAccesses;
  }

  map(members: readonly Member[], current: ShardMap | undefined): ShardMap {
    const names = members.map(memberName).join();
    const replicas = Math.min(this.#replicas, members.length);
    if (this.#base?.names !== names || this.#base.heatmap !== this.#heatmap) this.#base = { names, heatmap: this.#heatmap, map: shardPlan(this.#withRoom(), members, replicas, current).map };
    return replanHotElements(this.#base.map, mapForecast(this.#base.map, this.#heatmap, replicas), this.#tracker.observe()).map;
  }

  #withRoom(): Heatmap {
    return { ...this.#heatmap, members: [...(this.#heatmap.members ?? []), ...this.#room] };
  }
}

/** Accesses from which on shares say something. */
const enoughAccesses = 2000;

function readsIn(report: string): (readonly [number, number])[] {
  try {
    const reads = JSON.parse(report) as unknown;
    return Array.isArray(reads) ? reads.filter((read): read is [number, number] => Array.isArray(read) && read.length === 2 && read.every((value) => Number.isInteger(value) && (value as number) >= 0)) : [];
  } catch {
    return [];
  }
}

/** Slots hold state of every kind: a change of owners asks as many of them as the kind that is acknowledged by the fewest needs, while acknowledgements count at all. */
function consistencyOfChanges(setting: ByKind<Consistency> = 'quorum'): Consistency {
  const asked = kindValues(setting, 'quorum').map(({ value }) => value);
  return asked.includes('quorum') ? 'quorum' : (asked[0] as Consistency);
}

function coordinatorOf({ coordinator, namespace }: Pick<ClusterSettings, 'coordinator' | 'namespace'>): Coordinator {
  if (!/^rediss?:\/\//.test(coordinator)) {
    throw new ForeshardError('config_invalid', `${coordinator} is no coordinator that several processes can share`, { hint: 'give redis://host:port of a Redis or Valkey' });
  }
  return new RedisCoordinator({ namespace, ...redisEndpoint(coordinator) });
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as Partial<Pick<T, K>>;
}

/** One client for each member, shared by all who ask for it, and closed once. */
class SharedNodes {
  readonly #namespace: string;
  readonly #has: (key: StateKey) => boolean;
  readonly #nodes = new Map<string, StateNode>();

  /** @param has what is kept here: what others keep on the same process is not to be copied or dropped, and a `foreshard node` has no namespaces */
  constructor(namespace: string, has: (key: StateKey) => boolean) {
    this.#namespace = namespace;
    this.#has = has;
  }

  async open(member: Member): Promise<StateNode> {
    let node = this.#nodes.get(member.id);
    if (node === undefined) {
      node = await openStateNode(member, { namespace: this.#namespace });
      this.#nodes.set(member.id, node);
    }
    return shared(node, this.#has);
  }

  async close(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    this.#nodes.clear();
    await Promise.all(nodes.map((node) => node.close()));
  }
}

/** The same node, which does not close with one of its users, and lists what is theirs. */
function shared(node: StateNode, has: (key: StateKey) => boolean): StateNode {
  return {
    id: node.id, read: (items) => node.read(items), write: (items) => node.write(items), drop: (items) => node.drop(items), list: async (slot) => (await node.list(slot)).filter(({ key }) => has(key)), digest: (slots) => node.digest(slots),
    life: () => node.life(), registers: () => node.registers(), apply: (life, operations) => node.apply(life, operations), stats: () => node.stats(), close: async () => {},
  };
}
