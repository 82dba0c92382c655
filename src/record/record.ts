import { HttpDependencyGateway, forwardTo, noAnswer } from '../gateways/http/dependency-gateway.ts';
import type { Forwarder } from '../gateways/http/forward-to.ts';
import { HttpIngress, type CapturedExchange, type Target } from '../gateways/http/ingress.ts';
import { RedisRecordingGateway } from '../gateways/redis/recording-gateway.ts';
import { ControlServer } from '../lanes/control-server.ts';
import type { HttpSpec, LossRecord, RecordedHttpRequest, RecordedHttpResponse, RedisSpec, ServiceSpec } from '../model/recording.ts';
import { contextHeader } from '../model/preload-protocol.ts';
import { deferred, type Deferred } from '../lib/deferred.ts';
import { ForeshardError } from '../model/errors.ts';
import { guardedOutput } from './guarded-output.ts';
import { LanePool, type RecordLane } from './lane-pool.ts';

import { RecordSink, type RecordingOutput } from './record-sink.ts';
import { OpenRequest } from './request-log.ts';

/** Where a Redis server of the service can be reached while recording. */
export interface RedisUpstream {
  readonly spec: RedisSpec;
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: boolean;
}

/** How to record. */
export interface RecordOptions {
  readonly output: RecordingOutput;
  /** Resolves when the output can take more; awaited before a request is let in. */
  readonly ready: () => Promise<void> | undefined;
  readonly service: ServiceSpec;
  readonly cwd: string;
  readonly redis: readonly RedisUpstream[];
  readonly http: readonly HttpSpec[];
  readonly snapshot: 'auto' | 'touch' | 'full';
  /** Where people send their traffic. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly instances: number;
  /** Requests in flight in one instance where the preload is in. */
  readonly concurrency: number;
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly determinism: 'request' | 'real';
  readonly registerPath: string;
  readonly lateTimeoutMs: number;
  readonly onRequest?: (recorded: number) => void;
  /** The service was started again in a network of its own. */
  readonly onOwnNetwork?: () => void;
  /** Gives up starting when it is aborted. */
  readonly signal?: AbortSignal;
}

/** A recording in progress. */
export interface RecordSession {
  /** Where traffic is taken. */
  readonly address: { readonly host: string; readonly port: number };
  readonly preloaded: boolean;
  /** The service is led to the gateways by a network of its own. */
  readonly ownNetwork: boolean;
  readonly serverVersions: Readonly<Record<string, string>>;
  readonly recorded: number;
  /** Requests that have not been answered yet. */
  readonly inFlight: number;
  /** Resolves when the service, or the writing of the recording, cannot go on. */
  readonly failed: Promise<Error>;
  /** Lets requests in flight end (within `lateTimeoutMs`: what is left then is named `recording_stopped`), then stops everything. */
  stop(): Promise<{ readonly requests: number; readonly position: number; readonly losses: readonly LossRecord[] }>;
}

/** Starts the gateways and the service, and records what goes through until it is stopped. */
export async function record(options: RecordOptions): Promise<RecordSession> {
  const recorder = new Recorder(options);
  try {
    await recorder.start();
    return recorder;
  } catch (error) {
    await recorder.close();
    throw error;
  }
}

class Recorder implements RecordSession {
  readonly #options: RecordOptions;
  readonly #sink: RecordSink;
  readonly #redis: { readonly upstream: RedisUpstream; readonly gateway: RedisRecordingGateway }[];

