/** Composition of replay: a recording and a candidate in, a judged run out. Each function is one command without its terminal. */
import type { CommandSetting, ForeshardConfig } from './config/config.ts';
import { serviceOf, settingsOf, type SettingFlags, type Settings } from './config/settings.ts';
import { placeState, type ReplayState } from './clustering.ts';
import { registerPath } from './foreshard.ts';
import { deferred, type Deferred } from './lib/deferred.ts';
import { sfc32 } from './lib/prng.ts';
import { ForeshardError } from './model/errors.ts';
import type { RequestId, RequestRecord, ServiceSpec } from './model/recording.ts';
import type { CaseReport, Report } from './model/report.ts';
import type { CaseOutcome, CaseProblem, Run } from './model/run.ts';
import type { StateKey } from './model/state-key.ts';
import { NeighbourModel } from './predict/neighbour-model.ts';
import { keepAccepted, keepRun, keptAccepted, keptRun } from './recordings/kept-runs.ts';
import { openRecording, type OpenedRecording } from './recordings/open-recording.ts';
import { replay, type ReplayOptions } from './replay/engine.ts';
import { planCases } from './replay/plan.ts';
import { PushFeed } from './replay/push-feed.ts';
import { buildReport, confirmReport, createJudge, type JudgeInput } from './report/report.ts';

/** What `replay` is asked for. */
export interface ReplayRequest {
  readonly config: ForeshardConfig;
  readonly folder: string;
  /** The candidate; without it the recorded command is replayed. */
  readonly candidate?: CommandSetting;
  readonly flags: SettingFlags & { readonly filter?: string };
  readonly signal?: AbortSignal;
  readonly onCase?: ReplayOptions['onCase'];
  readonly onStage?: (stage: string) => void;
}

/** A judged run with what the report was built from. */
export interface ReplayResult {
  readonly report: Report;
  readonly run: Run;
  readonly baseline: ReadonlyMap<RequestId, CaseOutcome>;
  readonly opened: OpenedRecording;
}

/** The control runs kept with a recording; of the baseline in lanes of one request at a time, where it has context lanes by itself. */
const controlNames = { own: ['control-1', 'control-2'], process: ['control-1-process', 'control-2-process'] } as const;

/** Replays the baseline twice, the second time in another order, and keeps both runs with the recording. */
export async function runControls(request: ReplayRequest, names: readonly string[] = controlNames.own): Promise<readonly Run[]> {
  const settings = settingsOf(request.config, request.folder, 'replay', request.flags);
  const opened = await openRecording(settings.recordingFolder);
  const runs: Run[] = [];
  for (const name of names) {
    request.onStage?.(`control run ${runs.length + 1} of ${names.length}`);
    const stop = (cause?: unknown): void => {
      if (request.signal?.aborted !== true) return;
      throw new ForeshardError('interrupted', `interrupted during control run ${runs.length + 1} of ${names.length}`, { hint: 'the recording is kept; the next foreshard replay runs them again', cause });
    };
    const how = runs.length > 0 ? 'shuffled' : opened.requests.length <= mostInOrder ? 'in order' : 'mixed';
    const run = await runOnce({ request, settings, opened, service: opened.manifest.service, requests: opened.requests, label: 'baseline', how }).catch((error: unknown) => {
      stop(error);
      throw error;
    });
    stop();
    await keepRun(opened.folder, name, run);
    runs.push(run);
  }
  return runs;
}

/** Replays a candidate and judges it against the baseline's replay from the same state. */
export async function replayCandidate(request: ReplayRequest): Promise<ReplayResult> {
  const settings = settingsOf(request.config, request.folder, 'replay', request.flags);
  const opened = await openRecording(settings.recordingFolder);
  if (opened.requests.length === 0) throw new ForeshardError('recording_empty', `${opened.folder} holds no request`, { hint: 'send some traffic while recording' });
  const requests = filterRequests(opened.requests, request.flags.filter);
  const service = candidateService(request, opened);
  const own = await controlsOf(request, opened);
  request.onStage?.('replay');
  // What has the clock and randomness of each request is not compared with what has not: a rewrite in another language, say.
  const candidate = { request, settings: own[0]?.mode === 'process' ? { ...settings, preload: 'off' as const } : settings, opened, service, label: 'candidate' };
  const run = await runOnce({ ...candidate, requests, how: 'mixed' });
  const isInterrupted = request.signal?.aborted === true; // no further runs
  const controls = own[0]?.mode === run.mode || isInterrupted ? own : await controlsOf({ ...request, flags: { ...request.flags, preload: false } }, opened, controlNames.process);
  const accepted = await keptAccepted(opened.folder);
  const labels = { baseline: opened.manifest.service.command.join(' '), candidate: service.command.join(' ') };
  const judge = (judged: Run, inOrder: ReadonlySet<RequestId> = new Set()): Promise<Report> =>
    buildReport({ ...reportBasis(opened, settings, controls, accepted, requests), candidate: judged, labels, inOrder });
  request.onStage?.('comparing');
  const confirmed = await confirmReport({
    report: await judge(run), run, control: controls[0] as Run, requests: opened.requests, judge,
    rerun: (some) => {
      request.onStage?.('confirming differences, one case at a time');
      return runOnce({ ...candidate, requests: some, how: 'in order' });
    },
  });
  const baseline = new Map((controls[0] as Run).outcomes.map((outcome) => [outcome.id, accepted.get(outcome.id) ?? outcome]));
  return { ...confirmed, baseline, opened };
}

