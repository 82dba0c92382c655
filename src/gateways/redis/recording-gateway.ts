import { createServer, type Server, type Socket } from 'node:net';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import { commandSpec } from '../../keyspace/registry.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { ForeshardError } from '../../model/errors.ts';
import type { RequestId } from '../../model/recording.ts';
import { redisStateKey } from '../../model/state-key.ts';
import { CommandTable } from './command-table.ts';
import { ElementReader } from './element-reader.ts';
import { ChangeFeed } from './recording-change-feed.ts';
import { RecordingConnection, type LaneTraffic } from './recording-connection.ts';
import type { RecordingContext, Runnable } from './recording-context.ts';
import { KeyDirectory } from './recording-keys.ts';
import { RecordingLoader, type LoaderUpstream } from './recording-loader.ts';
import { LockTable } from './recording-locks.ts';
import { RecordingMirror } from './recording-mirror.ts';
import { ScriptWatch } from './recording-scripts.ts';
import { RecordingSettler } from './recording-settler.ts';
import type { RedisRecordingSink } from './recording-sink.ts';
import type { SubscriptionTracker } from './recording-subscriptions.ts';
import { TraitsTable } from './recording-traits.ts';
import { UnsettledCommands } from './recording-unsettled.ts';
import { openUpstream, type UpstreamAddress } from './upstream.ts';
import { ControlConnection } from './upstream-control.ts';

export type { RedisRecordingSink } from './recording-sink.ts';
export type { UpstreamAddress } from './upstream.ts';

/** How a {@link RedisRecordingGateway} is set up. */
export interface RedisRecordingOptions {
  /** Name of the server in state keys. */
  readonly server: string;
  readonly upstream: UpstreamAddress;
  readonly sink: RedisRecordingSink;
  /** `full`: everything is loaded at start; `touch`: each element when first touched; `auto`: everything where that is little. */
  readonly snapshot: 'auto' | 'touch' | 'full';
  /** Bound of the mirror's values; 256 MB by default. */
  readonly mirrorMaxBytes?: number;
  /** Databases with more keys are not listed for commands on the whole keyspace; 100,000 by default. */
  readonly maxSnapshotKeys?: number;
}

const autoSnapshotKeys = 50_000;
const defaultMirrorBytes = 256 * 1024 * 1024;
const defaultSnapshotKeys = 100_000;

/**
 * Stands between a service and its real Redis while recording: passes commands through and notes for each request which elements it
 * touched, at which revision, and what it wrote.
 */
export class RedisRecordingGateway {
  readonly #options: RedisRecordingOptions;
  readonly #directory: KeyDirectory;
  readonly #connections = new Set<Runnable>();
  readonly #runnable = new Set<Runnable>();
  readonly #servers = new Set<Server>();
  readonly #lanes = new Map<string, LaneTraffic>();
  readonly #unsettled = new UnsettledCommands();
  readonly #subscriptions = new Set<SubscriptionTracker>();
  #context: RecordingContext | undefined;
  #upstream: LoaderUpstream | undefined;
  /** The gateway's own connection is being opened anew. */
  #reconnecting: Promise<void> | undefined;
  #server = { version: '', expireTime: true, clockOffsetMs: 0 };
  #turnDepth = 0;
  #isClosed = false;
  /** Connections the server had received when {@link strangers} was last asked. */
  #received: number | undefined;

  constructor(options: RedisRecordingOptions) {
    this.#options = options;
    this.#directory = new KeyDirectory(options.server);
  }

  /** The server's release as it says itself, for example `7.0.15`; empty before `start`. */
  get serverVersion(): string {
    return this.#server.version;
  }

  /**
   * Connects, learns the server's commands and age, and takes the first snapshot where asked for.
   * @throws upstream_unreachable, upstream_refused
   */
  async start(): Promise<void> {
    const { sink, upstream } = this.#options;
    const control = await ControlConnection.open(upstream);
    try {
      const info = await readInfo(control, upstream);
      const table = new CommandTable(await demanded(control, upstream, 'COMMAND'));
      const clockOffsetMs = await clockOffset(control);
      this.#server = { version: info.version, expireTime: table.find(['pexpiretime']) !== undefined, clockOffsetMs };
      this.#use(control);
      const mirror = new RecordingMirror({
        directory: this.#directory, sink, clockOffsetMs, maxBytes: this.#options.mirrorMaxBytes ?? defaultMirrorBytes, receiversOf: (channel) => this.#receiversOf(channel),
      });
      this.#received = await this.#connectionsReceived();
      this.#context = this.#build(table, mirror);
      await this.#firstSnapshot(info.databases);
    } catch (error) {
      control.close();
      throw error;
    }
  }

