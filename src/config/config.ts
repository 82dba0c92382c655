import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { ForeshardError } from '../model/errors.ts';
import type { ByKind } from '../model/kind-values.ts';

/** A command as argv, or as one line split the way a shell splits words (quotes kept together, nothing expanded). */
export type CommandSetting = string | readonly string[];

/** What `foreshard.config.ts` exports: every field is optional, flags win over it. */
export interface ForeshardConfig {
  /** The service under test. */
  readonly service?: {
    readonly command?: CommandSetting;
    /** Port the service has in its code or settings; found out by itself where the preload is in. */
    readonly port?: number;
    /** Path polled until it answers below 500; without it an open port is enough. */
    readonly ready?: string;
    readonly readyTimeoutMs?: number;
    /** Added to the environment. `{redis.url}`, `{http.NAME.url}`, `{port}` and the like are filled in for each lane. */
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  };
  /** Redis servers the service uses: `'embedded'`, a URL, or a list. */
  readonly redis?: string | readonly RedisSetting[];
  /** HTTP dependencies of the service. */
  readonly http?: readonly HttpSetting[];
  readonly record?: {
    /** Folder of the recording. */
    readonly folder?: string;
    /** Where traffic is taken; 0: any free port. Default: the service's own port. */
    readonly port?: number;
    readonly host?: string;
    /** `auto`: all keys of a small server, first touch on a large one. */
    readonly snapshot?: 'auto' | 'touch' | 'full';
    readonly instances?: number;
    readonly concurrency?: number;
  };
  readonly replay?: {
    readonly instances?: number;
    /** Cases in flight in one instance where the preload is in. */
    readonly concurrency?: number;
    readonly requestTimeoutMs?: number;
    /** How long a case may go on after its response. */
    readonly lateTimeoutMs?: number;
    /** Where a case's Redis commands run: our overlay, a real redis-server per lane, or that only where the recording needs it. */
    readonly laneStore?: 'auto' | 'overlay' | 'redis';
  };
  readonly predict?: {
    /** What requests touch, for logs that say nothing of state: `{ route: 'GET /carts/:id', key: 'redis:0/cart:{id}', access: 'read' }`. Left out: learnt from the recording. */
    readonly rules?: readonly KeyRuleSetting[];
    /** A Prometheus server and PromQL by metric (`cpu`, `memory`): use of resources as shares from 0 to 1 or percentages. */
    readonly prometheus?: { readonly url: string; readonly queries: Readonly<Record<string, string>> };
  };
  /**
   * State nodes: of a replay, where they hold the recorded state while cases run (default: one embedded), and of `foreshard cluster`. Addresses are `embedded`, `redis://…`, `memcached://…` or
   * `foreshard://…`; what else matters stands behind them (`redis://10.0.0.1:6379,zone=a,capacity=2,id=x`), or in an object.
   */
  readonly stateNodes?: readonly (string | StateNodeSetting)[];
  /** Copies of each element over the state nodes: 1 when left out. By kind of state in a replay: `{ default: 2, redis: 3, 'http:catalogue': 1 }`. */
  readonly replicas?: ByKind<number>;
  /**
   * What reads and writes of a cluster give up: `quorum` (when left out) reads the newest acknowledged value whatever fails, `one` answers from any copy and lets the others follow,
   * `all` bears no loss when writing. By kind of state as `replicas`.
   */
  readonly consistency?: ByKind<'quorum' | 'one' | 'all'>;
  /** `auto` uses the preload in Node.js services; `off` never. */
  readonly preload?: 'auto' | 'off';
  readonly isolation?: 'auto' | 'none' | 'namespace';
  /** `request`: time and randomness follow each request; `real`: they are left alone. */
  readonly determinism?: 'request' | 'real';
  readonly redact?: {
    readonly headers?: readonly string[];
    readonly jsonPaths?: readonly string[];
    readonly patterns?: readonly { readonly pattern: string; readonly replace?: string }[];
    readonly keys?: readonly string[];
  };
  /** RFC 9535 JSONPaths that are not compared. */
  readonly ignore?: readonly string[];
  /** RFC 9535 JSONPaths of arrays whose order does not matter. */
  readonly unordered?: readonly string[];
}

