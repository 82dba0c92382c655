import { HybridLogicalClock } from '../../lib/hybrid-logical-clock.ts';
import { sfc32, shuffled, type Prng } from '../../lib/prng.ts';
import { murmur3 } from '../../lib/hash.ts';
import { slotOf, slotOfHash } from '../../model/directory.ts';
import { ForeshardError } from '../../model/errors.ts';
import { memberName, shardMapFormatVersion, type Member, type ShardMap } from '../../model/shard-map.ts';
import { ClusterView } from '../../state-nodes/cluster-view.ts';
import { EmbeddedStateNode } from '../../state-nodes/embedded-state-node.ts';
import { HeadClient, type ReadHead } from '../../state-nodes/head-client.ts';
import type { HeadOrder, VersionVector } from '../../state-nodes/head.ts';
import { namesOf } from '../../state-nodes/map-changes.ts';
import { soundRules, type ProtocolRules } from '../../state-nodes/protocol-rules.ts';
import { entryOf } from '../../state-nodes/slot-entry.ts';
import type { newestEntries } from '../../state-nodes/recovery.ts';
import type { registerStep } from '../../state-nodes/slot-register.ts';
import { RevisionHandoff } from '../../state-nodes/revision-handoff.ts';
import { StateRouter } from '../../state-nodes/router.ts';
import { StateClient } from '../../state-nodes/state-client.ts';
import type { StateNode } from '../../state-nodes/state-node.ts';
import { Steward } from '../../state-nodes/steward.ts';
import { History, type Violation } from './history.ts';
import { LossyNetwork } from './lossy-network.ts';
import { SimulatedCoordinator } from './simulated-coordinator.ts';
import { VirtualTime } from './virtual-time.ts';

/** Which faults there are, and how crowded it is. */
export interface Scenario {
  readonly seed: number;
  readonly order: HeadOrder;
  /** Owners of a slot. */
  readonly replicas: number;
  readonly nodes: number;
  readonly clients: number;
  readonly slots: number;
  readonly elements: number;
  readonly operations: number;
  /** Lossy wires, cuts and crashes. */
  readonly faults: boolean;
  /** Changes of owners in the middle of it. */
  readonly moves: boolean;
  /** Crashes may lose the memory of a node. */
  readonly memoryLoss: boolean;
  /** Times that the coordinator wakes up with an older memory. */
  readonly rollbacks: number;
  /** Clients may start anew, without their hints. */
  readonly clientRestarts: boolean;
  /** Clients write bytes and read them back, so that revisions move too; else heads alone, which is quicker. */
  readonly payloads: boolean;
  /** Whether owners must agree in the end: not where nothing but acknowledgements spreads writes. */
  readonly converges: boolean;
  readonly rules?: ProtocolRules;
  readonly step?: typeof registerStep;
  readonly recover?: typeof newestEntries;
}

/** What a simulation came to. */
export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly events: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly finishedChanges: number;
  readonly recoveries: number;
}

/** The usual mix: five nodes, three owners, four clients, twelve elements in eight slots. */
export const usualScenario: Omit<Scenario, 'seed'> = {
  order: 'siblings', replicas: 3, nodes: 5, clients: 4, slots: 8, elements: 12, operations: 120, faults: true, moves: true, memoryLoss: true, rollbacks: 0, clientRestarts: true, payloads: false, converges: true,
};

/** Few elements in few slots: everybody is in everybody's way. */
export const hostileScenario: Omit<Scenario, 'seed'> = { ...usualScenario, slots: 2, elements: 4 };

/** Nothing spreads a write but its acknowledgements: what is acknowledged must be safe all the same. */
export const bareScenario: Omit<Scenario, 'seed'> = { ...usualScenario, slots: 1, elements: 2, rules: { ...soundRules, antiEntropy: false, hints: false }, converges: false };

const startMs = 1_790_000_000_000;
/** What takes longer is taken for lost; the slowest messages are. */
const callMs = 350;
const [peaceMs, trafficMs, healMs, memoryLossEveryMs] = [900, 5000, 5000, 2500];

/**
 * Runs a cluster on one thread from one seed: the product's own state nodes, clients and stewards, over a network, clocks and a coordinator that fail. The same scenario gives the same
 * result, event by event.
 */
export async function simulate(scenario: Scenario): Promise<SimulationResult> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return simulation.result;
}

interface SimulatedNode {
  readonly id: string;
  life: number;
  node: EmbeddedStateNode;
}

