import { randomBytes } from 'node:crypto';
import { sfc32, shuffled } from '../lib/prng.ts';
import { ForeshardError } from '../model/errors.ts';
import { ControlServer } from '../lanes/control-server.ts';
import { contextHeader } from '../model/preload-protocol.ts';
import type { Header, Recording, RequestId, RequestRecord, ServiceSpec } from '../model/recording.ts';
import { runFormatVersion, type CaseOutcome, type CaseProblem, type Run } from '../model/run.ts';
import { CaseRun, outcomeResponse } from './case-run.ts';
import { CallIndex, CallReplay } from './dependencies.ts';
import { EntryCache } from './entry-cache.ts';
import { KeyIndex, KnownState } from './known-state.ts';
import { Overlay } from './overlay.ts';
import { planCases, type PlannedCase } from './plan.ts';
import { Prefetcher } from './prefetch.ts';
import { chooseLaneStore, type LaneStoreKind } from './lane-store.ts';
import { Slot } from './slot.ts';
import type { StateSource } from './state-source.ts';

/** Hands out cases with their state in place, one after the other; undefined after the last. */
export interface CaseFeed {
  next(): Promise<{ readonly planned: PlannedCase; readonly stateWaitMs: number } | undefined>;
}

/** How to replay. */
export interface ReplayOptions {
  readonly recording: Recording;
  /** Cases to run; the others are not in the Run. */
  readonly requests: readonly RequestRecord[];
  readonly source: StateSource;
  readonly service: ServiceSpec;
  readonly cwd: string;
  readonly label: string;
  readonly registerPath: string;
  /** Instances of the candidate. */
  readonly instances: number;
  /** Cases in flight in one instance where the preload is in; 1 elsewhere. */
  readonly concurrency: number;
  readonly preload: 'auto' | 'off';
  /** Where the cases' Redis commands run. */
  readonly laneStore: 'auto' | 'overlay' | 'redis';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly requestTimeoutMs: number;
  /** How long a case may go on after its response. */
  readonly lateTimeoutMs: number;
  /** Run the cases in an order drawn from this seed (32 hexadecimal digits) instead of the recorded one. */
  readonly shuffleSeed?: string;
  readonly signal?: AbortSignal;
  /** Where the cases come from instead of the plan of all requests, given what loads their state. */
  readonly feed?: (load: (planned: PlannedCase) => Promise<void>) => CaseFeed;
  /** Called after every finished case. */
  readonly onCase?: (outcome: CaseOutcome, done: number, of: number) => void;
}

/** A case is tried again when its instance died under it, since another case may have been the cause. */
const maxAttempts = 2;
/** An instance that dies this often without a case in flight finishing is not started again. */
const maxRestarts = 20;

/** Replays every case on its own state and returns what each did. Throws only when no instance can be started. */
export async function replay(options: ReplayOptions): Promise<Run> {
  const control = await ControlServer.start();
  const engine = new ReplayEngine(options, control);
  try {
    return await engine.run();
  } finally {
    await engine.close();
    await control.close();
  }
}

class ReplayEngine {
  readonly #options: ReplayOptions;
  readonly #control: ControlServer;
  readonly #cache: EntryCache;
  readonly #keys: KeyIndex;
  readonly #calls: CallIndex;
  readonly #outcomes = new Map<RequestId, CaseOutcome>();
  readonly #late = new Map<RequestId, number>();
  readonly #direct = new Map<RequestId, CaseProblem>();
  readonly #notes = new Map<string, CaseProblem>();
  readonly #slots = new Set<Slot>();
  readonly #retry: PlannedCase[] = [];
  readonly #background: Overlay;
  readonly #laneStore: LaneStoreKind;
  #retrying: Promise<void> = Promise.resolve();
  #restarts = 0;
  #mode: 'process' | 'virtual' = 'process';

  constructor(options: ReplayOptions, control: ControlServer) {
    this.#options = options;
    this.#control = control;
    this.#cache = new EntryCache(options.source);
    this.#keys = new KeyIndex(options.recording);
    this.#calls = new CallIndex(options.recording);
    this.#background = this.#overlay({ request: outsideAnyRequest(options.recording), needs: new Map() });
    this.#laneStore = chooseLaneStore(options.laneStore, options.requests);
  }

