import { setTimeout as delay } from 'node:timers/promises';
import { connectState, type ConnectedState, type ConnectionSettings } from '../../src/clustering.ts';
import { slotOf } from '../../src/model/directory.ts';
import { memberName } from '../../src/model/shard-map.ts';
import type { ClusterConnection } from '../../src/state-nodes/cluster.ts';
import { openStateNode } from '../../src/state-nodes/open-state-node.ts';
import type { StateClient } from '../../src/state-nodes/state-client.ts';
import type { RunningCommand, Workshop } from './command-line.ts';

/** A map as `foreshard cluster --json` tells it. */
export interface MapEvent {
  readonly incarnation: number;
  readonly epoch: number;
  readonly members: readonly string[];
  readonly changing: number;
}

/** How a cluster of a test is started. */
export interface ClusterStart {
  readonly stateNodes: readonly string[];
  readonly coordinator: string;
  readonly replicas: number;
  readonly flags?: readonly string[];
}

/** `foreshard cluster` while it runs, and what it has told. */
export class RunningCluster {
  readonly command: RunningCommand;

  constructor(shop: Workshop, { stateNodes, coordinator, replicas, flags = [] }: ClusterStart) {
    this.command = shop.start(['cluster', '--json', '--coordinator', coordinator, '--replicas', String(replicas), ...stateNodes.flatMap((address) => ['--state-node', address]), ...flags]);
  }

  get maps(): MapEvent[] {
    return this.#events('map') as unknown as MapEvent[];
  }

  /** What happened to members, in the words of the detector: `id condition`. */
  get changes(): string[] {
    return this.#events('member').map(({ id, condition }) => `${String(id)} ${String(condition)}`);
  }

  /** Waits until the newest map is as wanted. */
  async reaches(wanted: (map: MapEvent) => boolean, what: string): Promise<MapEvent> {
    return until(() => {
      const newest = this.maps.at(-1);
      return newest !== undefined && wanted(newest) ? newest : undefined;
    }, () => `${what}; the newest map is ${JSON.stringify(this.maps.at(-1))}, ${this.command.stderr}`);
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<number> {
    this.command.signal('SIGINT');
    return (await this.command.ended).code;
  }

  #events(name: string): Record<string, unknown>[] {
    return this.command.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ event }) => event === name);
  }
}

/** Waits until something is there, a minute at most. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, what: () => string): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what()}`);
    await delay(20);
  }
}

/** What came of a load. */
export interface LoadCounts {
  readonly reads: number;
  readonly writes: number;
  /** Reads that ended in an error. */
  readonly failedReads: readonly string[];
  /** Reads that gave something older than what was acknowledged before they began, newer than what was ever written, or other bytes. */
  readonly wrong: readonly string[];
  /** Writes that ended in an error; each was tried again. */
  readonly failedWrites: readonly string[];
}

const padding = 'x'.repeat(300);

/** Clients that write and read elements in a loop, and a model of what each read may give. An element has one writer, so that its values are numbered. */
export class ClusterLoad {
  readonly keys: readonly string[];
  readonly #client: StateClient;
  readonly #acknowledged: number[];
  readonly #attempted: number[];
  readonly #counts = { reads: 0, writes: 0, failedReads: [] as string[], wrong: [] as string[], failedWrites: [] as string[] };
  #isOver = false;
  #running: Promise<void>[] = [];

  constructor(client: StateClient, elements: number, name = 'cart') {
    this.#client = client;
    this.keys = Array.from({ length: elements }, (_, index) => `redis:0/${name}:${index}:lines`);
    this.#acknowledged = this.keys.map(() => 0);
    this.#attempted = this.keys.map(() => 0);
  }

