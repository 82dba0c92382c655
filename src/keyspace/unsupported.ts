import { CommandError } from './reply.ts';

const lua = "scripts and functions run only in a real server: laneStore: 'redis'";
const dump = 'its payloads belong to one server release';
const cluster = 'the overlay is one server, not a cluster';
const replication = 'the overlay has no replicas';
const disk = 'the overlay is never saved to disk';
const module = 'modules run only in a real server: laneStore: \'redis\'';
const geo = "geographic commands run only in a real server: laneStore: 'redis'";
const others = 'it would act on other clients than the test\'s own';
const invalidation = 'client-side caching needs the real server\'s invalidation messages';

/** Why a command of Redis 7.0 would be refused where the registry has none of that name: in lower case, a subcommand as `container|subcommand`. */
export const refusalReasons: ReadonlyMap<string, string> = new Map([
  ...['eval', 'eval_ro', 'evalsha', 'evalsha_ro', 'script', 'fcall', 'fcall_ro', 'function'].map((name) => [name, lua] as const),
  ...['dump', 'restore', 'restore-asking', 'migrate'].map((name) => [name, dump] as const),
  ...['cluster', 'asking', 'ssubscribe', 'sunsubscribe', 'spublish', 'pubsub|shardchannels', 'pubsub|shardnumsub'].map((name) => [name, cluster] as const),
  ...['replicaof', 'slaveof', 'sync', 'psync', 'replconf', 'failover'].map((name) => [name, replication] as const),
  ...['save', 'bgsave', 'bgrewriteaof', 'config|rewrite'].map((name) => [name, disk] as const),
  ...['geoadd', 'geodist', 'geohash', 'geopos', 'georadius', 'georadius_ro', 'georadiusbymember', 'georadiusbymember_ro', 'geosearch', 'geosearchstore']
    .map((name) => [name, geo] as const),
  ...['module|load', 'module|loadex', 'module|unload'].map((name) => [name, module] as const),
  ...['client|tracking', 'client|caching'].map((name) => [name, invalidation] as const),
  ...['client|kill', 'client|pause', 'client|unpause'].map((name) => [name, others] as const),
  ['monitor', 'it would show commands of other tests'],
  ['shutdown', 'the overlay ends with its test'],
  ['debug', 'it reaches into a server the overlay does not have'],
  ['acl', 'the overlay has no users'],
  ['lolwut', 'it is decoration'],
  ['latency|graph', 'it reaches into a server the overlay does not have'],
  ['latency|doctor', 'it reaches into a server the overlay does not have'],
  ['memory|doctor', 'it reaches into a server the overlay does not have'],
  ['memory|malloc-stats', 'it reaches into a server the overlay does not have'],
  ['memory|stats', 'it reaches into a server the overlay does not have'],
  ['pfadd', 'HyperLogLog runs only in a real server: laneStore: \'redis\''],
  ['pfcount', 'HyperLogLog runs only in a real server: laneStore: \'redis\''],
  ['pfmerge', 'HyperLogLog runs only in a real server: laneStore: \'redis\''],
  ['pfdebug', 'it reaches into a server the overlay does not have'],
  ['pfselftest', 'it reaches into a server the overlay does not have'],
  ['command|getkeysandflags', 'only COMMAND GETKEYS is known'],
]);

/**
 * Asked by clients on every connection, to learn whether the server has it: Redis 7.0 does not know it and they live without. So it is
 * unknown here as well, and nothing is missing.
 */
export const unknownOnPurpose: ReadonlySet<string> = new Set(['client|maint_notifications']);

/** Thrown for a command this keyspace does not have. Whoever runs it is told through `onUnsupported`: the answer is not the store's. */
export class UnsupportedCommand extends CommandError {
  /** Upper case, with the subcommand where that is what is missing. */
  readonly command: string;
  constructor(command: string, message: string) {
    super(message);
    this.command = command;
  }
}

/** The refusal of a command by name. */
export function refusal(command: string, reason: string): UnsupportedCommand {
  return new UnsupportedCommand(command, `ERR foreshard: ${command} is not served by the overlay (${reason})`);
}
