import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { HttpDependencyGateway } from '../gateways/http/dependency-gateway.ts';
import type { RedisRecordingGateway } from '../gateways/redis/recording-gateway.ts';
import type { ControlServer } from '../lanes/control-server.ts';
import type { ServiceInstance } from '../lanes/instance.ts';
import { startService } from '../lanes/start-service.ts';
import { deferred, type Deferred } from '../lib/deferred.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Redirect } from '../model/preload-protocol.ts';
import type { HttpSpec, RedisSpec, ServiceSpec } from '../model/recording.ts';

/** What the lanes of a recording are started from. */
export interface LanePoolOptions {
  readonly service: ServiceSpec;
  readonly cwd: string;
  readonly instances: number;
  readonly concurrency: number;
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly determinism: 'request' | 'real';
  readonly registerPath: string;
  readonly control: ControlServer;
  readonly gateways: {
    readonly redis: readonly { readonly spec: RedisSpec; readonly gateway: RedisRecordingGateway }[];
    readonly http: readonly { readonly spec: HttpSpec; readonly gateway: HttpDependencyGateway }[];
  };
  readonly onDirect: (host: string, port: number) => void;
  /** A Redis client in the service whose commands belong to no request as far as can be told. */
  readonly onUnattributed: (client: string) => void;
  /** An instance has ended by itself while others go on. */
  readonly onLost: (why: string) => void;
  /** Gives up waiting for readiness when it is aborted. */
  readonly signal?: AbortSignal;
}

/** Lines of its last output that the end of a service is reported with. */
const shownLines = 20;

/** One instance of the recorded service behind listeners of its own. */
export class RecordLane {
  readonly id: string;
  readonly #start: () => Promise<ServiceInstance>;
  readonly #gateways: LanePoolOptions['gateways'];
  #instance: ServiceInstance;
  inFlight = 0;

  constructor(id: string, own: { readonly instance: ServiceInstance; readonly start: () => Promise<ServiceInstance>; readonly gateways: LanePoolOptions['gateways'] }) {
    this.id = id;
    this.#instance = own.instance;
    this.#start = own.start;
    this.#gateways = own.gateways;
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  /** Ends its instance and starts another one behind the same gateways. */
  async restart(): Promise<void> {
    await this.#instance.stop();
    this.#instance = await this.#start();
  }

  /**
   * Whether the service goes past the gateways to the addresses they stand for: it has a connection there, or nothing came to a gateway
   * while somebody connected to the server behind it.
   */
  async goesPast(): Promise<boolean> {
    const { instance } = this;
    for (const redirect of instance.unproven) {
      const { redis, http } = this.#gateways;
      const gateway = [...redis, ...http].find(({ spec }) => spec.name === redirect.name)?.gateway;
      if ((gateway?.activity(this.id) ?? 0) > 0) instance.prove(redirect, 'environment');
    }
    if (instance.unproven.length === 0) return false;
    if (await instance.goesPast()) return true;
    for (const redirect of instance.unproven) {
      const strangers = await this.#gateways.redis.find(({ spec }) => spec.name === redirect.name)?.gateway.strangers() ?? 0;
      if (strangers === 0) continue;
      instance.prove(redirect, 'code');
      return true;
    }
    return false;
  }

  /** Resolves when nothing of the request is pending any more; false when that took too long. */
  async idle(tag: string, timeoutMs: number): Promise<boolean> {
    if (this.instance.preloaded) {
      const idle = await this.instance.contextIdle(tag, timeoutMs);
      await Promise.all(this.#gateways.redis.map(({ gateway }) => gateway.settled(tag)));
      this.instance.forget(tag);
      return idle;
    }
    const gateways = [...this.#gateways.redis, ...this.#gateways.http].map(({ gateway }) => ({
      pending: () => gateway.pending(this.id), activity: () => gateway.activity(this.id),
    }));
    return this.instance.quiescent({ gateways, timeoutMs });
  }
}

/** The lanes of a recording: one request at a time in each, or many where the preload tells them apart. */
export class LanePool {
  readonly #lanes: readonly RecordLane[];
  readonly #capacity: number;
  readonly #waiting: Deferred<RecordLane>[] = [];
  readonly #failed: Deferred<Error> = deferred();
  readonly #onLost: LanePoolOptions['onLost'];
  readonly #onDirect: LanePoolOptions['onDirect'];
  readonly #onUnattributed: LanePoolOptions['onUnattributed'];
  readonly #gateways: LanePoolOptions['gateways'];
  #closing = false;

  private constructor(lanes: readonly RecordLane[], capacity: number, { onDirect, onUnattributed, onLost, gateways }: Pick<LanePoolOptions, 'onDirect' | 'onUnattributed' | 'onLost' | 'gateways'>) {
    this.#lanes = lanes;
    this.#capacity = capacity;
    this.#onLost = onLost;
    this.#onDirect = onDirect;
    this.#onUnattributed = onUnattributed;
    this.#gateways = gateways;
    for (const lane of lanes) this.#follow(lane);
  }