interface SimulatedClient {
  readonly name: string;
  view: ClusterView;
  heads: HeadClient;
  /** With payloads, once there is a map. */
  elements: ElementClient | undefined;
  lives: number;
}

interface SimulatedSteward {
  readonly name: string;
  steward: Steward;
}

interface ElementClient {
  readonly client: StateClient;
  readonly router: StateRouter;
}

/** What a client reads and writes, whether heads alone or bytes: values are named by the writes they are of. */
interface Access {
  read(key: string): Promise<{ readonly values: readonly { readonly id: string; readonly at: number }[]; readonly context: VersionVector }>;
  /** The hybrid logical time of the write, where it is known. */
  write(key: string, id: string, context: VersionVector): Promise<number | undefined>;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #prng: Prng;
  readonly #time = new VirtualTime();
  readonly #network: LossyNetwork;
  readonly #coordinator: SimulatedCoordinator;
  readonly #history: History;
  readonly #nodes: SimulatedNode[];
  readonly #clients: SimulatedClient[];
  readonly #stewards: SimulatedSteward[];
  /** Of stewards that were started anew. */
  readonly #formerStewards: Steward[] = [];
  readonly #keys: readonly string[];
  readonly #slots: readonly number[];
  readonly #goals = new Map<number, string[]>();
  #operations = 0;
  #over = false;
  #lostMemoryAt = -memoryLossEveryMs;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#prng = sfc32((scenario.seed >>> 0).toString(16).padStart(8, '0').repeat(4));
    this.#network = new LossyNetwork(this.#time, this.#prng);
    this.#coordinator = new SimulatedCoordinator(this.#time);
    this.#history = new History(scenario.order);
    this.#keys = keysIn(scenario.slots, scenario.elements);
    this.#slots = [...new Set(this.#keys.map(slotOf))];
    this.#nodes = Array.from({ length: scenario.nodes }, (_, index) => ({ id: `n${index}`, life: 1, node: this.#newNode(`n${index}`, 1) }));
    for (const slot of this.#slots) this.#goals.set(slot, shuffled(this.#nodes, this.#prng).slice(0, scenario.replicas).map(({ id }) => id));
    this.#stewards = [0, 1].map((index) => ({ name: `s${index}`, steward: this.#newSteward(`s${index}`, 0) }));
    this.#clients = Array.from({ length: scenario.clients }, (_, index) => ({ name: `c${index}`, lives: 0, elements: undefined, ...this.#newClient(`c${index}`, 0) }));
  }

