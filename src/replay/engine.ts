import { randomBytes } from 'node:crypto';
import { deferred } from '../lib/deferred.ts';
import { sfc32, shuffled } from '../lib/prng.ts';
import { ForeshardError } from '../model/errors.ts';
import { ControlServer } from '../lanes/control-server.ts';
import { contextHeader } from '../model/preload-protocol.ts';
import type { Header, Recording, RequestId, RequestRecord, ServiceSpec } from '../model/recording.ts';
import { printable } from '../lib/bytes.ts';
import { runFormatVersion, type CaseOutcome, type CaseProblem, type Run } from '../model/run.ts';
import type { CaseFeed } from './case-feed.ts';
import { CaseClock } from './case-clock.ts';
import { CaseRun, outcomeResponse } from './case-run.ts';
import { CallIndex, CallReplay } from './dependencies.ts';
import { EntryCache } from './entry-cache.ts';
import { endOf, failedOutcome, hasEnded, isConnectionBroken, isTimeout, notRunOutcome, problemOf } from './failed-case.ts';
import type { StateKey } from '../model/state-key.ts';
import { KeyIndex, KnownState } from './known-state.ts';
import { Overlay } from './overlay.ts';
import { planCases, type PlannedCase } from './plan.ts';
import { Prefetcher } from './prefetch.ts';
import { chooseLaneStore, type LaneStoreKind } from './lane-store.ts';
import { Slot } from './slot.ts';
import type { StateSource } from './state-source.ts';

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
  /** `request`: time and randomness are those of the recorded request, as far as they can be reached. */
  readonly determinism: 'request' | 'real';
  readonly requestTimeoutMs: number;
  /** How long a case may go on after its response. */
  readonly lateTimeoutMs: number;
  /** Run the cases in an order drawn from this seed (32 hexadecimal digits) instead of the recorded one. */
  readonly shuffleSeed?: string;
  /** What is likely to be read with an element that a case was not expected to read. */
  readonly neighbours?: (key: StateKey) => readonly StateKey[];
  readonly signal?: AbortSignal;
  /** Where the cases come from instead of the plan of all requests, given what loads their state. */
  readonly feed?: (load: (planned: PlannedCase) => Promise<void>) => CaseFeed;
  /** Called after every finished case. */
  readonly onCase?: (outcome: CaseOutcome, done: number, of: number) => void;
}

