import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { globMatcher } from '../glob.ts';
import { CommandError, MapReply, OK, VerbatimReply, type Reply } from '../reply.ts';
import { arityError } from './arguments.ts';
import { containerCommand } from './container.ts';
import { infoText } from './server-info.ts';

/** Settings that clients ask for, as a Redis 7.0 of default settings has them. */
const defaultSettings: Readonly<Record<string, string>> = {
  'appendfsync': 'everysec', 'appendonly': 'no', 'bind': '127.0.0.1 -::1', 'client-query-buffer-limit': '1073741824', 'cluster-enabled': 'no',
  'databases': '16', 'dbfilename': 'dump.rdb', 'hash-max-listpack-entries': '512', 'hash-max-listpack-value': '64', 'hash-max-ziplist-entries': '512',
  'hash-max-ziplist-value': '64', 'hz': '10', 'io-threads': '1', 'latency-monitor-threshold': '0', 'lazyfree-lazy-user-del': 'no', 'lfu-decay-time': '1',
  'lfu-log-factor': '10', 'list-compress-depth': '0', 'list-max-listpack-size': '-2', 'list-max-ziplist-size': '-2', 'loglevel': 'notice', 'maxclients': '10000',
  'maxmemory': '0', 'maxmemory-clients': '0', 'maxmemory-eviction-tenacity': '10', 'maxmemory-policy': 'noeviction', 'maxmemory-samples': '5', 'notify-keyspace-events': '', 'port': '6379', 'proto-max-bulk-len': '536870912',
  'requirepass': '', 'save': '', 'set-max-intset-entries': '512', 'slowlog-log-slower-than': '10000', 'slowlog-max-len': '128', 'stream-node-max-bytes': '4096',
  'stream-node-max-entries': '100', 'tcp-backlog': '511', 'tcp-keepalive': '300', 'timeout': '0', 'zset-max-listpack-entries': '128',
  'zset-max-listpack-value': '64', 'zset-max-ziplist-entries': '128', 'zset-max-ziplist-value': '64',
};

/** What CONFIG SET has changed: remembered, so that a client reads back what it has set, and otherwise without effect. */
const changedSettings = new WeakMap<CommandContext['keyspace'], Map<string, ByteString>>();

function settingsOf({ keyspace }: CommandContext): ReadonlyMap<string, ByteString> {
  return new Map([
    ...Object.entries({ ...defaultSettings, databases: String(keyspace.databaseCount) }),
    ...(changedSettings.get(keyspace) ?? []),
  ]);
}

function configGet(context: CommandContext, patterns: readonly ByteString[]): Reply {
  const matchers = patterns.map((pattern) => globMatcher(pattern.toLowerCase()));
  const found = [...settingsOf(context)].filter(([name]) => matchers.some((matches) => matches(name)));
  return new MapReply(found.flat());
}

function configSet(context: CommandContext, args: readonly ByteString[]): Reply {
  if (args.length % 2 !== 0) throw arityError('config|set');
  const known = settingsOf(context);
  const names = args.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${unknown}'`);
  const changed = changedSettings.get(context.keyspace) ?? new Map<string, ByteString>();
  for (const [index, name] of names.entries()) changed.set(name, args[index * 2 + 1] ?? '');
  changedSettings.set(context.keyspace, changed);
  return OK;
}

function time({ now }: CommandContext): Reply {
  const ms = Math.trunc(now);
  return [String(Math.floor(ms / 1000)), String((ms % 1000) * 1000)];
}

function noCluster(): Reply {
  throw new CommandError('ERR This instance has cluster support disabled');
}

const admin = ['admin', 'noscript', 'loading', 'stale'] as const;
const fast = ['loading', 'stale', 'fast'] as const;
const noKeys = [0, 0, 0] as const;

/** What a server says about itself: INFO, CONFIG, TIME … COMMAND is with the registry. */
export const serverCommands: readonly CommandSpec[] = [
  { name: 'info', arity: -1, flags: ['loading', 'stale'], keys: noKeys, run: (context, names) => new VerbatimReply(infoText(context, names)) },
  { name: 'time', arity: 1, flags: fast, keys: noKeys, run: time },
  { name: 'lastsave', arity: 1, flags: fast, keys: noKeys, run: ({ now }) => Math.floor(now / 1000) },
  { name: 'role', arity: 1, flags: ['noscript', 'loading', 'stale', 'fast'], keys: noKeys, run: () => ['master', 0, []] },
  { name: 'readonly', arity: 1, flags: fast, keys: noKeys, run: noCluster },
  { name: 'readwrite', arity: 1, flags: fast, keys: noKeys, run: noCluster },
  containerCommand({
    name: 'config', flags: admin,
    subcommands: [
      { name: 'get', arity: -3, run: configGet },
      { name: 'set', arity: -4, run: configSet },
      { name: 'resetstat', arity: 2, run: () => OK },
    ],
  }),
  containerCommand({
    name: 'slowlog', flags: admin,
    subcommands: [
      { name: 'get', arity: -2, run: () => [] },
      { name: 'len', arity: 2, run: () => 0 },
      { name: 'reset', arity: 2, run: () => OK },
    ],
  }),
  containerCommand({
    name: 'latency', flags: admin,
    subcommands: [
      { name: 'latest', arity: 2, run: () => [] },
      { name: 'history', arity: 3, run: () => [] },
      { name: 'reset', arity: -2, run: () => 0 },
      { name: 'histogram', arity: -2, run: () => new MapReply([]) },
    ],
  }),
  containerCommand({ name: 'module', flags: admin, subcommands: [{ name: 'list', arity: 2, run: () => [] }] }),
];