  get counts(): LoadCounts {
    return { ...this.#counts };
  }

  /** Writes every element once, then goes on writing and reading until it is stopped. */
  async start(writers = 3, readers = 3): Promise<void> {
    await Promise.all(this.keys.map((_, index) => this.#write(index)));
    this.#running = [
      ...Array.from({ length: writers }, (_, writer) => this.#loop((turn) => this.#write((writer + turn * writers) % (this.keys.length - this.keys.length % writers)))),
      ...Array.from({ length: readers }, (_, reader) => this.#loop((turn) => this.#read((reader * 7 + turn * 5) % this.keys.length))),
    ];
  }

  /** Waits for so many more reads and writes, so that both have gone on after what has just happened. */
  async goesOn(more = 30): Promise<void> {
    const { reads, writes } = this.#counts;
    await until(() => (this.#counts.reads >= reads + more && this.#counts.writes >= writes + more ? true : undefined),
      () => `reads and writes to go on: ${this.#counts.reads - reads} reads, ${this.#counts.writes - writes} writes; ${[...this.#counts.failedReads, ...this.#counts.failedWrites].slice(-2).join('; ')}`);
  }

  /** Ends the loops and reads every element once more. */
  async stop(): Promise<LoadCounts> {
    this.#isOver = true;
    await Promise.all(this.#running);
    for (let from = 0; from < this.keys.length; from += 5) await this.#read(from);
    return this.counts;
  }

  async #loop(once: (turn: number) => Promise<void>): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      await once(turn);
      await delay(2);
    }
  }

  async #write(index: number): Promise<void> {
    const key = this.keys[index] as string;
    const number = this.#attempted[index] = (this.#attempted[index] ?? 0) + 1;
    try {
      await this.#client.put([{ key, bytes: Buffer.from(`${number} ${key} ${padding}`) }]);
      this.#acknowledged[index] = number;
      this.#counts.writes += 1;
    } catch (error) {
      this.#counts.failedWrites.push(String(error));
    }
  }

  async #read(from: number): Promise<void> {
    const chosen = [0, 1, 2, 3, 4].map((step) => (from + step) % this.keys.length);
    const least = chosen.map((index) => this.#acknowledged[index] as number);
    try {
      const got = await this.#client.get(chosen.map((index) => this.keys[index] as string));
      this.#counts.reads += 1;
      for (const [at, index] of chosen.entries()) this.#check(index, least[at] as number, got[at]?.bytes ?? null);
    } catch (error) {
      this.#counts.failedReads.push(String(error));
    }
  }

  #check(index: number, least: number, bytes: Uint8Array | null): void {
    const key = this.keys[index] as string;
    const text = bytes === null ? '' : Buffer.from(bytes).toString();
    const number = Number(text.slice(0, text.indexOf(' ')));
    const isOurs = bytes === null ? least === 0 : text === `${number} ${key} ${padding}`;
    if (!isOurs || number < least || number > (this.#attempted[index] as number)) this.#counts.wrong.push(`${key} is ${text.slice(0, 40)}; ${least} was acknowledged, ${this.#attempted[index]} tried`);
  }
}

/** A client of a cluster with its load. */
export async function connectLoad(settings: ConnectionSettings, elements = 60, name?: string): Promise<ConnectedState & { readonly load: ClusterLoad }> {
  const connected = await connectState(settings);
  return { ...connected, load: new ClusterLoad(connected.client, elements, name) };
}

/** Waits until none of the slots of these elements is changing and their owners are as wanted: the others follow, and nobody waits for them. */
export async function owned({ view }: ClusterConnection, keys: readonly string[], wanted: (owners: readonly string[]) => boolean, what: string): Promise<void> {
  const slots = [...new Set(keys.map(slotOf))];
  const owners = (): string[] => [...new Set(slots.flatMap((slot) => view.entry(slot).own))].sort();
  await until(() => (slots.every((slot) => !view.map.changes.has(slot)) && wanted(owners()) ? true : undefined),
    () => `${what}; owners are ${owners().join(', ')}, ${slots.filter((slot) => view.map.changes.has(slot)).length} of their slots are changing, ${view.map.changes.size} of all`);
}

/** Slots of these elements whose owners do not hold the same revisions, or none: read from the state nodes themselves. */
export async function unevenSlots({ view }: ClusterConnection, keys: readonly string[], namespace: string): Promise<number[]> {
  const slots = [...new Set(keys.map(slotOf))];
  const digests = new Map<string, Map<number, string>>();
  for (const member of view.map.members) {
    const name = memberName(member);
    const theirs = slots.filter((slot) => view.entry(slot).own.includes(name));
    if (theirs.length === 0) continue;
    const node = await openStateNode(member, { namespace, onClose: 'keep' });
    const found = await node.digest(theirs);
    digests.set(name, new Map(theirs.map((slot, index) => [slot, found[index] as string])));
    await node.close();
  }
  return slots.filter((slot) => {
    const own = new Set(view.entry(slot).own.map((name) => digests.get(name)?.get(slot)));
    return own.size !== 1 || own.has('0'.repeat(16));
  });
}
