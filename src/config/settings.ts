import { connect } from 'node:net';
import { resolve } from 'node:path';
import { ForeshardError } from '../model/errors.ts';
import { defaultRedisServer } from '../model/state-key.ts';
import { kindValues, type ByKind, type KindValue } from '../model/kind-values.ts';
import type { HttpSpec, RedisSpec, ServiceSpec } from '../model/recording.ts';
import { defaultInstances, splitCommand, type CommandSetting, type ForeshardConfig, type StateNodeSetting } from './config.ts';

/** The folder of a recording when none is named. */
export const defaultRecordingFolder = '.foreshard/recording';

const defaultRedisAddress = '127.0.0.1:6379';

/** Everything a command needs to know, with defaults filled in. */
export interface Settings {
  readonly cwd: string;
  readonly recordingFolder: string;
  readonly instances: number;
  readonly concurrency: number;
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly determinism: 'request' | 'real';
  readonly requestTimeoutMs: number;
  readonly lateTimeoutMs: number;
  readonly laneStore: 'auto' | 'overlay' | 'redis';
  readonly stateNodes: readonly (string | StateNodeSetting)[];
  readonly replicas: readonly KindValue<number>[];
  readonly consistency: ByKind<'quorum' | 'one' | 'all'>;
  readonly ignore: readonly string[];
  readonly unordered: readonly string[];
}

/** Flags that win over the configuration. */
export interface SettingFlags {
  readonly recording?: string;
  readonly instances?: number;
  readonly concurrency?: number;
  readonly preload?: boolean;
  readonly isolation?: 'auto' | 'none' | 'namespace';
  readonly laneStore?: 'auto' | 'overlay' | 'redis';
  readonly stateNodes?: readonly string[];
  readonly replicas?: ByKind<number>;
  /** Port the service has in its code. */
  readonly port?: number;
  /** Path that answers once the service is ready. */
  readonly ready?: string;
}

/** The settings of a stage: flags, then the stage's own section, then defaults. */
export function settingsOf(config: ForeshardConfig, folder: string, stage: 'record' | 'replay', flags: SettingFlags = {}): Settings {
  const section = config[stage] ?? {};
  return {
    cwd: resolve(folder, config.service?.cwd ?? '.'),
    recordingFolder: resolve(folder, flags.recording ?? config.record?.folder ?? defaultRecordingFolder),
    instances: flags.instances ?? section.instances ?? (stage === 'record' ? 1 : defaultInstances),
    concurrency: flags.concurrency ?? section.concurrency ?? (stage === 'record' ? 256 : 16),
    preload: flags.preload === false ? 'off' : (config.preload ?? 'auto'),
    isolation: flags.isolation ?? config.isolation ?? 'auto',
    determinism: config.determinism ?? 'request',
    requestTimeoutMs: config.replay?.requestTimeoutMs ?? 30_000,
    lateTimeoutMs: config.replay?.lateTimeoutMs ?? 10_000,
    laneStore: flags.laneStore ?? config.replay?.laneStore ?? 'auto',
    stateNodes: flags.stateNodes ?? config.stateNodes ?? ['embedded'],
    replicas: kindValues(flags.replicas ?? config.replicas ?? 1, 1),
    consistency: config.consistency ?? 'quorum',
    ignore: config.ignore ?? [],
    unordered: config.unordered ?? [],
  };
}

/** How the service is started: with the flags' port and path of readiness, else the configuration's. Variables in front of the command are its environment. */
export function serviceOf(config: ForeshardConfig, command: CommandSetting | undefined, flags: Pick<SettingFlags, 'port' | 'ready'> = {}): ServiceSpec {
  const given = command ?? config.service?.command;
  if (given === undefined) {
    throw new ForeshardError('usage', 'no command to start the service', { hint: 'give it after --, for example: foreshard record -- node server.js' });
  }
  const service = config.service ?? {};
  const servicePort = flags.port ?? service.port;
  const readyPath = flags.ready ?? service.ready;
  const { words, variables } = withoutVariables(splitCommand(given));
  return {
    command: words, env: { ...service.env, ...variables }, readyTimeoutMs: service.readyTimeoutMs ?? 30_000,
    ...(servicePort === undefined ? {} : { port: servicePort }),
    ...(readyPath === undefined ? {} : { readyPath }),
  };
}