/** A case is tried again, alone, when its instance died or hung under it, since another case may have been the cause. */
const maxAttempts = 2;
/** A recording older than this is worth a word when the service's clock cannot be set. */
const agedMs = 60_000;
/** Instances are not started again once they have ended this often with no case finished in between. */
const maxRestarts = 20;
/** Names of elements that a note lists. */
const mostNamed = 5;
/** Cases are not tried again alone once this many in a row have hung there too. */
const maxHangs = 5;

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
  #unattributed: CaseProblem | undefined;
  readonly #notes = new Map<string, CaseProblem>();
  readonly #slots = new Set<Slot>();
  readonly #retry: { readonly planned: PlannedCase; readonly problem: CaseProblem }[] = [];
  readonly #laneStore: LaneStoreKind;
  #retrying: Promise<void> = Promise.resolve();
  #restarts = 0;
  /** Restarts since the last case that finished, and cases since then that hung although they were alone. */
  #fruitless = 0;
  #hangs = 0;
  #mode: 'process' | 'virtual' = 'process';
  #clock: 'case' | 'real' = 'real';

  constructor(options: ReplayOptions, control: ControlServer) {
    this.#options = options;
    this.#control = control;
    this.#cache = new EntryCache(options.source);
    this.#keys = new KeyIndex(options.recording);
    this.#calls = new CallIndex(options.recording);
    this.#laneStore = chooseLaneStore(options.laneStore, options.requests);
  }

  async run(): Promise<Run> {
    const { options } = { options: this.#options };
    const startedAt = Date.now();
    const steady = performance.now();
    const planned = planCases(options.recording, options.requests);
    const ordered = options.shuffleSeed === undefined ? planned : shuffled(planned, sfc32(options.shuffleSeed));
    const stop = (): void => this.#stopSlots();
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      const first = await this.#startSlot(0);
      this.#mode = first.instance.preloaded ? 'virtual' : 'process';
      this.#clock = first.hasCaseClock ? 'case' : 'real';
      this.#noteClock(startedAt, first);
      const feed = options.feed?.((one) => this.#cache.load(one.needs.values())) ?? new Prefetcher(ordered, this.#cache);
      const others = Array.from({ length: Math.max(0, Math.min(options.instances, planned.length) - 1) }, (_, index) => this.#serveAlso(index + 1, feed));
      await Promise.all([this.#serve(first, 0, feed), ...others]);
      await this.#retrying;
      await this.#retryAlone();
      this.#noteOutsideCases();
    } finally {
      options.signal?.removeEventListener('abort', stop);
    }
    const reason = this.#isAborted ? 'interrupted' : options.feed === undefined ? 'lane_unavailable' : 'not_asked';
    for (const request of options.requests) if (!this.#outcomes.has(request.id)) this.#outcomes.set(request.id, notRunOutcome(request, reason));
    return {
      kind: 'run', formatVersion: runFormatVersion, label: options.label, startedAt, durationMs: performance.now() - steady,
      mode: this.#mode, lanes: options.instances, concurrency: this.#mode === 'virtual' ? options.concurrency : 1, clock: this.#clock, ...options.shuffleSeed === undefined ? {} : { order: 'shuffled' as const },
      outcomes: options.requests.map((request) => this.#withLate(this.#outcomes.get(request.id) as CaseOutcome)),
      notes: [...this.#notes.values()],
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#slots].map((slot) => slot.close()));
  }

  async #startSlot(index: number): Promise<Slot> {
    const { options } = { options: this.#options };
    const { manifest } = options.recording;
    const slot = await Slot.start({
      id: `lane-${index + 1}`, service: options.service, cwd: options.cwd, redis: manifest.redis, http: manifest.http,
      control: this.#control, registerPath: options.registerPath, preload: options.preload, isolation: options.isolation,
      determinism: options.determinism, backgroundClockOffsetMs: manifest.createdAt - Date.now(), connections: Math.max(1, options.concurrency),
      // beside each case that runs another may be finishing
      laneStore: this.#laneStore, cases: 2 * Math.max(1, options.concurrency), background: this.#overlay({ request: outsideAnyRequest(options.recording), needs: new Map() }),
      onDirect: (tag, address) => this.#onDirect(tag, address),
      onUnattributed: (client) => this.#onUnattributed(client),
      onLate: (tag) => this.#late.set(tag, (this.#late.get(tag) ?? 0) + 1),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    this.#slots.add(slot);
    return slot;
  }

  get #isAborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** Nobody waits for a case that hangs after an interruption. */
  #stopSlots(): void {
    for (const slot of this.#slots) void slot.instance.stop();
  }

  /** A further instance: the run goes on without it where it cannot be started. */
  async #serveAlso(index: number, feed: CaseFeed): Promise<void> {
    const slot = await this.#tryStart(index);
    if (slot !== undefined) await this.#serve(slot, index, feed);
  }

  async #tryStart(index: number): Promise<Slot | undefined> {
    try {
      return await this.#startSlot(index);
    } catch (error) {
      if (!this.#isAborted) this.#note('lane_unavailable', `an instance of the service could not be started: ${problemOf(error).message}`);
      return undefined;
    }
  }

  async #serve(slot: Slot, index: number, feed: CaseFeed): Promise<void> {
    const workers = slot.instance.preloaded ? this.#options.concurrency : 1;
    let current = slot;
    let restarting: Promise<Slot | undefined> | undefined;
    const living = async (): Promise<Slot | undefined> => {
      if (current.instance.alive) return current;
      restarting ??= this.#restart(current, index);
      const next = await restarting;
      if (next === undefined || next === current) return next;
      restarting = undefined;
      return (current = next);
    };
    const worker = async (): Promise<void> => {
      let finishing: Promise<void> | undefined;
      while (!this.#isAborted) {
        const slot = await living();
        if (slot === undefined || this.#isAborted) break;
        const taken = await feed.next();
        if (taken === undefined) break;
        const { planned, stateWaitMs, failure } = taken;
        if (failure !== undefined) {
          this.#conclude(failedOutcome(planned.request, problemOf(failure)));
          continue;
        }
        // Where contexts tell cases apart the next one starts when this one is answered, as a client would, not when nothing of it is pending.
        const answered = deferred<void>();
        const running = this.#runCase(slot, planned, stateWaitMs, 1, answered.resolve);
        await (slot.instance.preloaded ? Promise.race([answered.promise, running]) : running);
        await finishing;
        finishing = running;
        finishing.catch(() => {}); // awaited with the next case
      }
      await finishing;
    };
    await Promise.all(Array.from({ length: workers }, worker));
  }

  async #restart(dead: Slot, index: number): Promise<Slot | undefined> {
    this.#slots.delete(dead);
    await dead.close();
    if (this.#isAborted) return undefined;
    if (++this.#fruitless > maxRestarts) {
      this.#note('given_up', `instances of the service ended ${maxRestarts} times with no case finished in between: no more were started`);
      return undefined;
    }
    this.#restarts++;
    this.#note('instance_restarted', `instances of the service ended, or hung and were ended, and were started again (${this.#restarts} times)`);
    return this.#tryStart(index);
  }

  /** Cases whose instance died or hung under them: once more, one at a time, so that the one that does it is told from its neighbours. */
  async #retryAlone(): Promise<void> {
    if (this.#retry.length === 0 || this.#isAborted) return;
    let slot = [...this.#slots].find((candidate) => candidate.instance.alive) ?? (await this.#tryStart(0));
    for (const { planned, problem } of this.#retry.splice(0)) {
      if (slot?.instance.alive === false) slot = await this.#restart(slot, 0);
      if (this.#isAborted) return;
      if (slot === undefined || this.#hangs >= maxHangs) this.#conclude(failedOutcome(planned.request, problem));
      else await this.#runCase(slot, planned, 0, maxAttempts);
    }
  }

  async #runCase(slot: Slot, planned: PlannedCase, stateWaitMs: number, attempt: number, onAnswered: () => void = () => {}): Promise<void> {
    const { request } = planned;
    const tag = attempt === 1 ? request.id : `${request.id}.${attempt}`;
    const others = slot.running++;
    const started = ++slot.started;
    try {
      const outcome = await this.#attempt(slot, planned, { tag, stateWaitMs, onAnswered, isLast: attempt === maxAttempts });
      slot.lastFinishedAt = performance.now();
      this.#fruitless = this.#hangs = 0;
      this.#conclude(outcome);
    } catch (error) {
      if (this.#isAborted) return; // it was not finished
      if (slot.instance.alive && isConnectionBroken(error)) return await this.#runCase(slot, planned, stateWaitMs, attempt + 1, onAnswered);
      const isHung = isTimeout(error);
      if (isHung && attempt === maxAttempts) this.#hangs++;
      const mayBeAnother = isHung ? await this.#endHung(slot, others > 0 || slot.started > started) : !slot.instance.alive;
      const problem = isHung || slot.instance.alive ? problemOf(error) : await endOf(slot.instance);
      if (mayBeAnother && attempt < maxAttempts) {
        this.#retry.push({ planned, problem });
        if (this.#options.feed !== undefined) this.#retrying = this.#retrying.then(() => this.#retryAlone());
      } else this.#conclude(failedOutcome(request, problem));
    } finally {
      slot.running--;
    }
  }

  #conclude(outcome: CaseOutcome): void {
    this.#outcomes.set(outcome.id, outcome);
    this.#options.onCase?.(outcome, this.#outcomes.size, this.#options.requests.length);
  }

  /**
   * Ends an instance that a case did not come back from in time, since it may be stuck, or still be busy with that case. While other
   * cases come back from it, it is this one alone that hangs, and their contexts tell them apart: then it stays.
   * @param hadOthers other cases were in flight in it meanwhile
   * @returns whether one of them may have been the cause
   */
  async #endHung(slot: Slot, hadOthers: boolean): Promise<boolean> {
    if (slot.instance.preloaded && performance.now() - slot.lastFinishedAt < this.#options.requestTimeoutMs / 4) return false;
    await slot.instance.stop();
    return hadOthers;
  }

  async #attempt(slot: Slot, planned: PlannedCase, attempt: { readonly tag: string; readonly stateWaitMs: number; readonly onAnswered: () => void; readonly isLast: boolean }): Promise<CaseOutcome> {
    const { request } = planned;
    const { tag, stateWaitMs } = attempt;
    const { recording, requestTimeoutMs } = this.#options;
    const body = request.request.body === null ? null : await recording.payload(request.request.body.hash);
    const overlay = this.#overlay(planned, slot);
    const lane = await slot.targets(overlay, planned.needs.keys());
    const run = new CaseRun({ request, overlay, lane, calls: new CallReplay(recording, request, this.#calls), startedAt: performance.now(), stateWaitMs });
    slot.enter(tag, run);
    try {
      const context: Header[] = slot.instance.preloaded ? [[contextHeader, `${tag};${request.at};${request.seed}`]] : [];
      const response = await slot.client.send(
        { method: request.request.method, target: request.request.target, headers: [...request.request.headers, ...context], body },
        { timeoutMs: requestTimeoutMs, ownConnection: attempt.isLast },
      );
      attempt.onAnswered();
      const problems = await this.#settle(slot, tag);
      return await run.finish(outcomeResponse(response), problems, false);
    } catch (error) {
      if (this.#isAborted || isTimeout(error) || await hasEnded(slot.instance, error)) throw error;
      if (isConnectionBroken(error) && !attempt.isLast) throw error; // it may have been closed before: once more on a new one
      return await run.finish(null, [problemOf(error), ...await this.#settle(slot, tag)], true);
    } finally {
      slot.leave(tag);
      await run.close();
    }
  }

  /** Waits until nothing of a case is pending. Throws when its instance ends meanwhile. */
  async #settle(slot: Slot, tag: string): Promise<CaseProblem[]> {
    const { lateTimeoutMs } = this.#options;
    const isIdle = await slot.idle(tag, lateTimeoutMs);
    if (this.#isAborted || !slot.instance.alive) throw new ForeshardError('service_died', 'the instance ended before it was done with this request');
    if (isIdle) return [];
    const message = `still busy ${lateTimeoutMs} ms after the response with ${slot.instance.waitingFor}; effects after that are not compared`;
    if (!slot.instance.preloaded) await slot.instance.stop(); // what it does later would be taken for the next case's
    return [{ code: 'not_idle', message }];
  }

  /** @param slot where the case runs; none: for commands outside any case */
  #overlay({ request, needs }: PlannedCase, slot?: Slot): Overlay {
    return new Overlay({
      state: new KnownState(this.#options.recording, request, needs), keys: this.#keys, cache: this.#cache,
      clock: new CaseClock(request.at, slot?.clock ?? 'runs'), seed: request.seed, hints: request.hints,
      ...this.#options.neighbours === undefined ? {} : { neighbours: this.#options.neighbours },
      ...slot === undefined ? {} : { publishOutside: (server, channel, message) => slot.publish(server, channel, message) },
    });
  }

  #withLate(outcome: CaseOutcome): CaseOutcome {
    const late = this.#late.get(outcome.id);
    const direct = this.#direct.get(outcome.id);
    const unattributed = outcome.status === 'not_run' ? undefined : this.#unattributed;
    if (late === undefined && direct === undefined && unattributed === undefined) return outcome;
    const problems = [...outcome.problems];
    if (late !== undefined) problems.push({ code: 'late_command', message: `${late} commands came after the case had ended` });
    if (direct !== undefined) problems.push(direct);
    if (unattributed !== undefined) problems.push(unattributed);
    return { ...outcome, problems };
  }

  /** What a service does at an address that no gateway stands for is not isolated: the case and the run say so. */
  #onDirect(tag: string | null, address: string): void {
    const message = `the service talked to ${address} directly; nothing stands for it in the recording`;
    if (tag !== null) this.#direct.set(tag, { code: 'direct_connection', message });
    this.#note('direct_connection', message, address);
  }

  /** Which cases its commands were of is not known: any case may have missed some. */
  #onUnattributed(client: string): void {
    const message = `the Redis client in ${client} writes commands later than they are asked for: they ran outside any case`;
    this.#unattributed ??= { code: 'unattributed_client', message };
    this.#note('unattributed_client', message, client);
  }

  #noteClock(startedAt: number, { instance }: Slot): void {
    const { determinism, recording } = this.#options;
    if (determinism === 'real' || this.#clock === 'case' || startedAt - recording.manifest.createdAt < agedMs) return;
    this.#note('clock_real', `the time of day in the service is the real one, not the recorded one; ${instance.whyRealClock}`);
  }

  /** What the service does by itself (start-up, timers, workers) is in no case. */
  #noteOutsideCases(): void {
    for (const problem of new Set([...this.#slots].flatMap(({ instance }) => instance.preloadProblems))) this.#note('preload_problem', `the preload does not see all of the service: ${problem}`, problem);
    const shapes = new Set([...this.#slots].flatMap((slot) => slot.backgroundWrites).map((key) => printable(key).replace(/(?<=\/.*)(?:[0-9a-f]{8,}|\d+)/gi, '*')));
    if (shapes.size === 0) return;
    const names = [...shapes].sort();
    const shown = names.length > mostNamed ? `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more` : names.join(', ');
    this.#note('background_writes', `the service also writes outside any request: ${shown}; that is not compared`);
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