/** One state node. */
export interface StateNodeSetting {
  /** `embedded`, `redis://[user:password@]host:port[/database]`, `rediss://…`, `memcached://host:port` or `foreshard://host:port`. */
  readonly address: string;
  /** What maps and messages call it; `node-1`, `node-2`, … when left out. */
  readonly id?: string;
  /** Failure domain: copies go to different ones. Its own when left out. */
  readonly zone?: string;
  /** What it can take beside an ordinary one: 2 is twice as much. 1 when left out. */
  readonly capacity?: number;
}

/** What a route does to elements. */
export interface KeyRuleSetting {
  /** `METHOD /template`; ids of the path as `:id` or by names of their own. */
  readonly route: string;
  /** A state key with parameters in braces: `{id}`, `{1}`, `{name}` of the template, `{query.user}`, `{actor}`; a brace of the key itself is doubled. */
  readonly key: string;
  readonly access: 'read' | 'write';
  /** Share of the route's requests that do it; 1 when left out. */
  readonly share?: number;
}

/** One Redis server of the service. */
export interface RedisSetting {
  /** Name in state keys; needed from the second server on. */
  readonly name?: string;
  /** `embedded`, or `redis://[user:password@]host:port`. */
  readonly upstream: string;
  /** host:port the service uses; default: that of the upstream. */
  readonly address?: string;
}

/** One HTTP dependency of the service. */
export interface HttpSetting {
  readonly name: string;
  /** Base URL of the real one. */
  readonly upstream: string;
  /** host:port the service uses; default: that of the upstream. */
  readonly address?: string;
}

/** Types and checks a configuration: `export default defineConfig({ … })`. */
export function defineConfig(config: ForeshardConfig): ForeshardConfig {
  return config;
}

/** Default number of instances: one a core, since more only fight for them. */
export const defaultInstances: number = Math.max(1, cpus().length);

const configNames = ['foreshard.config.ts', 'foreshard.config.mts', 'foreshard.config.js', 'foreshard.config.mjs', 'foreshard.config.json'];

/** The configuration of a folder, or of a named file, checked; an empty one where there is none. */
export async function loadConfig(folder: string, file?: string): Promise<{ readonly config: ForeshardConfig; readonly folder: string }> {
  const path = file === undefined ? configNames.map((name) => resolve(folder, name)).find((name) => existsSync(name)) : resolve(folder, file);
  if (path === undefined) return { config: {}, folder };
  if (!existsSync(path)) throw new ForeshardError('config_not_found', `there is no ${path}`, { hint: 'check --config' });
  const loaded = await importConfig(path);
  return { config: await checkConfig(loaded, path), folder: dirname(path) };
}

async function importConfig(path: string): Promise<unknown> {
  try {
    const { createJiti } = await import('jiti');
    return await createJiti(import.meta.url, { interopDefault: true }).import(path, { default: true });
  } catch (error) {
    throw new ForeshardError('config_invalid', `${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Checks a configuration and names every wrong field by its path. */
export async function checkConfig(config: unknown, origin: string): Promise<ForeshardConfig> {
  const { configProblems } = await import('./config-schema.ts');
  const problems = configProblems(config);
  if (problems !== undefined) {
    throw new ForeshardError('config_invalid', `${origin} is not a valid configuration:\n${problems}`, { hint: 'defineConfig from foreshard gives the types' });
  }
  return config as ForeshardConfig;
}

/** argv of a command setting. */
export function splitCommand(command: CommandSetting): string[] {
  if (typeof command !== 'string') return [...command];
  const words: string[] = [];
  for (const match of command.matchAll(/(?:[^\s"']+|"(?:\\.|[^"\\])*"|'[^']*')+/g)) {
    words.push(match[0].replace(/"((?:\\.|[^"\\])*)"|'([^']*)'/g, (_, double: string | undefined, single: string | undefined) =>
      double === undefined ? (single ?? '') : double.replace(/\\(.)/g, '$1')));
  }
  if (words.length === 0) throw new ForeshardError('usage', 'the command is empty', { hint: "give one, for example --candidate 'node server.js'" });
  return words;
}