  readonly #http: { readonly spec: HttpSpec; readonly gateway: HttpDependencyGateway; readonly forward: Forwarder }[];
  readonly #output: RecordingOutput;
  readonly #broken: Deferred<Error> = deferred();
  readonly #finishing = new Set<Promise<void>>();
  #control: ControlServer | undefined;
  #lanes: LanePool | undefined;
  #ingress: HttpIngress | undefined;
  #address = { host: '', port: 0 };
  #arrived = 0;
  #recorded = 0;

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#output = guardedOutput(options.output, (error) => this.#broken.resolve(error));
    this.#sink = new RecordSink(this.#output);
    this.#redis = options.redis.map((upstream) => ({
      upstream,
      gateway: new RedisRecordingGateway({ server: upstream.spec.name, upstream, sink: this.#sink, snapshot: options.snapshot }),
    }));
    this.#http = options.http.map((spec) => {
      const forward = forwardTo(spec.upstream);
      return { spec, forward, gateway: this.#dependencyGateway(spec, forward) };
    });
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  get preloaded(): boolean {
    return this.#lanes?.preloaded ?? false;
  }

  get ownNetwork(): boolean {
    return this.#lanes?.ownNetwork ?? false;
  }

  get recorded(): number {
    return this.#recorded;
  }

  get serverVersions(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#redis.map(({ upstream, gateway }) => [upstream.spec.name, gateway.serverVersion]));
  }

  get inFlight(): number {
    return this.#ingress?.open ?? 0;
  }

  get failed(): Promise<Error> {
    return Promise.race([(this.#lanes as LanePool).failed, this.#broken.promise]);
  }

  async start(): Promise<void> {
    const { options } = { options: this.#options };
    for (const { gateway } of this.#redis) await gateway.start();
    this.#control = await ControlServer.start();
    this.#lanes = await LanePool.start({
      ...options, control: this.#control,
      gateways: { redis: this.#redis.map(({ upstream, gateway }) => ({ spec: upstream.spec, gateway })), http: this.#http },
      onDirect: (host, port) => this.#sink.loss('direct_connection', `the service talked to ${host}:${port} directly; declare it in the configuration to have it recorded`),
      onUnattributed: (client) => this.#sink.loss('unattributed_client', `the Redis client in ${client} writes commands later than they are asked for: they are recorded outside any request`),
      onLost: (why) => this.#sink.loss('instance_died', `an instance of the service ended by itself (${why}); the others went on`),
    });
    this.#ingress = new HttpIngress({
      choose: () => this.#admit(),
      onMalformed: (what) => this.#sink.loss('malformed_request', `what came on connections to the ingress was not HTTP/1.1 and was refused (${what})`),
    });
    this.#address = await this.#ingress.listen(options.listen);
  }

  async stop(): Promise<{ requests: number; position: number; losses: readonly LossRecord[] }> {
    await this.#ingress?.drain(this.#options.lateTimeoutMs);
    await this.#ingress?.close();
    await Promise.all(this.#finishing);
    for (const { name, address } of this.#unreached()) {
      this.#sink.loss('nothing_came', `nothing came to ${name} (${address}): the service did not use it, or went past the gateway`);
    }
    const unseen = [...this.#lanes?.preloadProblems ?? []];
    if (unseen.length > 0) this.#sink.loss('preload_problem', `the preload does not see all of the service: ${unseen.join('; ')}`);
    await this.close();
    return { requests: this.#recorded, position: this.#sink.position, losses: this.#sink.writeLosses() };
  }

  /** Servers and dependencies that no lane has spoken to; a Redis of our own may well not be needed. */
  #unreached(): readonly { readonly name: string; readonly address: string }[] {
    const servers = this.#redis.filter(({ upstream }) => upstream.spec.upstream !== 'embedded').map(({ upstream, gateway }) => ({ spec: upstream.spec, gateway }));
    return [...servers, ...this.#http].filter(({ gateway }) => this.#lanes?.ids.every((id) => gateway.activity(id) === 0) === true).map(({ spec }) => spec);
  }

  async close(): Promise<void> {
    await this.#ingress?.close();
    await this.#lanes?.close();
    await Promise.all([...this.#redis, ...this.#http].map(({ gateway }) => gateway.close()));
    await Promise.all(this.#http.map(({ forward }) => forward.close()));
    await this.#control?.close();
  }

  /** Gives an incoming request a lane, and follows it until nothing of it is pending. */
  async #admit(): Promise<Target> {
    await this.#options.ready();
    const lane = await (this.#lanes as LanePool).take().catch((error: unknown) => {
      this.#sink.loss('not_admitted', 'requests came that no instance of the service was left for; they were answered 503');
      throw error;
    });
    const open = new OpenRequest({
      index: ++this.#arrived, position: this.#sink.advance(), at: Date.now(), lane: lane.id,
      attribution: lane.instance.preloaded ? 'context' : 'lane',
    });
    this.#sink.open(open);
    lane.instance.beforeRequest();
    const extraHeaders: [string, string][] = lane.instance.preloaded ? [[contextHeader, `${open.id};${open.at};${open.seed}`]] : [];
    return {
      ...lane.instance.address, extraHeaders, keepAlive: lane.instance.preloaded, untouched: () => open.isUntouched,
      onResponseDone: (captured) => {
        const finishing = this.#finish(open, lane, captured).finally(() => this.#finishing.delete(finishing));
        this.#finishing.add(finishing);
      },
    };
  }

  async #finish(open: OpenRequest, lane: RecordLane, captured: CapturedExchange): Promise<void> {
    const idle = lane.instance.alive ? await lane.idle(open.id, this.#options.lateTimeoutMs) : true;
    if (!idle && lane.instance.alive) open.problem({ code: 'not_idle', message: `still busy ${this.#options.lateTimeoutMs} ms after the response with ${lane.instance.waitingFor}; what it did later is not attributed to it` });
    if (await (this.#lanes as LanePool).correct(lane)) {
      const message = 'the service went past the gateways: it has the address of its state or of a dependency in its code, although its environment speaks of it';
      open.problem({ code: 'direct_connection', message: `${message}; what this request did there is not recorded` });
      this.#sink.loss('direct_connection', `${message}; it was started again in a network of its own, where it cannot`);
      if (this.ownNetwork) this.#options.onOwnNetwork?.();
    }
    if (captured.error !== null) open.problem({ code: captured.error.code, message: captured.error.message });
    if (captured.bodyTruncated || captured.responseBodyTruncated) open.problem({ code: 'body_truncated', message: 'a body was too large to be kept whole' });
    this.#output.append(open.finish({
      endPosition: this.#sink.advance(), durationMs: captured.durationMs,
      request: this.#storedRequest(captured), response: this.#storedResponse(captured),
    }));
    this.#sink.close(open);
    (this.#lanes as LanePool).give(lane);
    this.#recorded++;
    this.#options.onRequest?.(this.#recorded);
  }

  #storedRequest(captured: CapturedExchange): RecordedHttpRequest {
    const { method, target, headers, body } = captured;
    return { method, target, headers: headers.filter(([name]) => name.toLowerCase() !== contextHeader), body: this.#payload(body) };
  }

  #storedResponse(captured: CapturedExchange): RecordedHttpResponse | null {
    if (captured.status === null) return null;
    return { status: captured.status, headers: captured.responseHeaders, body: this.#payload(captured.responseBody) };
  }

  #payload(bytes: Uint8Array): ReturnType<RecordingOutput['payload']> | null {
    return bytes.length === 0 ? null : this.#output.payload(bytes);
  }

  /** Forwards calls to the real dependency and notes each with the request it belongs to; also one that was not answered. */
  #dependencyGateway(spec: HttpSpec, forward: Forwarder): HttpDependencyGateway {
    return new HttpDependencyGateway({
      dependency: spec.name,
      handle: async (call) => {
        const position = this.#sink.advance();
        const startedAt = performance.now();
        const request = this.#sink.request(this.#sink.requestOf(call.lane, call.tag));
        const answer = await forward(call).catch((error: unknown) => {
          const { code, message } = error instanceof ForeshardError ? error : { code: 'upstream_unreachable', message: String(error) };
          request?.problem({ code, message });
          return null;
        });
        const recorded = {
          dependency: spec.name, position, durationMs: performance.now() - startedAt,
          request: { method: call.method, target: call.target, headers: call.headers, body: this.#payload(call.body) },
          response: answer === null ? null : { status: answer.status, headers: answer.headers, body: this.#payload(answer.body) },
        };
        if (request === undefined) this.#sink.loss('call_outside', `calls to ${spec.name} were made outside any request and are not kept`);
        else request.call(recorded);
        return answer ?? noAnswer;
      },
    });
  }
}