  get result(): SimulationResult {
    const sum = (of: (steward: Steward) => number): number => [...this.#formerStewards, ...this.#stewards.map(({ steward }) => steward)].reduce((total, steward) => total + of(steward), 0);
    return {
      seed: this.#scenario.seed, violations: this.#history.violations, events: this.#time.events, acknowledged: this.#history.acknowledged, reads: this.#history.reads,
      finishedChanges: sum((steward) => steward.stats.finished), recoveries: sum((steward) => steward.stats.recoveries),
    };
  }

  async run(): Promise<void> {
    for (const [index, one] of this.#stewards.entries()) this.#every(300, 37 * index, () => one.steward.tick());
    for (const one of this.#stewards) this.#every(400, 150, () => one.steward.level());
    for (const client of this.#clients) {
      this.#every(300, 5, () => this.#refresh(client));
      this.#every(150, 60, () => (client.elements?.client ?? client.heads).deliverHints());
      this.#guard(this.#traffic(client));
    }
    this.#planFaults();
    await this.#time.runUntil(trafficMs);
    this.#over = true;
    this.#network.heal();
    for (const { id } of this.#nodes) this.#network.setDown(id, false);
    await this.#time.runUntil(trafficMs + healMs);
    await this.#checkEnd();
  }

  /** The operations of one client, one after the other. */
  async #traffic(client: SimulatedClient): Promise<void> {
    const { operations, clients } = this.#scenario;
    await this.#sleep(peaceMs - 100 + 50 * this.#prng.next());
    while (!this.#over && this.#operations < operations) {
      this.#operations += 1;
      const key = this.#keys[Math.floor(this.#prng.next() * this.#keys.length)] as string;
      const blind = this.#prng.next() < 0.15;
      await this.#operation(client, key, blind).catch((error: unknown) => {
        if (!(error instanceof ForeshardError)) throw error;
      });
      await this.#sleep(((2 * trafficMs * clients) / operations) * this.#prng.next() * 0.5);
    }
  }

  async #operation(client: SimulatedClient, key: string, blind: boolean): Promise<void> {
    const { heads } = client;
    const access = this.#access(client);
    if (access === undefined) return;
    let context: { parents: string[]; context: VersionVector } = { parents: [], context: {} };
    if (!blind) {
      const startedAt = this.#time.now;
      const read = await access.read(key);
      if (heads !== client.heads) return;
      this.#history.checkRead(key, startedAt, read.values);
      if (this.#prng.next() < 0.25) return;
      context = { parents: read.values.map(({ id }) => id), context: read.context };
    }
    const id = `w${this.#operations}.${client.name}.${client.lives}.${Math.floor(this.#time.now * 1000)}`;
    const write = { id, key, parents: context.parents };
    this.#history.begin(write);
    const at = await access.write(key, id, context.context);
    // Who started anew has not heard the answer.
    if (heads === client.heads) Object.assign(write, { at, acknowledgedAt: this.#time.now });
  }

  async #refresh(client: SimulatedClient): Promise<void> {
    await client.view.refresh();
    if (!this.#scenario.payloads || !client.view.hasMap) return;
    if (client.elements === undefined) client.elements = this.#newElements(client);
    else client.elements.router.update(client.view.map);
  }

  /** undefined: the client is not ready yet. */
  #access({ heads, elements }: SimulatedClient): Access | undefined {
    if (!this.#scenario.payloads) {
      return {
        read: async (key) => (await heads.read([key]))[0] as ReadHead,
        write: async (key, id, context) => (await heads.write([{ key, id, revision: this.#operations, hash: id, context }]))[0],
      };
    }
    if (elements === undefined) return undefined;
    const { client } = elements;
    return {
      read: async (key) => {
        const [read] = await client.get([key]);
        return { values: (read?.siblings ?? []).map((bytes) => ({ id: Buffer.from(bytes ?? []).toString(), at: 0 })), context: read?.context ?? {} };
      },
      write: async (key, id, context) => client.put([{ key, bytes: Buffer.from(id), context }]).then(() => undefined),
    };
  }

  #newElements({ name, lives, view }: SimulatedClient): ElementClient {
    const timing = this.#time.timing(startMs, 0, this.#prng);
    const open = async (member: Member): Promise<StateNode> => this.#remote(name, this.#nodes.find(({ id }) => id === member.id) as SimulatedNode);
    const router = new StateRouter(view.map, open, { timing });
    return { router, client: new StateClient({ view, router, timing, name: `${name}.${lives}`, order: this.#scenario.order, deadlineMs: 1500, timeoutMs: callMs }) };
  }

  /** The cluster begins in peace: what comes later is more telling. */
  #planFaults(): void {
    const { faults, moves, rollbacks, clientRestarts } = this.#scenario;
    if (faults) this.#time.after(peaceMs, () => this.#network.degrade({ slow: 0.05, drop: 0.15 * this.#prng.next(), duplicate: 0.1 * this.#prng.next() }));
    const at = (run: () => void): void => void this.#time.after(peaceMs + (trafficMs - 2 * peaceMs) * this.#prng.next(), run);
    if (faults) for (let count = 5 + Math.floor(10 * this.#prng.next()); count > 0; count--) at(() => this.#fault());
    if (moves) for (let count = 6 + Math.floor(8 * this.#prng.next()); count > 0; count--) at(() => this.#move());
    if (clientRestarts) for (let count = Math.floor(3 * this.#prng.next()); count > 0; count--) at(() => this.#restartClient());
    for (let count = rollbacks; count > 0; count--) at(() => this.#rollBack());
  }

  #fault(): void {
    const kind = this.#prng.next();
    const ms = 200 + 2000 * this.#prng.next();
    const [victim, other] = shuffled(this.#nodes, this.#prng) as [SimulatedNode, SimulatedNode];
    if (kind < 0.4) {
      this.#network.cut(victim.id, other.id, ms);
      const both = shuffled([...this.#clients, ...this.#stewards], this.#prng).slice(0, 2);
      for (const { name } of both) this.#network.cut(name, victim.id, ms);
    } else if (kind < 0.6) {
      for (const { name } of [...this.#clients, ...this.#stewards].filter(() => this.#prng.next() < 0.5)) this.#network.cut(name, victim.id, ms);
    } else if (kind < 0.7) {
      const { name } = shuffled([...this.#clients, ...this.#stewards], this.#prng)[0] as { name: string };
      this.#network.cut(name, 'coordinator', 2000);
    } else {
      this.#crash(victim, 50 + 800 * this.#prng.next());
    }
  }

  /** A quorum survives the loss of one memory at a time, and none while a slot is short of owners already. */
  #crash(victim: SimulatedNode, ms: number): void {
    const forget = this.#scenario.memoryLoss && this.#prng.next() < 0.5 && this.#time.now - this.#lostMemoryAt > memoryLossEveryMs && this.#isWhole();
    if (forget) {
      this.#lostMemoryAt = this.#time.now + ms;
      victim.life += 1;
      victim.node = this.#newNode(victim.id, victim.life);
    }
    this.#network.setDown(victim.id, true);
    this.#time.after(ms, () => this.#network.setDown(victim.id, false));
  }

  #isWhole(): boolean {
    const { map } = this.#coordinator;
    const alive = new Set(this.#members().map(memberName));
    return map !== undefined && map.changes.size === 0 && this.#slots.every((slot) => namesOf(map, map.slots[slot] as number).every((name) => alive.has(name)));
  }

  #move(): void {
    const slot = this.#slots[Math.floor(this.#prng.next() * this.#slots.length)] as number;
    const goal = this.#goals.get(slot) as string[];
    const joiner = shuffled(this.#nodes.filter(({ id }) => !goal.includes(id)), this.#prng)[0];
    const leaver = Math.floor(this.#prng.next() * goal.length);
    if (joiner !== undefined) this.#goals.set(slot, goal.with(leaver, joiner.id));
  }

  #restartClient(): void {
    const client = this.#clients[Math.floor(this.#prng.next() * this.#clients.length)] as SimulatedClient;
    client.lives += 1;
    Object.assign(client, this.#newClient(client.name, client.lives), { elements: undefined });
  }

  #members(): Member[] {
    return this.#nodes.map(({ id, life }) => ({ id, address: id, zone: id, capacity: 1, life: String(life) }));
  }

  /** What the goals come to as a map; undefined when the map is there already. */
  #plan(current: ShardMap | undefined): ShardMap | undefined {
    const members = this.#members();
    const indexOf = new Map(members.map(({ id }, index) => [id, index]));
    const wanted = new Map(this.#slots.map((slot) => [slot, (this.#goals.get(slot) as string[]).map((id) => indexOf.get(id) as number)]));
    const there = current !== undefined && current.changes.size === 0 && [...wanted].every(([slot, set]) => namesOf(current, current.slots[slot] as number).join() === set.map((index) => memberName(members[index] as Member)).join());
    if (there) return undefined;
    const sets = [[...indexOf.values()].slice(0, this.#scenario.replicas)];
    const slots = new Uint16Array(Math.max(...this.#slots) + 1);
    for (const [slot, set] of wanted) slots[slot] = sets.push(set) - 1;
    return { kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets, slots, ages: new Uint8Array(slots.length), overrides: new Map(), changes: new Map() };
  }

  /** Members of an earlier life are gone for good. */
  #dead(): Set<string> {
    const alive = new Set(this.#members().map(memberName));
    const known = this.#coordinator.map?.members.map(memberName) ?? [];
    return new Set(known.filter((name) => !alive.has(name)));
  }

  #newNode(id: string, life: number): EmbeddedStateNode {
    return new EmbeddedStateNode({ id, life: String(life), ...(this.#scenario.step === undefined ? {} : { step: this.#scenario.step }) });
  }

  #newView(name: string, skewMs: number): ClusterView {
    return new ClusterView({
      coordinator: this.#coordinator.for(name, this.#network), codec: this.#coordinator.codec, timing: this.#time.timing(startMs, skewMs, this.#prng), timeoutMs: callMs,
      open: async (member) => this.#remote(name, this.#nodes.find(({ id }) => id === member.id) as SimulatedNode),
    });
  }

  /** A node over the network: whatever life it is in when the message comes. */
  #remote(from: string, target: SimulatedNode): StateNode {
    const call = <T>(run: (node: EmbeddedStateNode) => Promise<T>): Promise<T> => this.#network.call(from, target.id, () => run(target.node));
    return {
      id: target.id, read: (items) => call((node) => node.read(items)), write: (items) => call((node) => node.write(items)), drop: (items) => call((node) => node.drop(items)),
      list: (slot) => call((node) => node.list(slot)), digest: (slots) => call((node) => node.digest(slots)), life: () => call((node) => node.life()), registers: () => call((node) => node.registers()),
      apply: (life, operations) => call((node) => node.apply(life, operations)), stats: () => call((node) => node.stats()), close: async () => {},
    };
  }

  #newClient(name: string, lives: number): { view: ClusterView; heads: HeadClient } {
    const skewMs = 6000 * this.#prng.next() - 3000;
    const view = this.#newView(name, skewMs);
    const timing = this.#time.timing(startMs, skewMs, this.#prng);
    const { order, rules } = this.#scenario;
    const heads = new HeadClient({ view, timing, clock: new HybridLogicalClock(timing.now), name: `${name}.${lives}`, order, consistency: 'quorum', deadlineMs: 1500, ...(rules === undefined ? {} : { rules }) });
    return { view, heads };
  }

  /** The coordinator wakes up with an older memory, and often nobody who leads remembers either. */
  #rollBack(): void {
    this.#coordinator.rollBack(1 + Math.floor(3 * this.#prng.next()));
    if (this.#prng.next() < 0.5) return;
    for (const one of this.#stewards) {
      this.#formerStewards.push(one.steward);
      one.steward = this.#newSteward(one.name, this.#formerStewards.length);
    }
  }

  #newSteward(name: string, life: number): Steward {
    const skewMs = 6000 * this.#prng.next() - 3000;
    const view = this.#newView(name, skewMs);
    const { order, rules, recover, payloads } = this.#scenario;
    const timing = this.#time.timing(startMs, skewMs, this.#prng);
    return new Steward({
      coordinator: this.#coordinator.for(name, this.#network), view, timing, name: `${name}.${life}`, order, consistency: 'quorum', codec: this.#coordinator.codec,
      plan: (current) => this.#plan(current), dead: () => this.#dead(), members: () => this.#members(), slots: this.#slots, leaseMs: 1500, timeoutMs: callMs, ...(rules === undefined ? {} : { rules }), ...(recover === undefined ? {} : { recover }), ...(payloads ? { revisions: new RevisionHandoff({ view, timing, timeoutMs: callMs }) } : {}),
    });
  }

  async #checkEnd(): Promise<void> {
    const { map } = this.#coordinator;
    if (map === undefined) return this.#history.violate('failed', 'there is no map at the end');
    for (const slot of map.changes.keys()) this.#history.violate('stuck_change', `slot ${slot} is still changing`);
    for (const key of this.#keys) {
      const slot = slotOf(key);
      const names = namesOf(map, map.slots[slot] as number);
      const texts = await Promise.all(names.map((name) => this.#headAt(name, map, key)));
      if (this.#scenario.converges && new Set(texts).size > 1) this.#history.violate('diverged', `${key} is ${texts.join(' and ')} on ${names.join(', ')}`);
    }
    const [reader] = this.#clients as [SimulatedClient];
    let read = 0;
    for (const key of this.#keys) {
      this.#guard((this.#access(reader) as Access).read(key).then(({ values }) => {
        read += 1;
        this.#history.checkFinal(key, values);
      }));
    }
    await this.#time.runUntil(this.#time.now + 1500);
    if (read < this.#keys.length) this.#history.violate('unreadable', `${this.#keys.length - read} elements cannot be read in the end`);
  }

  async #headAt(name: string, map: ShardMap, key: string): Promise<string> {
    const node = this.#nodes.find(({ id, life }) => `${id}@${life}` === name);
    if (node === undefined) return 'dead';
    const [answer] = await node.node.apply(String(node.life), [{ op: 'read', slot: slotOf(key), entry: entryOf(map, slotOf(key)), keys: [key] }]);
    return answer?.status === 'ok' ? String(answer.heads[0]?.head) : String(answer?.status);
  }

  #every(ms: number, first: number, run: () => Promise<unknown>): void {
    // One round at a time, as a loop would have it; a round that waits for an answer that was lost ends by its timeouts.
    const round = (): void => this.#guard(run().finally(() => void this.#time.after(ms, round)));
    this.#time.after(first, round);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#time.after(ms, resolve));
  }

  #guard(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => {
      if (!(error instanceof ForeshardError)) this.#history.violate('failed', error instanceof Error ? String(error.stack) : String(error));
    });
  }
}

const keysBySlots = new Map<string, readonly string[]>();

/** Names of elements that lie in the first slots, so that maps of simulations are small: tags are tried, which is quicker than whole keys. */
function keysIn(slots: number, elements: number): readonly string[] {
  const name = `${slots}/${elements}`;
  const known = keysBySlots.get(name);
  if (known !== undefined) return known;
  const keys: string[] = [];
  for (let number = 0; keys.length < elements; number++) {
    if (slotOfHash(murmur3(String(number))) === keys.length % slots) keys.push(`redis:0/{${number}}`);
  }
  keysBySlots.set(name, keys);
  return keys;
}