/** The candidate is started as the baseline was, but for what the configuration or the flags say. */
function candidateService(request: ReplayRequest, opened: OpenedRecording): ServiceSpec {
  const recorded = opened.manifest.service;
  const given = serviceOf(request.config, request.candidate ?? recorded.command, request.flags);
  return { ...recorded, ...given, env: { ...recorded.env, ...given.env } };
}

function reportBasis(
  opened: OpenedRecording, settings: Settings, controls: readonly Run[], accepted: ReadonlyMap<RequestId, CaseOutcome>, requests: readonly RequestRecord[],
): JudgeInput {
  return {
    requests, controls, accepted, payload: (hash) => opened.payload(hash), chains: opened.chains,
    rules: { ignore: settings.ignore, unordered: settings.unordered }, recordingNotes: recordingNotes(opened), seeded: opened.manifest.preload && controls.every(({ mode }) => mode === 'virtual'),
  };
}

function recordingNotes(opened: OpenedRecording): string[] {
  const notes = opened.losses.map((loss) => `recording: ${loss.message} (${loss.count})`);
  if (!opened.ended) notes.unshift(`the recorder was stopped in the middle: the recording is whole up to request ${opened.requests.at(-1)?.id ?? 'none'}`);
  return notes;
}

async function controlsOf(request: ReplayRequest, opened: OpenedRecording, names: readonly string[] = controlNames.own): Promise<readonly Run[]> {
  const kept = await Promise.all(names.map((name) => keptRun(opened.folder, name)));
  return kept.every((run) => run !== undefined) ? kept : runControls(request, names);
}

/** Up to so many requests the first control run has one case at a time, in order; more would take too long. */
const mostInOrder = 3000;

interface OneRun {
  readonly request: ReplayRequest;
  readonly settings: Settings;
  readonly opened: OpenedRecording;
  readonly service: ServiceSpec;
  readonly requests: readonly RequestRecord[];
  readonly label: string;
  /** `mixed`: begun in the recorded order, many at a time. */
  readonly how: 'mixed' | 'in order' | 'shuffled';
}

async function runOnce(one: OneRun): Promise<Run> {
  const { opened, requests, settings, how } = one;
  const placed = await placeState(opened, requests, settings);
  const order = how === 'shuffled' ? { shuffleSeed: shuffleSeed(opened) } : how === 'in order' ? { instances: 1, concurrency: 1 } : {};
  try {
    const run = await replay({ ...replayOptions(one), ...order, source: placed.state });
    return { ...run, notes: [...run.notes, ...notesOf(placed)] };
  } finally {
    await placed.close();
  }
}

/** What happened to the state while cases ran: none of it changes a verdict, since the bytes are the same wherever they come from. */
function notesOf({ state, events }: ReplayState): CaseProblem[] {
  const died = events.map((message): CaseProblem => ({ code: 'state_node_changed', message }));
  return state.missed === 0 ? died : [...died, fromRecording(state.missed)];
}

function fromRecording(missed: number): CaseProblem {
  return { code: 'state_from_recording', message: `${missed} revision${missed === 1 ? '' : 's'} came from the recording, because no state node gave ${missed === 1 ? 'it' : 'them'}: the cases ran on the same bytes` };
}

function replayOptions({ request, settings, opened, service, requests, label }: Omit<OneRun, 'how'>): Omit<ReplayOptions, 'source'> {
  return {
    recording: opened, requests, service, cwd: settings.cwd, label, registerPath,
    instances: settings.instances, concurrency: settings.concurrency, ...asRecorded(settings, opened), determinism: settings.determinism,
    laneStore: settings.laneStore, neighbours: neighboursIn(opened), requestTimeoutMs: settings.requestTimeoutMs, lateTimeoutMs: settings.lateTimeoutMs,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(request.onCase === undefined ? {} : { onCase: request.onCase }),
  };
}

/** Learnt when first asked for: most replays read nothing that was not expected. */
function neighboursIn({ requests }: OpenedRecording): (key: StateKey) => readonly StateKey[] {
  let model: NeighbourModel | undefined;
  return (key) => (model ??= new NeighbourModel(requests)).of(key);
}