  /** Opens a listener for a lane; port 0 lets the system choose. @throws port_in_use */
  async listen(lane: string, address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
    const traffic = this.#trafficOf(lane);
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client, traffic));
    this.#servers.add(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.#servers.delete(server);
        reject(new ForeshardError(error.code === 'EADDRINUSE' ? 'port_in_use' : 'lane_unavailable', `the Redis gateway cannot listen on ${address.host}:${address.port}: ${error.message}`, {
          hint: 'Give the gateway another address, or stop what listens there.', cause: error,
        }));
      });
      server.listen(address, resolve);
    });
    const bound = server.address();
    return bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : address;
  }

  /** Takes over a connection of a lane that was accepted elsewhere, such as inside its own network. */
  accept(lane: string, client: Socket): void {
    client.setNoDelay(true);
    client.allowHalfOpen = true;
    this.#accept(client, this.#trafficOf(lane));
  }

  /** Commands received (or begun) on a lane's listener and not yet answered and applied (blocked ones excluded). */
  pending(lane: string): number {
    return this.#lanes.get(lane)?.pending ?? 0;
  }

  /** Grows with everything that happens on a lane's listener. */
  activity(lane: string): number {
    return this.#lanes.get(lane)?.activity ?? 0;
  }

  /** Connections that the server has received since this was last asked (or since the start) and that did not come from here; 0 where it does not tell. */
  async strangers(): Promise<number> {
    const before = this.#received;
    const received = await this.#connectionsReceived();
    this.#received = received;
    return before === undefined || received === undefined ? 0 : Math.max(0, received - before);
  }

  /** What is known of the server's state may be wrong, since somebody went past: it is read again as at the start. */
  async reread(): Promise<void> {
    this.#forgetValues();
    this.#directory.othersAreEmpty = false;
    for (const database of this.#directory.databases()) database.isComplete = false;
    const { control } = this.#upstream ?? {};
    if (control !== undefined) await this.#firstSnapshot((await readInfo(control, this.#options.upstream)).databases);
  }

  #forgetValues(): void {
    for (const database of this.#directory.databases()) {
      for (const state of database.keys.values()) {
        state.isLoaded = state.isLoading = state.isDirty = state.isBeingReread = false;
        state.isStale = true;
      }
    }
  }

  async #connectionsReceived(): Promise<number | undefined> {
    const stats = await this.#upstream?.control.one('INFO', 'stats').catch(() => undefined);
    const found = typeof stats === 'string' ? /^total_connections_received:(\d+)/m.exec(stats) : null;
    return found === null ? undefined : Number(found[1]);
  }

  /** Resolves once all that a request was answered is applied: the service may have gone on before that. */
  settled(by: RequestId): Promise<void> {
    return this.#unsettled.settled(by);
  }

  /** Closes listeners and connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = [...this.#servers].map((server) => new Promise<void>((resolve) => {
      server.close(() => resolve());
    }));
    for (const connection of this.#connections) connection.destroy();
    this.#upstream?.control.close();
    this.#context?.scripts.end();
    await Promise.all(closed);
  }

  #trafficOf(lane: string): LaneTraffic {
    const traffic = this.#lanes.get(lane) ?? { lane, pending: 0, activity: 0 };
    this.#lanes.set(lane, traffic);
    return traffic;
  }

  #build(table: CommandTable, mirror: RecordingMirror): RecordingContext {
    const { sink, maxSnapshotKeys = defaultSnapshotKeys } = this.#options;
    const directory = this.#directory;
    const locks = new LockTable(directory);
    const turn = (action: () => void): void => this.#turn(action);
    const loader = new RecordingLoader({
      upstream: () => this.#upstream, mirror, sink, directory, maxSnapshotKeys, turn, failed: (error) => this.#controlLost(error),
    });
    const scripts = new ScriptWatch({ open: (listener) => ChangeFeed.open(this.#options.upstream, listener), mirror, directory, sink, turn });
    const settler = new RecordingSettler({ mirror, loader, locks, sink, scripts });
    const traits = new TraitsTable(table, (name) => commandSpec(name) !== undefined);
    return { sink, table, traits, directory, locks, loader, settler, scripts, unsettled: this.#unsettled, connections: this.#connections, subscriptions: this.#subscriptions, runnable: this.#runnable, turn };
  }

  /** How many of the service's own subscriptions get a message of a channel. */
  #receiversOf(channel: ByteString): number {
    let receivers = 0;
    for (const tracker of this.#subscriptions) receivers += tracker.receives(channel);
    return receivers;
  }

  #turn(action: () => void): void {
    this.#turnDepth++;
    try {
      action();
      if (this.#turnDepth > 1) return;
      while (this.#runnable.size > 0) {
        for (const connection of this.#runnable) {
          this.#runnable.delete(connection);
          connection.run();
        }
      }
      if (!this.#isClosed) this.#context?.loader.flush();
    } finally {
      this.#turnDepth--;
    }
  }

  #accept(client: Socket, traffic: LaneTraffic): void {
    traffic.activity++; // whoever connects is about to ask
    if (this.#context === undefined || this.#isClosed) {
      client.destroy();
      return;
    }
    if (this.#upstream === undefined) {
      this.#acceptLater(client, traffic);
      return;
    }
    const server = openUpstream(this.#options.upstream);
    this.#connections.add(new RecordingConnection({ context: this.#context, traffic, client, server }));
  }

  /** The server was lost: a client is let in once it is back, and turned away where it is not. */
  #acceptLater(client: Socket, traffic: LaneTraffic): void {
    client.on('error', () => {}); // 'close' follows
    this.#reconnecting ??= this.#connectAgain().finally(() => {
      this.#reconnecting = undefined;
    });
    this.#reconnecting.then(() => (client.destroyed ? undefined : this.#accept(client, traffic)), () => client.destroy());
  }

  async #firstSnapshot(databases: ReadonlyMap<number, number>): Promise<void> {
    const { snapshot, sink, server } = this.#options;
    const total = [...databases.values()].reduce((sum, keys) => sum + keys, 0);
    if (snapshot === 'touch' || (snapshot === 'auto' && total > autoSnapshotKeys)) return;
    const states = [...databases.keys()].map((index) => this.#directory.database(index));
    for (const database of states) await this.#context?.loader.snapshot(database, snapshot === 'full' ? Number.MAX_SAFE_INTEGER : undefined);
    if (!states.every((database) => database.isComplete)) return;
    this.#directory.othersAreEmpty = true;
    // `redis`, or `redis:<server>`: databases not in use are known to be empty.
    const scope = redisStateKey(server, 0, '').replace(/[.:]0\/$/, '');
    sink.complete(scope);
  }

  /** Without its own connection the gateway cannot load: clients are cut off, as by a server that went away, and may come again. */
  #controlLost(error: Error): void {
    if (this.#isClosed || this.#upstream === undefined) return;
    this.#upstream.control.close();
    this.#upstream = undefined;
    this.#options.sink.loss('upstream_lost', `the gateway's connection to Redis was lost, and with it every client's: ${error.message}`);
    for (const connection of this.#connections) connection.destroy();
    this.#context?.loader.reset();
    this.#context?.scripts.close();
    this.#forgetValues();
  }

  async #connectAgain(): Promise<void> {
    const control = await ControlConnection.open(this.#options.upstream);
    if (this.#isClosed) {
      control.close();
      return;
    }
    this.#use(control);
  }

  #use(control: ControlConnection): void {
    const { expireTime, clockOffsetMs } = this.#server;
    control.onLost = (error) => this.#controlLost(error);
    this.#upstream = {
      control,
      reader: new ElementReader(control, { expireTime, fullStreamInfo: Number(this.serverVersion.split('.')[0]) >= 6, now: () => Date.now() + clockOffsetMs }),
    };
  }
}

