import { commandSpec } from '../keyspace/registry.ts';
import type { KeyspaceTarget } from '../gateways/redis/keyspace-target.ts';
import { RemoteLinks } from '../gateways/redis/remote-link.ts';
import { RemoteKeyspace } from '../gateways/redis/remote-keyspace.ts';
import { ControlConnection } from '../gateways/redis/upstream-control.ts';
import { findRedisServer, RedisProcess } from '../lanes/redis-process.ts';
import type { ByteString } from '../lib/bytes.ts';
import type { RequestRecord } from '../model/recording.ts';
import { parseRedisStateKey, type StateKey } from '../model/state-key.ts';
import type { Overlay } from './overlay.ts';

/** Where the Redis commands of cases run. */
export type LaneStoreKind = 'overlay' | 'redis';

/** What a case's commands run in, and what ends it. */
export interface LaneTargets {
  /** The target for a Redis server by its name. */
  target(server: string): KeyspaceTarget;
  /** Resolves when the overlay knows all the case did. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A real redis-server where the recording holds commands that the overlay does not serve and one is installed; else the overlay. */
export function chooseLaneStore(setting: 'auto' | 'overlay' | 'redis', requests: readonly RequestRecord[]): LaneStoreKind {
  if (setting !== 'auto') return setting;
  const unserved = requests.some((request) => request.commandNames.some((name) => commandSpec(name) === undefined));
  return unserved && findRedisServer() !== undefined ? 'redis' : 'overlay';
}

/** The targets of a case whose commands run in the overlay alone. */
export function overlayTargets(overlay: Overlay): LaneTargets {
  return {
    target: (server) => ({
      keyspace: overlay.keyspace(server),
      ensure: (database, keys) => overlay.ensure(server, database, keys),
      onClock: (unixMs) => overlay.clock.reach(unixMs),
      onCommand: () => overlay.noteCommand(),
    }),
    settle: async () => {},
    close: async () => {},
  };
}

/** Databases a service may use on one server. */
const databasesPerServer = 16;

/** One real redis-server for a lane, with databases of its own for every case in flight. */
export class RedisLaneStore {
  readonly #process: RedisProcess;
  readonly #control: ControlConnection;
  readonly #links: RemoteLinks;
  readonly #servers: readonly string[];
  readonly #free: number[];
  /** Who waits for databases. */
  readonly #waiting: ((first: number) => void)[] = [];

  private constructor(process: RedisProcess, control: ControlConnection, servers: readonly string[], cases: number) {
    this.#process = process;
    this.#control = control;
    this.#links = new RemoteLinks(process.address);
    this.#servers = servers;
    this.#free = Array.from({ length: cases }, (_, index) => index * servers.length * databasesPerServer);
  }

  /** Starts the server. `cases`: how many may be in flight, the one outside any case included; more wait. */
  static async start(servers: readonly string[], cases: number): Promise<RedisLaneStore> {
    const process = await RedisProcess.start(cases * Math.max(1, servers.length) * databasesPerServer);
    try {
      return new RedisLaneStore(process, await ControlConnection.open(process.address), servers, cases);
    } catch (error) {
      await process.stop();
      throw error;
    }
  }

  /** Databases for a case, loaded with the elements it is known to need. */
  async enter(overlay: Overlay, needs: Iterable<StateKey>): Promise<LaneTargets> {
    const first = this.#free.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    const keyspaces = new Map<string, RemoteKeyspace>();
    this.#servers.forEach((server, index) => keyspaces.set(server, new RemoteKeyspace({
      links: this.#links, control: this.#control, firstDatabase: first + index * databasesPerServer, mirror: overlay.keyspace(server),
    })));
    await loadNeeds(keyspaces, needs);
    return {
      target: (server) => remoteTarget(overlay, server, keyspaces.get(server) as RemoteKeyspace),
      settle: async () => {
        for (const keyspace of keyspaces.values()) await keyspace.settle();
      },
      close: async () => {
        // The next case need not wait until the databases are empty: it takes others.
        const emptied = Promise.all([...keyspaces.values()].map((keyspace) => keyspace.close()));
        emptied.catch(() => {}).finally(() => this.#giveBack(first));
      },
    };
  }

  #giveBack(first: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(first);
    else next(first);
  }

  async stop(): Promise<void> {
    this.#links.close();
    this.#control.close();
    await this.#process.stop();
  }
}

async function loadNeeds(keyspaces: ReadonlyMap<string, RemoteKeyspace>, needs: Iterable<StateKey>): Promise<void> {
  const byDatabase = new Map<RemoteKeyspace, Map<number, ByteString[]>>();
  for (const key of needs) {
    const parts = parseRedisStateKey(key);
    const keyspace = parts === undefined ? undefined : keyspaces.get(parts.server);
    if (parts === undefined || keyspace === undefined) continue;
    let databases = byDatabase.get(keyspace);
    if (databases === undefined) byDatabase.set(keyspace, (databases = new Map()));
    databases.set(parts.database, [...(databases.get(parts.database) ?? []), parts.name]);
  }
  const loading: Promise<void>[] = [];
  for (const [keyspace, databases] of byDatabase) {
    for (const [database, names] of databases) loading.push(keyspace.load(database, names) ?? Promise.resolve());
  }
  await Promise.all(loading);
}

function remoteTarget(overlay: Overlay, server: string, keyspace: RemoteKeyspace): KeyspaceTarget {
  return {
    keyspace,
    ensure: (database, keys, name) => {
      // What a command of the real server alone touches cannot be told from its arguments: it gets everything that is known.
      const wanted = keys === 'all' || commandSpec(name) === undefined ? overlay.keyNames(server, database) : keys;
      const fetched = overlay.ensure(server, database, wanted);
      return fetched === undefined ? keyspace.load(database, wanted) : fetched.then(() => keyspace.load(database, wanted));
    },
    onCommand: () => overlay.noteCommand(),
  };
}
