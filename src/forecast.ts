/** Composition of predict: inputs of any format in, a heatmap out. Each function is one command without its terminal. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ForeshardConfig } from './config/config.ts';
import { defaultRecordingFolder } from './config/settings.ts';
import { mstlForecaster } from './forecasters/mstl.ts';
import { ProphetForecaster } from './forecasters/prophet.ts';
import type { FormatName } from './importers/format.ts';
import { importBatches, type ImportProgress } from './importers/import-items.ts';
import { ImportProblems } from './importers/problems.ts';
import { prometheusRange } from './importers/prometheus.ts';
import { sfc32 } from './lib/prng.ts';
import { ForeshardError } from './model/errors.ts';
import type { Heatmap } from './model/heatmap.ts';
import type { TrafficItem } from './model/traffic.ts';
import { accessGroups } from './predict/access-groups.ts';
import { KeyRules, learnKeyRules } from './predict/elements/key-rules.ts';
import { forecastHeatmap } from './predict/forecast-heatmap.ts';
import { TrafficIntake } from './predict/intake.ts';
import { lstmKernel } from './predict/lstm/wasm-kernel.ts';
import { observedHeatmap } from './predict/observed-heatmap.ts';
import { observedRequests, recordingItems } from './predict/recording-items.ts';
import { merged } from './predict/merge.ts';
import { openRecording, type OpenedRecording } from './recordings/open-recording.ts';

/** What is to be forecast from what. */
export interface ForecastRequest {
  readonly config: ForeshardConfig;
  readonly folder: string;
  /** Files of any known format, `-` for standard input, folders of recordings. */
  readonly inputs: readonly string[];
  /** ms; as long as half of what was observed, up to a day, when left out. */
  readonly horizonMs?: number;
  /** ms; chosen by how long the traffic lasted when left out. */
  readonly bucketMs?: number;
  readonly format?: FormatName;
  readonly logFormat?: string;
  readonly service?: string;
  /** Elements listed at most. */
  readonly elements?: number;
  /** 32 hexadecimal digits. */
  readonly seed?: string;
  /** Resource metrics to be asked for over the time that the inputs cover. */
  readonly prometheus?: { readonly url: string; readonly queries: Readonly<Record<string, string>> };
  /** Items from elsewhere, in order of time, and what could not be read there. */
  readonly live?: { readonly items: AsyncIterable<readonly TrafficItem[]>; readonly problems: ImportProblems };
  readonly onProgress?: (stage: string, share: number | null) => void;
  readonly signal?: AbortSignal;
}

/** A forecast with what went wrong on the way. */
export interface ForecastResult {
  readonly heatmap: Heatmap;
  readonly intake: TrafficIntake;
  /** Bad lines and other things to know, in plain English. */
  readonly problems: readonly string[];
}

const defaultBucketMs = 300_000;
const dayMs = 86_400_000;
/** Fewer buckets than these say little: a shorter one is chosen where nobody has asked for one. */
const fewBuckets = 48;
const niceBucketsMs: readonly [number, ...number[]] = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000];
const defaultSeed = '666f72657368617264000000000000ff';
/** Formats that tell of requests and of nothing behind them. */
const trafficOnly: ReadonlySet<string> = new Set(['combined', 'nginx', 'har', 'gor']);

/** Reads the inputs and forecasts what comes after them. @throws ForeshardError as importers and recordings do */
export async function forecastTraffic(request: ForecastRequest): Promise<ForecastResult> {
  const sources = await openSources(request);
  const first = await intakeOf(request, sources, request.bucketMs ?? defaultBucketMs);
  const better = request.bucketMs === undefined && !request.inputs.includes('-') && request.live === undefined ? bucketFor(first.intake) : undefined;
  const { intake, problems, notes } = better === undefined ? first : await intakeOf(request, sources, better);
  if (Number.isNaN(intake.lastMs)) throw new ForeshardError('input_unreadable', `${request.inputs.join(', ')}: nothing that could be read says anything of traffic`, { hint: 'foreshard predict --help lists the formats' });
  await addMetrics(request, intake);
  intake.finish();
  const prophet = new ProphetForecaster();
  try {
    const heatmap = await forecastHeatmap(intake, {
      buckets: bucketsOf(request, intake), prng: sfc32(request.seed ?? defaultSeed), kernel: lstmKernel, engines: [await mstlForecaster(), prophet], notes,
      groups: accessGroups(sources.recordings.flatMap(({ opened }) => opened.requests)),
      ...request.elements === undefined ? {} : { mostElements: request.elements },
      onProgress: (stage, share) => {
        if (request.signal?.aborted === true) throw new ForeshardError('interrupted', 'interrupted; nothing was written');
        request.onProgress?.(stage, share);
      },
    });
    return { heatmap, intake, problems: [...problems.describe(), ...request.live?.problems.describe() ?? []] };
  } finally {
    await prophet.close();
  }
}

/** What the inputs say was accessed in the time of a heatmap, in the same buckets: to lay beside what was predicted. */
export async function observeTraffic(request: ForecastRequest, like: Pick<Heatmap, 'startMs' | 'bucketMs' | 'buckets'>): Promise<Heatmap> {
  const sources = await openSources(request);
  const { stream } = streamOf(request, sources);
  return observedHeatmap(stream, like);
}

interface Sources {
  readonly recordings: readonly { readonly path: string; readonly opened: OpenedRecording }[];
  readonly files: readonly string[];
  readonly rules: KeyRules | undefined;
}

