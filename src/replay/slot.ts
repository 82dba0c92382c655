import type { Socket } from 'node:net';
import { HttpDependencyGateway, noAnswer } from '../gateways/http/dependency-gateway.ts';
import { ReplayClient } from '../gateways/http/replay-client.ts';
import { KeyspaceServer } from '../gateways/redis/keyspace-server.ts';
import type { KeyspaceTarget } from '../gateways/redis/keyspace-target.ts';
import type { ControlServer } from '../lanes/control-server.ts';
import type { ServiceInstance } from '../lanes/instance.ts';
import { startService } from '../lanes/start-service.ts';
import type { ByteString } from '../lib/bytes.ts';
import type { HttpSpec, RedisSpec, ServiceSpec } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import type { Redirect } from '../model/preload-protocol.ts';
import type { CaseRun } from './case-run.ts';
import { unanswered } from './dependencies.ts';
import { overlayTargets, RedisLaneStore, type LaneStoreKind, type LaneTargets } from './lane-store.ts';
import type { Overlay } from './overlay.ts';

/** What a slot is started from. */
export interface SlotOptions {
  readonly id: string;
  readonly service: ServiceSpec;
  readonly cwd: string;
  readonly redis: readonly RedisSpec[];
  readonly http: readonly HttpSpec[];
  readonly control: ControlServer;
  readonly registerPath: string;
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly determinism: 'request' | 'real';
  /** Added to the clock of code outside any request. */
  readonly backgroundClockOffsetMs: number;
  readonly connections: number;
  readonly laneStore: LaneStoreKind;
  /** Cases in flight at most. */
  readonly cases: number;
  /** Gives up waiting for readiness when it is aborted. */
  readonly signal?: AbortSignal;

  /** The state that commands outside any case run on; closed with the slot. */
  readonly background: Overlay;
  /** A connection past the gateways: neither recorded nor isolated. */
  readonly onDirect: (tag: string | null, address: string) => void;
  /** A Redis client in it whose commands can't be told from one another. */
  readonly onUnattributed: (client: string) => void;
  /** A command or call tagged with a case that has ended. */
  readonly onLate: (tag: string) => void;
}

/** One running instance of the candidate with its own gateways, and the cases that are in flight in it. */
export class Slot {
  /** When a case last came back from it, on the steady clock. */
  lastFinishedAt: number = performance.now();
  /** Cases that are running in it, and how many were started so far. */
  running = 0;
  started = 0;
  readonly instance: ServiceInstance;
  readonly client: ReplayClient;
  readonly #gateways: SlotGateways;
  readonly #store: RedisLaneStore | undefined;
  readonly #background: Overlay;
  /** In the service it is the time of day of each case's request. */
  readonly hasCaseClock: boolean;

  private constructor(instance: ServiceInstance, client: ReplayClient, gateways: SlotGateways, own: { readonly store: RedisLaneStore | undefined; readonly background: Overlay; readonly determinism: 'request' | 'real' }) {
    this.instance = instance;
    this.client = client;
    this.#gateways = gateways;
    this.#store = own.store;
    this.#background = own.background;
    this.hasCaseClock = own.determinism === 'request' && (instance.preloaded || instance.followsClock());
  }