/** What is left open is done as it was when the recording was made. */
function asRecorded({ preload, isolation }: Settings, { manifest }: OpenedRecording): Pick<ReplayOptions, 'preload' | 'isolation'> {
  return {
    preload: manifest.preloadOff === true ? 'off' : preload,
    isolation: isolation === 'auto' && manifest.ownNetwork === true ? 'namespace' : isolation,
  };
}

/** The same recording is always shuffled the same way. */
function shuffleSeed(opened: OpenedRecording): string {
  const draws = sfc32(opened.manifest.createdAt.toString(16).padStart(32, '0'));
  return Array.from({ length: 4 }, () => draws.nextUint32().toString(16).padStart(8, '0')).join('');
}

/** Requests by id, by `METHOD /path` prefix, or by a part of the path. */
function filterRequests(requests: readonly RequestRecord[], filter: string | undefined): readonly RequestRecord[] {
  if (filter === undefined) return requests;
  const chosen = requests.filter((request) => request.id === filter || `${request.request.method} ${request.request.target}`.includes(filter));
  if (chosen.length === 0) throw new ForeshardError('request_not_found', `no recorded request matches ${filter}`, { hint: 'foreshard list shows them' });
  return chosen;
}

/** How a test framework replays a recording. */
export interface RegressionOptions {
  /** How the candidate is started; default: as recorded. */
  readonly candidate?: CommandSetting;
  readonly config?: ForeshardConfig;
  /** Folder that paths and the candidate's command start from; default: the current one. */
  readonly cwd?: string;
  readonly instances?: number;
  readonly concurrency?: number;
  /** Tests that run at the same time, where the framework lets us say. */
  readonly maxConcurrency?: number;
  readonly timeoutMs?: number;
  readonly title?: string;
}

/** A candidate that stands ready to be asked case by case. */
export interface Regression {
  /** Replays one recorded request and judges it. */
  check(id: RequestId): Promise<CaseReport>;
  stop(): Promise<void>;
}

/** Starts the candidate for a recording; cases are replayed when they are asked for. */
export async function startRegression(opened: OpenedRecording, options: RegressionOptions = {}): Promise<Regression> {
  const folder = options.cwd ?? process.cwd();
  const config = options.config ?? {};
  const { instances, concurrency } = options;
  const flags: SettingFlags = {
    recording: opened.folder, ...(instances === undefined ? {} : { instances }), ...(concurrency === undefined ? {} : { concurrency }),
  };
  const settings = settingsOf(config, folder, 'replay', flags);
  const request: ReplayRequest = { config, folder, flags, ...(options.candidate === undefined ? {} : { candidate: options.candidate }) };
  const controls = await controlsOf(request, opened);
  const judge = await createJudge(reportBasis(opened, settings, controls, await keptAccepted(opened.folder), opened.requests));
  const placed = await placeState(opened, opened.requests, settings);
  const waiting = new Map<RequestId, Deferred<CaseOutcome>>();
  const started = deferred<PushFeed>();
  const run = replayOptions({ request, settings, opened, service: candidateService(request, opened), requests: opened.requests, label: 'candidate' });
  const running = replay({
    ...run, source: placed.state,
    feed: (load) => {
      const feed = new PushFeed(load);
      started.resolve(feed);
      return feed;
    },
    onCase: (outcome) => waiting.get(outcome.id)?.resolve(outcome),
  }).finally(() => placed.close());
  running.catch((error: unknown) => started.reject(error instanceof Error ? error : new Error(String(error))));
  const feed = await started.promise;
  const planned = new Map(planCases(opened, opened.requests).map((one) => [one.request.id, one]));
  return {
    check: async (id) => {
      const one = planned.get(id);
      if (one === undefined) throw new ForeshardError('request_not_found', `the recording has no request ${id}`);
      const outcome = deferred<CaseOutcome>();
      waiting.set(id, outcome);
      feed.push(one);
      return judge(one.request, await Promise.race([outcome.promise, failure(running)]));
    },
    stop: async () => {
      feed.end();
      await running;
    },
  };
}

/** Rejects when the run fails, or ends before the case was run. */
async function failure(running: Promise<Run>): Promise<never> {
  await running;
  throw new ForeshardError('lane_unavailable', 'no instance of the candidate was left to run this case');
}

/** Takes the candidate's behaviour in these cases as the baseline from now on. */
export async function acceptOutcomes(folder: string, run: Run, ids: ReadonlySet<RequestId>): Promise<number> {
  const outcomes = new Map(await keptAccepted(folder));
  const taken = run.outcomes.filter((outcome) => ids.has(outcome.id) && outcome.status === 'completed');
  for (const outcome of taken) outcomes.set(outcome.id, outcome);
  await keepAccepted(folder, outcomes.values());
  return taken.length;
}