  /** Starts the first instance, learns from it whether the preload is in, then starts the others. */
  static async start(options: LanePoolOptions): Promise<LanePool> {
    const lanes: RecordLane[] = [];
    try {
      lanes.push(await startLane(options, 0));
      const others = await Promise.allSettled(Array.from({ length: options.instances - 1 }, (_, index) => startLane(options, index + 1)));
      for (const other of others) if (other.status === 'fulfilled') lanes.push(other.value);
      for (const other of others) if (other.status === 'rejected') throw other.reason;
      return new LanePool(lanes, (lanes[0] as RecordLane).instance.preloaded ? options.concurrency : 1, options);
    } catch (error) {
      await Promise.all(lanes.map((lane) => lane.instance.stop()));
      throw error;
    }
  }

  get preloaded(): boolean {
    return this.#lanes.every((lane) => lane.instance.preloaded);
  }

  /** What the preload does not see of the service, in words. */
  get preloadProblems(): ReadonlySet<string> {
    return new Set(this.#lanes.flatMap(({ instance }) => instance.preloadProblems));
  }

  get ids(): readonly string[] {
    return this.#lanes.map(({ id }) => id);
  }

  get ownNetwork(): boolean {
    return this.#lanes.some((lane) => lane.instance.plan === 'namespace');
  }

  /** Resolves with the reason when no instance is left. */
  get failed(): Promise<Error> {
    return this.#failed.promise;
  }

  /** The living lane with the fewest requests in flight, as soon as one has room. */
  async take(): Promise<RecordLane> {
    const free = this.#freest();
    if (free !== undefined) {
      free.inFlight++;
      return free;
    }
    if (this.#lanes.every((lane) => !lane.instance.alive)) throw new ForeshardError('service_died', 'no instance of the service is left');
    const waiting = deferred<RecordLane>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Gives a lane back. */
  give(lane: RecordLane): void {
    lane.inFlight--;
    const next = lane.instance.alive ? this.#waiting.shift() : undefined;
    if (next === undefined) return;
    lane.inFlight++;
    next.resolve(lane);
  }

  /** After a request, while the lane is still taken: starts its instance again where it went past the gateways, and says whether it did. */
  async correct(lane: RecordLane): Promise<boolean> {
    if (lane.instance.unproven.length === 0 || !await lane.goesPast() || this.#closing) return false;
    try {
      await lane.restart();
      await Promise.all(this.#gateways.redis.map(({ gateway }) => gateway.reread()));
      this.#follow(lane);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new ForeshardError('interrupted', 'the recording was stopped before an instance was free'));
    await Promise.all(this.#lanes.map((lane) => lane.instance.stop()));
  }

  #freest(): RecordLane | undefined {
    let best: RecordLane | undefined;
    for (const lane of this.#lanes) {
      if (lane.instance.alive && lane.inFlight < this.#capacity && (best === undefined || lane.inFlight < best.inFlight)) best = lane;
    }
    return best;
  }

  #follow(lane: RecordLane): void {
    const { instance } = lane;
    instance.onDirect((connection) => this.#onDirect(connection.host, connection.port));
    instance.onUnattributed(this.#onUnattributed);
    void instance.exited.then((exit) => {
      if (!this.#closing && !instance.isStopped) return this.#onExit(lane, exit);
    });
  }

  #fail(error: Error): void {
    this.#failed.resolve(error);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }

  async #onExit(lane: RecordLane, { code, signal }: { readonly code: number | null; readonly signal: string | null }): Promise<void> {
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    if (this.#lanes.some((other) => other.instance.alive)) {
      this.#onLost(`${lane.id} ended ${how}`);
      return;
    }
    await delay(10); // its last words are still in the pipe
    const output = lane.instance.output.trimEnd().split('\n').slice(-shownLines).join('\n');
    const error = new ForeshardError('service_died', `the service ended ${how} while it was being recorded; its last output:\n${output === '' ? '(none)' : output}`, {
      hint: 'what was recorded up to then is kept',
    });
    this.#fail(error);
  }
}

async function startLane(options: LanePoolOptions, index: number): Promise<RecordLane> {
  const id = `lane-${index + 1}`;
  const redirects: Redirect[] = [];
  for (const { spec, gateway } of options.gateways.redis) {
    redirects.push({ kind: 'redis', name: spec.name, from: spec.address, to: await gateway.listen(id, { host: '127.0.0.1', port: 0 }) });
  }
  for (const { spec, gateway } of options.gateways.http) {
    redirects.push({ kind: 'http', name: spec.name, from: spec.address, to: await gateway.listen(id, { host: '127.0.0.1', port: 0 }) });
  }
  const accept = ({ kind, name }: Redirect, connection: Socket): void => {
    const { redis, http } = options.gateways;
    if (kind === 'redis') redis.find(({ spec }) => spec.name === name)?.gateway.accept(id, connection);
    else http.find(({ spec }) => spec.name === name)?.gateway.accept(id, connection);
  };
  const start = (): Promise<ServiceInstance> => startService(options.service, {
    id, cwd: options.cwd, redirects, accept, determinism: options.determinism, backgroundClockOffsetMs: 0,
    preload: options.preload, isolation: options.isolation, control: options.control, registerPath: options.registerPath,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return new RecordLane(id, { instance: await start(), start, gateways: options.gateways });
}
