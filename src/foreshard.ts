/** Composition of record, predict from the plan, and shard. Each function is one command without its terminal. */
import { fileURLToPath } from 'node:url';
import { memberSettings } from './config/member-setting.ts';
import { httpOf, redisEndpoint, redisOf, serviceOf, settingsOf, type SettingFlags } from './config/settings.ts';
import type { CommandSetting, ForeshardConfig, StateNodeSetting } from './config/config.ts';
import { EmbeddedRedis } from './gateways/redis/embedded-redis.ts';
import { addressVariables } from './lanes/environment.ts';
import type { Heatmap } from './model/heatmap.ts';
import type { HttpSpec, RecordingManifest, RedisSpec, RequestRecord, ServiceSpec } from './model/recording.ts';
import type { Member, ShardMap } from './model/shard-map.ts';
import { heatmapFromPlan } from './predict/plan-heatmap.ts';
import { record, type RecordSession, type RedisUpstream } from './record/record.ts';
import { RecordingWriter } from './recordings/recording-writer.ts';
import { Redactor } from './recordings/redact.ts';
import { withHeadroom } from './shard/headroom.ts';
import { placeElements, type Placement, type PlacementOptions } from './shard/placement.ts';
import { parseNodeAddress } from './state-nodes/node-address.ts';

/** The version written into recordings. */
export const toolVersion = 'foreshard 0.1.0';

/** The preload as Node.js loads it. */
export const registerPath: string = fileURLToPath(new URL('./register/register.js', import.meta.url).href.replace('/src/', '/dist/'));

// ---------------------------------------------------------------------------------------------------------------- record

/** What `record` is asked for. */
export interface RecordRequest {
  readonly config: ForeshardConfig;
  readonly folder: string;
  readonly command?: CommandSetting;
  readonly flags: SettingFlags & {
    readonly listen?: number;
    readonly redis?: string;
    readonly http?: readonly string[];
    readonly snapshot?: 'auto' | 'touch' | 'full';
    readonly overwrite?: boolean;
  };
  readonly onRequest?: (recorded: number) => void;
  /** Gives up starting when it is aborted. */
  readonly signal?: AbortSignal;
}

/** A running recording with the folder it goes to. */
export interface RecordJob {
  readonly session: RecordSession;
  readonly folder: string;
  readonly redis: readonly RedisSpec[];
  /** Where the embedded Redis listens, when there is one. */
  readonly embedded: readonly string[];
  /** Stops, closes the folder, and says what was recorded. With no request at all nothing is kept, and what was there before is there again. */
  stop(): Promise<{ readonly requests: number; readonly bytes: number; readonly losses: number; readonly lossMessages: readonly string[] }>;
}