async function openSources({ config, folder, inputs }: ForecastRequest): Promise<Sources> {
  const paths = inputs.map((input) => ({ input, path: input === '-' ? input : resolve(folder, input) }));
  const isRecording = (path: string): boolean => path !== '-' && existsSync(join(path, 'manifest.json'));
  const recordings = await Promise.all(paths.filter(({ path }) => isRecording(path)).map(async ({ path }) => ({ path, opened: await openRecording(path) })));
  return { recordings, files: paths.filter(({ path }) => !isRecording(path)).map(({ path }) => path), rules: await rulesOf(config, folder, recordings.map(({ opened }) => opened)) };
}

/** What requests touch: as the configuration says, else as the recordings at hand show. */
async function rulesOf(config: ForeshardConfig, folder: string, recordings: readonly OpenedRecording[]): Promise<KeyRules | undefined> {
  if (config.predict?.rules !== undefined) return new KeyRules(config.predict.rules, { byTemplate: true });
  const usual = resolve(folder, config.record?.folder ?? defaultRecordingFolder);
  const known = recordings.length > 0 ? recordings : existsSync(join(usual, 'manifest.json')) ? [await openRecording(usual)] : [];
  const rules = learnKeyRules(known.flatMap(({ requests }) => [...observedRequests(requests)]));
  return rules.rules.length === 0 ? undefined : rules;
}

interface TakenIn { readonly intake: TrafficIntake; readonly problems: ImportProblems; readonly notes: readonly string[] }

async function intakeOf(request: ForecastRequest, sources: Sources, windowMs: number): Promise<TakenIn> {
  const intake = new TrafficIntake({ windowMs, prng: sfc32(request.seed ?? defaultSeed) });
  const { stream, problems, byRules } = streamOf(request, sources);
  for await (const batch of stream) {
    if (request.signal?.aborted === true) throw new ForeshardError('interrupted', 'interrupted while reading; nothing was written');
    for (const item of batch) intake.add(item);
  }
  const ruled = byRules();
  return { intake, problems, notes: ruled === 0 ? [] : [`${ruled} of ${intake.counts.accesses} accesses come from rules over requests (${sources.rules?.rules.length} rules): the log itself says nothing of state`] };
}

function streamOf(request: ForecastRequest, { recordings, files, rules }: Sources): { readonly stream: AsyncIterable<readonly TrafficItem[]>; readonly problems: ImportProblems; readonly byRules: () => number } {
  const problems = new ImportProblems();
  let ruled = 0;
  const withRules = async function* (path: string): AsyncGenerator<readonly TrafficItem[]> {
    const { format, logFormat, service } = request;
    const batches = importBatches(path, {
      problems, ...format === undefined ? {} : { format }, ...logFormat === undefined ? {} : { logFormat }, ...service === undefined ? {} : { service },
      onProgress: ({ bytesRead, sizeBytes }: ImportProgress) => request.onProgress?.(`reading ${path}`, sizeBytes === null ? null : bytesRead / Math.max(1, sizeBytes)),
    });
    let isTrafficOnly: boolean | undefined;
    for await (const batch of batches) {
      isTrafficOnly ??= trafficOnly.has(problems.inputs.at(-1)?.description.format ?? '');
      if (!isTrafficOnly || rules === undefined) yield batch;
      else {
        const more = batch.flatMap((item): TrafficItem[] => (item.kind === 'request' ? [item, ...rules.accesses(item)] : [item]));
        ruled += more.length - batch.length;
        yield more;
      }
    }
  };
  const streams: AsyncIterable<readonly TrafficItem[]>[] = [
    ...recordings.map(({ opened }) => batched(recordingItems(opened.requests))), ...files.map(withRules), ...request.live === undefined ? [] : [request.live.items],
  ];
  return { stream: merged(streams), problems, byRules: () => ruled };
}

async function* batched(items: Iterable<TrafficItem>): AsyncGenerator<readonly TrafficItem[]> {
  yield [...items];
}

/** A bucket that makes enough of them, where the usual one does not; undefined where it does. */
function bucketFor(intake: TrafficIntake): number | undefined {
  if (Number.isNaN(intake.lastMs) || intake.spanMs >= fewBuckets * intake.windowMs) return undefined;
  const bucket = niceBucketsMs.findLast((candidate) => candidate * fewBuckets <= intake.spanMs) ?? niceBucketsMs[0];
  return bucket < intake.windowMs ? bucket : undefined;
}

function bucketsOf({ horizonMs }: ForecastRequest, intake: TrafficIntake): number {
  const wanted = horizonMs ?? Math.min(dayMs, Math.max(12 * intake.windowMs, intake.spanMs / 2));
  return Math.max(1, Math.ceil(wanted / intake.windowMs));
}

/** Samples over the time of the traffic, each bucket one. */
async function addMetrics({ prometheus, signal }: ForecastRequest, intake: TrafficIntake): Promise<void> {
  if (prometheus === undefined) return;
  for (const [metric, query] of Object.entries(prometheus.queries)) {
    if (signal?.aborted === true) return;
    const samples = prometheusRange({ url: prometheus.url, query, metric, start: intake.lastMs - intake.spanMs, end: intake.lastMs, step: Math.max(1000, intake.windowMs) });
    for await (const sample of samples) intake.add(sample);
  }
}