  async run(): Promise<Run> {
    const { options } = { options: this.#options };
    const startedAt = Date.now();
    const steady = performance.now();
    const planned = planCases(options.recording, options.requests);
    const ordered = options.shuffleSeed === undefined ? planned : shuffled(planned, sfc32(options.shuffleSeed));
    const first = await this.#startSlot(0);
    this.#mode = first.instance.preloaded ? 'virtual' : 'process';
    const feed = options.feed?.((one) => this.#cache.load(one.needs.values())) ?? new Prefetcher(ordered, this.#cache);
    const others = Array.from({ length: Math.max(0, Math.min(options.instances, planned.length) - 1) }, (_, index) => this.#startSlot(index + 1));
    await Promise.all([this.#serve(first, 0, feed), ...others.map(async (slot, index) => this.#serve(await slot, index + 1, feed))]);
    await this.#retrying;
    await this.#retryAlone();
    for (const request of options.requests) {
      if (!this.#outcomes.has(request.id)) this.#outcomes.set(request.id, notRun(request, options.signal?.aborted === true ? 'interrupted' : options.feed === undefined ? 'lane_unavailable' : 'not_asked'));
    }
    return {
      kind: 'run', formatVersion: runFormatVersion, label: options.label, startedAt, durationMs: performance.now() - steady,
      mode: this.#mode, lanes: options.instances, concurrency: this.#mode === 'virtual' ? options.concurrency : 1,
      outcomes: options.requests.map((request) => this.#withLate(this.#outcomes.get(request.id) as CaseOutcome)),
      notes: [...this.#notes.values()],
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#slots].map((slot) => slot.close()));
    this.#background.close();
  }

  async #startSlot(index: number): Promise<Slot> {
    const { options } = { options: this.#options };
    const { manifest } = options.recording;
    const slot = await Slot.start({
      id: `lane-${index + 1}`, service: options.service, cwd: options.cwd, redis: manifest.redis, http: manifest.http,
      control: this.#control, registerPath: options.registerPath, preload: options.preload, isolation: options.isolation,
      backgroundClockOffsetMs: manifest.createdAt - Date.now(), connections: Math.max(1, options.concurrency),
      laneStore: this.#laneStore, cases: Math.max(1, options.concurrency), background: this.#background,
      onDirect: (tag, address) => this.#onDirect(tag, address),
      onLate: (tag) => this.#late.set(tag, (this.#late.get(tag) ?? 0) + 1),
    });
    this.#slots.add(slot);
    return slot;
  }

  async #serve(slot: Slot, index: number, feed: CaseFeed): Promise<void> {
    const workers = slot.instance.preloaded ? this.#options.concurrency : 1;
    let current = slot;
    let restarting: Promise<Slot | undefined> | undefined;
    const worker = async (): Promise<void> => {
      for (;;) {
        if (this.#options.signal?.aborted === true) return;
        if (!current.instance.alive) {
          restarting ??= this.#restart(current, index).finally(() => (restarting = undefined));
          const next = await restarting;
          if (next === undefined) return;
          current = next;
        }
        const taken = await feed.next();
        if (taken === undefined) return;
        await this.#runCase(current, taken.planned, taken.stateWaitMs, 1);
      }
    };
    await Promise.all(Array.from({ length: workers }, worker));
  }

  async #restart(dead: Slot, index: number): Promise<Slot | undefined> {
    this.#slots.delete(dead);
    await dead.close();
    this.#restarts++;
    this.#note('instance_restarted', `an instance of the service ended by itself and was started again (${this.#restarts} times)`);
    if (this.#restarts > maxRestarts) return undefined;
    return this.#startSlot(index);
  }

  /** Cases whose instance died under them: once more, one at a time, so that the one that kills it is told from its neighbours. */
  async #retryAlone(): Promise<void> {
    if (this.#retry.length === 0 || this.#options.signal?.aborted === true) return;
    let slot = [...this.#slots].find((candidate) => candidate.instance.alive) ?? (await this.#startSlot(0));
    for (const planned of this.#retry.splice(0)) {
      if (!slot.instance.alive) {
        const next = await this.#restart(slot, 0);
        if (next === undefined) return;
        slot = next;
      }
      await this.#runCase(slot, planned, 0, maxAttempts);
    }
  }

  async #runCase(slot: Slot, planned: PlannedCase, stateWaitMs: number, attempt: number): Promise<void> {
    const { request } = planned;
    const tag = attempt === 1 ? request.id : `${request.id}.${attempt}`;
    let outcome: CaseOutcome;
    try {
      outcome = await this.#attempt(slot, planned, tag, stateWaitMs);
    } catch (error) {
      if (!slot.instance.alive && attempt < maxAttempts) {
        this.#retry.push(planned);
        if (this.#options.feed !== undefined) this.#retrying = this.#retrying.then(() => this.#retryAlone());
        return;
      }
      outcome = { ...notRun(request, 'error'), status: 'error', problems: [problemOf(error)] };
    }
    this.#outcomes.set(request.id, outcome);
    this.#options.onCase?.(outcome, this.#outcomes.size, this.#options.requests.length);
  }

  async #attempt(slot: Slot, planned: PlannedCase, tag: string, stateWaitMs: number): Promise<CaseOutcome> {
    const { request } = planned;
    const { recording, requestTimeoutMs, lateTimeoutMs } = this.#options;
    const body = request.request.body === null ? null : await recording.payload(request.request.body.hash);
    const overlay = this.#overlay(planned);
    const lane = await slot.targets(overlay, planned.needs.keys());
    const run = new CaseRun({ request, overlay, lane, calls: new CallReplay(recording, request, this.#calls), startedAt: performance.now(), stateWaitMs });
    slot.enter(tag, run);
    try {
      const context: Header[] = slot.instance.preloaded ? [[contextHeader, `${tag};${request.at};${request.seed}`]] : [];
      const response = await slot.client.send(
        { method: request.request.method, target: request.request.target, headers: [...request.request.headers, ...context], body },
        { timeoutMs: requestTimeoutMs },
      );
      const idle = await slot.idle(tag, lateTimeoutMs);
      const problems: CaseProblem[] = idle ? [] : [{ code: 'not_idle', message: `still busy ${lateTimeoutMs} ms after the response with ${slot.instance.waitingFor}; effects after that are not compared` }];
      return await run.finish(outcomeResponse(response), problems, false);
    } catch (error) {
      if (!slot.instance.alive) throw error;
      await slot.idle(tag, lateTimeoutMs);
      return await run.finish(null, [problemOf(error)], true);
    } finally {
      slot.leave(tag);
      await run.close();
    }
  }

  #overlay({ request, needs }: PlannedCase): Overlay {
    const startedAt = performance.now();
    return new Overlay({
      state: new KnownState(this.#options.recording, request, needs), keys: this.#keys, cache: this.#cache,
      startedAt: request.at, elapsed: () => performance.now() - startedAt, seed: request.seed, hints: request.hints,
    });
  }

  #withLate(outcome: CaseOutcome): CaseOutcome {
    const late = this.#late.get(outcome.id);
    const direct = this.#direct.get(outcome.id);
    if (late === undefined && direct === undefined) return outcome;
    const problems = [...outcome.problems];
    if (late !== undefined) problems.push({ code: 'late_command', message: `${late} commands came after the case had ended` });
    if (direct !== undefined) problems.push(direct);
    return { ...outcome, problems };
  }

  /** What a service does at an address that no gateway stands for is not isolated: the case and the run say so. */
  #onDirect(tag: string | null, address: string): void {
    const message = `the service talked to ${address} directly; nothing stands for it in the recording`;
    if (tag !== null) this.#direct.set(tag, { code: 'direct_connection', message });
    this.#note('direct_connection', message, address);
  }

  #note(code: string, message: string, about = ''): void {
    this.#notes.set(`${code} ${about}`, { code, message });
  }
}

/** What commands outside any case (start-up, timers) run on: the state the recording began with. */
function outsideAnyRequest(recording: Recording): RequestRecord {
  return {
    kind: 'request', id: 'background', position: 0, endPosition: 0, at: recording.manifest.createdAt, durationMs: 0, lane: '', attribution: 'lane',
    seed: randomBytes(16).toString('hex'), request: { method: 'GET', target: '/', headers: [], body: null }, response: null, touches: [], writes: [],
    calls: [], hints: [], commands: 0, commandNames: [], problems: [],
  };
}

const notRunReasons: Readonly<Record<string, string>> = {
  interrupted: 'the run was interrupted before this case', not_asked: 'it was not asked for',
};

function notRun(request: RequestRecord, code: string): CaseOutcome {
  return {
    id: request.id, status: 'not_run', response: null, effects: [], calls: [], messages: [], reads: [], commands: 0,
    problems: [{ code, message: notRunReasons[code] ?? 'no instance of the service was left to run it' }],
    timing: { stateWaitMs: 0, totalMs: 0, faults: 0 },
  };
}

function problemOf(error: unknown): CaseProblem {
  if (error instanceof ForeshardError) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}