/** Starts recording; the caller stops it. */
export async function startRecording(request: RecordRequest): Promise<RecordJob> {
  const { config, flags } = request;
  const settings = settingsOf(config, request.folder, 'record', flags);
  const service = serviceOf(config, request.command, flags);
  const redis = await redisOf(config, flags.redis, { ...process.env, ...service.env });
  const http = httpOf(config, flags.http);
  const embedded: EmbeddedRedis[] = [];
  const closeEmbedded = async (): Promise<void> => {
    await Promise.all(embedded.map((server) => server.close()));
  };
  let writer: RecordingWriter | undefined;
  let session: RecordSession | undefined;
  try {
    const upstreams: RedisUpstream[] = [];
    for (const spec of redis) upstreams.push({ spec, ...(await upstreamOf(spec, embedded)) });
    const open = await RecordingWriter.create(settings.recordingFolder, { ...manifestOf(service, redis, http, process.env), ...settings.preload === 'off' ? { preloadOff: true } : {} }, {
      overwrite: flags.overwrite ?? false, ...(config.redact === undefined ? {} : { redact: new Redactor(config.redact) }),
    });
    writer = open;
    const describe = (session: RecordSession): Promise<void> => open.describe({
      servers: session.serverVersions, preload: session.preloaded && settings.determinism === 'request', ...session.ownNetwork ? { ownNetwork: true } : {},
    });
    const running: RecordSession = await record({
      output: open, ready: () => open.backpressure, service, cwd: settings.cwd, redis: upstreams, http,
      snapshot: flags.snapshot ?? config.record?.snapshot ?? 'auto',
      listen: { host: config.record?.host ?? '127.0.0.1', port: flags.listen ?? config.record?.port ?? service.port ?? 0 },
      instances: settings.instances, concurrency: settings.concurrency, preload: settings.preload, isolation: settings.isolation,
      determinism: settings.determinism, registerPath, lateTimeoutMs: settings.lateTimeoutMs,
      onOwnNetwork: () => void describe(running),
      ...(request.onRequest === undefined ? {} : { onRequest: request.onRequest }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    session = running;
    await describe(running);
    return {
      session: running, folder: settings.recordingFolder, redis, embedded: embedded.map((server) => `${server.address?.host}:${server.address?.port}`),
      stop: () => stopRecording(running, open).finally(closeEmbedded),
    };
  } catch (error) {
    await session?.stop();
    await writer?.discard();
    await closeEmbedded();
    throw error;
  }
}

async function stopRecording(session: RecordSession, writer: RecordingWriter): Promise<Awaited<ReturnType<RecordJob['stop']>>> {
  try {
    const { requests, position, losses } = await session.stop();
    if (requests === 0) await writer.discard();
    else await writer.close({ kind: 'end', position, requests, at: Date.now() });
    return {
      requests, bytes: writer.stats.bytes, losses: losses.reduce((sum, loss) => sum + loss.count, 0),
      lossMessages: losses.map((loss) => `${loss.message} (${loss.count})`),
    };
  } finally {
    await writer.abandon();
  }
}

async function upstreamOf(spec: RedisSpec, embedded: EmbeddedRedis[]): Promise<{ host: string; port: number }> {
  if (spec.upstream !== 'embedded') return redisEndpoint(spec.upstream);
  const server = new EmbeddedRedis();
  embedded.push(server);
  return server.start();
}

function manifestOf(service: ServiceSpec, redis: readonly RedisSpec[], http: readonly HttpSpec[], environment: NodeJS.ProcessEnv): Omit<RecordingManifest, 'kind' | 'formatVersion'> {
  const env = { ...addressVariables([...redis, ...http].map((spec) => spec.address), environment), ...service.env };
  return { createdAt: Date.now(), tool: toolVersion, service: { ...service, env }, redis, http, servers: {}, preload: false };
}

// --------------------------------------------------------------------------------------------------------------- predict

/** The heatmap of replaying these requests: the plan itself is the future, so it is exact. */
export function predictPlan(requests: readonly RequestRecord[]): Heatmap {
  return heatmapFromPlan(requests);
}

// ----------------------------------------------------------------------------------------------------------------- shard

/** The members that state-node settings name; those of a map before keep their ids. @throws ForeshardError `config_invalid` */
export function membersOf(settings: readonly (string | StateNodeSetting)[], before?: readonly Member[]): Member[] {
  const members = memberSettings(settings, before);
  for (const { address } of members) parseNodeAddress(address);
  return members;
}

/** The map of a heatmap over members, each owning as much as its capacity and its forecast headroom allow, and the moves that get there. */
export function shardPlan(heatmap: Heatmap, members: readonly Member[], replicas: number, previous?: ShardMap, options: Omit<PlacementOptions, 'replicas'> = {}): Placement {
  return placeElements(heatmap, members, previous, { replicas, capacities: withHeadroom(members, heatmap.members ?? []).map(({ capacity }) => capacity), ...options });
}

/** Replication factors by kind of state, each with a map of its own. */
export { factorsOf, heatmapOf } from './shard/kinds.ts';
/** What a placement does and in words why. */
export { planReport } from './shard/plan-report.ts';