/** A shell takes `NAME=value` in front of a command for its environment; so do we. */
function withoutVariables(command: readonly string[]): { readonly words: string[]; readonly variables: Record<string, string> } {
  const variables: Record<string, string> = {};
  const first = command.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  if (first < 0) throw new ForeshardError('usage', `no program to start in ${JSON.stringify(command.join(' '))}`, { hint: 'give one after the variables, for example NODE_ENV=test node server.js' });
  for (const word of command.slice(0, first)) variables[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
  return { words: command.slice(first), variables };
}

/** The Redis servers of the configuration or the flags; without either the one a service would find by default. */
export async function redisOf(config: ForeshardConfig, flag: string | undefined, environment: NodeJS.ProcessEnv): Promise<RedisSpec[]> {
  const setting = flag ?? config.redis;
  if (setting === undefined) return [await defaultRedis(environment)];
  const list = typeof setting === 'string' ? [{ upstream: setting }] : setting;
  const specs = list.map((redis, index) => {
    const { upstream } = redis;
    const address = 'address' in redis && redis.address !== undefined ? redis.address : addressOf(upstream, environment);
    const name = 'name' in redis && redis.name !== undefined ? redis.name : index === 0 ? defaultRedisServer : `redis${index + 1}`;
    return { name, upstream, address };
  });
  requireDistinct(specs.map(({ name }) => name), 'redis');
  return specs;
}

/** State keys and recorded calls are told apart by these names. */
function requireDistinct(names: readonly string[], what: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ForeshardError('config_invalid', `${what}: the name ${twice} is given twice`, { hint: 'give each its own name' });
}

/** The HTTP dependencies of the configuration and of `name=url` flags. */
export function httpOf(config: ForeshardConfig, flags: readonly string[] = []): HttpSpec[] {
  const fromFlags = flags.map((flag) => {
    const match = /^([A-Za-z][\w-]*)=(https?:\/\/.+)$/.exec(flag);
    if (match === null || !URL.canParse(match[2] as string)) throw new ForeshardError('usage', `--http ${flag} is not name=url`, { hint: 'for example --http catalogue=http://127.0.0.1:9000' });
    return { name: match[1] as string, upstream: match[2] as string };
  });
  const all = [...(config.http ?? []), ...fromFlags];
  requireDistinct(all.map(({ name }) => name), 'http');
  return all.map(({ name, upstream, ...rest }) => ({
    name, upstream, address: 'address' in rest && rest.address !== undefined ? rest.address : hostAndPort(new URL(upstream)),
  }));
}

/** host and port of an upstream with its credentials. @throws ForeshardError `config_invalid` */
export function redisEndpoint(upstream: string): { host: string; port: number; username?: string; password?: string; tls?: boolean } {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol)) {
    throw new ForeshardError('config_invalid', `${upstream} is not the address of a Redis server`, { hint: "write 'embedded', or redis://[user:password@]host:port" });
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(url.port || 6379),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: true } : {}),
  };
}

function addressOf(upstream: string, environment: NodeJS.ProcessEnv): string {
  if (upstream === 'embedded') return environmentRedis(environment) ?? defaultRedisAddress;
  const { host, port } = redisEndpoint(upstream);
  return `${host}:${port}`;
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port}`;
}

function environmentRedis(environment: NodeJS.ProcessEnv): string | undefined {
  const url = environment['REDIS_URL'];
  if (url !== undefined && /^rediss?:\/\//.test(url)) return addressOf(url, {});
  const host = environment['REDIS_HOST'];
  return host === undefined ? undefined : `${host}:${environment['REDIS_PORT'] ?? 6379}`;
}

/** The Redis a service would use by itself: REDIS_URL or REDIS_HOST, else 127.0.0.1:6379; the embedded one where nothing answers there. */
async function defaultRedis(environment: NodeJS.ProcessEnv): Promise<RedisSpec> {
  const fromEnvironment = environment['REDIS_URL'];
  const address = environmentRedis(environment) ?? defaultRedisAddress;
  const upstream = fromEnvironment !== undefined && /^rediss?:\/\//.test(fromEnvironment) ? fromEnvironment : `redis://${address}`;
  const { host, port } = redisEndpoint(upstream);
  return { name: defaultRedisServer, upstream: (await answers(host, port)) ? upstream : 'embedded', address };
}

async function answers(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (result: boolean): void => {
      socket.destroy();
      done(result);
    };
    socket.setTimeout(500, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