async function demanded(control: ControlConnection, upstream: UpstreamAddress, ...command: string[]): Promise<Reply> {
  const reply = await control.one(...command);
  if (!(reply instanceof ErrorReply)) return reply;
  throw new ForeshardError('upstream_refused', `Redis at ${upstream.host}:${upstream.port} refused ${command[0]}, which recording needs: ${reply.message}`, {
    hint: 'Record with a user that may run COMMAND, INFO, SCAN, TYPE and the commands that read values.',
  });
}

async function readInfo(control: ControlConnection, upstream: UpstreamAddress): Promise<{ readonly version: string; readonly databases: ReadonlyMap<number, number> }> {
  const reply = await demanded(control, upstream, 'INFO');
  const text = typeof reply === 'string' ? reply : '';
  const databases = new Map<number, number>();
  for (const [, index, keys] of text.matchAll(/^db(\d+):keys=(\d+)/gm)) databases.set(Number(index), Number(keys));
  return { version: /^redis_version:([^\r\n]*)/m.exec(text)?.[1] ?? 'unknown', databases };
}

/** Server's clock minus this machine's, in ms; 0 where the difference is within what a round trip hides. */
async function clockOffset(control: ControlConnection): Promise<number> {
  const before = Date.now();
  const reply = await control.one('TIME');
  const after = Date.now();
  if (!Array.isArray(reply)) return 0;
  const [seconds, micros] = reply as readonly string[];
  const offset = Number(seconds) * 1000 + Number(micros) / 1000 - (before + after) / 2;
  return Number.isFinite(offset) && Math.abs(offset) > (after - before) / 2 + 2 ? Math.round(offset) : 0;
}