  /** Starts gateways, then the instance, and waits until it is ready. */
  static async start(options: SlotOptions): Promise<Slot> {
    const store = options.laneStore === 'redis' ? await RedisLaneStore.start(options.redis.map((spec) => spec.name), options.cases + 1) : undefined;
    let gateways: SlotGateways | undefined;
    try {
      options.background.clock.start();
      const background = store === undefined ? overlayTargets(options.background) : await store.enter(options.background, []);
      const own = new SlotGateways(options, background);
      gateways = own;
      const redirects = await own.listen();
      const instance = await startService(options.service, {
        id: options.id, cwd: options.cwd, redirects, accept: (redirect, connection) => own.accept(redirect, connection),
        determinism: options.determinism, backgroundClockOffsetMs: options.backgroundClockOffsetMs, fakeClock: options.determinism === 'request',
        preload: options.preload, isolation: options.isolation, control: options.control, registerPath: options.registerPath,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      instance.onDirect(({ host, port, tag }) => options.onDirect(tag, `${host}:${port}`));
      instance.onUnattributed(options.onUnattributed);
      const client = new ReplayClient(instance.address, { connections: options.connections, keepAlive: instance.preloaded });
      return new Slot(instance, client, gateways, { store, background: options.background, determinism: options.determinism });
    } catch (error) {
      await gateways?.close();
      await store?.stop();
      options.background.close();
      throw error;
    }
  }

  /**
   * Gives a message of a case to what the service has subscribed to outside any request, as at its start, and returns how many got it:
   * what it keeps in its process follows its own messages.
   */
  publish(server: string, channel: ByteString, message: ByteString): number {
    return this.#background.keyspace(server).subscriptions.publish(channel, message);
  }

  /** Elements that the service has written outside any case so far; not known of a real server. */
  get backgroundWrites(): readonly StateKey[] {
    return this.#background.effects().map(({ key }) => key);
  }

  /** Where a case's commands will run, with the state it needs in place. */
  async targets(overlay: Overlay, needs: Iterable<string>): Promise<LaneTargets> {
    if (this.#store === undefined) return overlayTargets(overlay);
    overlay.clock.start(); // the server's runs from the moment it gets the state
    return this.#store.enter(overlay, needs);
  }

  /** Enters a case: commands and calls that carry its tag, or in a lane of one case all of them, are its own. */
  enter(tag: string, run: CaseRun): void {
    this.instance.setClock(run.request.at);
    run.overlay.clock.start(); // before a connection goes over to the case
    this.#gateways.enter(tag, run, !this.instance.preloaded);
    this.instance.beforeRequest();
  }

  /** How time passes in a case: it stands still where the preload is the service's clock, unless a real server keeps the state. */
  get clock(): 'stands' | 'runs' | 'runs beside' {
    if (!this.hasCaseClock) return 'runs beside';
    return this.instance.preloaded && this.#store === undefined ? 'stands' : 'runs';
  }

  /** Ends a case. */
  leave(tag: string): void {
    this.#gateways.leave(tag);
    if (this.instance.preloaded) this.instance.forget(tag);
  }

  /** Resolves when nothing of this case is pending any more: never after a sleep. False: it did not become idle in time. */
  async idle(tag: string, timeoutMs: number): Promise<boolean> {
    if (this.instance.preloaded) return this.instance.contextIdle(tag, timeoutMs);
    return this.instance.quiescent({ gateways: this.#gateways.activity, timeoutMs });
  }

  /** Stops the instance and frees its ports. */
  async close(): Promise<void> {
    await this.client.close();
    await this.instance.stop();
    await this.#gateways.close();
    await this.#store?.stop();
    this.#background.close();
  }
}

/** The gateways of one slot, routing by tag. */
class SlotGateways {
  readonly #options: SlotOptions;
  readonly #background: LaneTargets;
  readonly #backgroundTargets = new Map<string, KeyspaceTarget>();
  readonly #cases = new Map<string, CaseRun>();
  readonly #servers: { readonly spec: RedisSpec; readonly server: KeyspaceServer }[] = [];
  readonly #dependencies: { readonly spec: HttpSpec; readonly gateway: HttpDependencyGateway }[] = [];
  #only: CaseRun | undefined;

  constructor(options: SlotOptions, background: LaneTargets) {
    this.#options = options;
    this.#background = background;
    for (const spec of options.redis) {
      this.#servers.push({ spec, server: new KeyspaceServer({ route: (tag) => this.#route(tag)?.target(spec.name) ?? this.#outside(tag, spec.name) }) });
    }
    for (const spec of options.http) {
      this.#dependencies.push({
        spec,
        gateway: new HttpDependencyGateway({
          dependency: spec.name,
          handle: async (call) => {
            const run = this.#route(call.tag);
            if (run === undefined && call.tag !== null) options.onLate(call.tag);
            const answer = run === undefined ? null : await run.call(call);
            return answer === unanswered ? noAnswer : answer;
          },
        }),
      });
    }
  }

  async listen(): Promise<Redirect[]> {
    const redirects: Redirect[] = [];
    for (const { spec, server } of this.#servers) {
      redirects.push({ kind: 'redis', name: spec.name, from: spec.address, to: await server.listen({ host: '127.0.0.1', port: 0 }) });
    }
    for (const { spec, gateway } of this.#dependencies) {
      redirects.push({ kind: 'http', name: spec.name, from: spec.address, to: await gateway.listen(this.#options.id, { host: '127.0.0.1', port: 0 }) });
    }
    return redirects;
  }

  /** Takes over a connection that was made to an address in the service's code. */
  accept({ kind, name }: Redirect, connection: Socket): void {
    if (kind === 'redis') this.#servers.find(({ spec }) => spec.name === name)?.server.accept(connection);
    else this.#dependencies.find(({ spec }) => spec.name === name)?.gateway.accept(this.#options.id, connection);
  }

  enter(tag: string, run: CaseRun, alone: boolean): void {
    this.#cases.set(tag, run);
    if (!alone) return;
    this.#only = run;
    for (const { server } of this.#servers) server.rebind(null);
  }

  leave(tag: string): void {
    if (this.#only === this.#cases.get(tag)) this.#only = undefined;
    this.#cases.delete(tag);
    for (const { server } of this.#servers) server.forget(tag);
  }

  /** What quiescence watches. */
  get activity(): { pending(): number; activity(): number }[] {
    return [
      ...this.#servers.map(({ server }) => ({ pending: () => server.pending - server.blocked, activity: () => server.activity })),
      ...this.#dependencies.map(({ gateway }) => ({ pending: () => gateway.pending(this.#options.id), activity: () => gateway.activity(this.#options.id) })),
    ];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.map(({ server }) => server.close()), ...this.#dependencies.map(({ gateway }) => gateway.close())]);
  }

  #route(tag: string | null): CaseRun | undefined {
    return tag === null ? this.#only : this.#cases.get(tag);
  }

  /** What a case does after its end runs where it does no harm: an error in its place could end the service. */
  #outside(tag: string | null, server: string): KeyspaceTarget {
    if (tag !== null) this.#options.onLate(tag);
    let target = this.#backgroundTargets.get(server);
    if (target === undefined) this.#backgroundTargets.set(server, (target = this.#background.target(server)));
    return target;
  }
}
