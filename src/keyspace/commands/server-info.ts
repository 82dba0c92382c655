import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext } from '../command.ts';

/** The release this keyspace behaves as; clients choose commands by it. */
export const serverVersion = '7.0.15';

type Fields = readonly (readonly [string, string | number])[];

/** Sections of INFO that say what clients ask for. Figures of a server that the keyspace has not are zero. */
const sections: ReadonlyMap<string, (context: CommandContext) => Fields> = new Map<string, (context: CommandContext) => Fields>([
  ['Server', () => [
    ['redis_version', serverVersion], ['redis_git_sha1', '00000000'], ['redis_git_dirty', 0], ['redis_mode', 'standalone'], ['os', 'foreshard overlay'],
    ['arch_bits', 64], ['process_id', 1], ['run_id', '0'.repeat(40)], ['tcp_port', 6379], ['uptime_in_seconds', 1], ['uptime_in_days', 0], ['hz', 10],
    ['executable', 'foreshard'], ['config_file', ''],
  ]],
  ['Clients', ({ keyspace }) => [['connected_clients', [...keyspace.sessions()].length], ['maxclients', 10000], ['blocked_clients', keyspace.blockedCount], ['tracking_clients', 0]]],
  ['Memory', () => [['used_memory', 1048576], ['used_memory_human', '1.00M'], ['used_memory_peak', 1048576], ['used_memory_peak_human', '1.00M'],
    ['maxmemory', 0], ['maxmemory_human', '0B'], ['maxmemory_policy', 'noeviction'], ['mem_fragmentation_ratio', '1.00'], ['mem_allocator', 'v8']]],
  ['Persistence', () => [['loading', 0], ['async_loading', 0], ['rdb_changes_since_last_save', 0], ['rdb_bgsave_in_progress', 0], ['rdb_last_bgsave_status', 'ok'], ['aof_enabled', 0]]],
  ['Stats', () => [['total_connections_received', 1], ['total_commands_processed', 0], ['instantaneous_ops_per_sec', 0], ['expired_keys', 0], ['evicted_keys', 0],
    ['keyspace_hits', 0], ['keyspace_misses', 0], ['pubsub_channels', 0], ['pubsub_patterns', 0]]],
  ['Replication', () => [['role', 'master'], ['connected_slaves', 0], ['master_failover_state', 'no-failover'], ['master_replid', '0'.repeat(40)], ['master_repl_offset', 0]]],
  ['CPU', () => [['used_cpu_sys', '0.000000'], ['used_cpu_user', '0.000000']]],
  ['Modules', () => []],
  ['Errorstats', () => []],
  ['Cluster', () => [['cluster_enabled', 0]]],
  ['Keyspace', keyspaceFields],
]);

/** One line for each database that has keys. */
function keyspaceFields({ keyspace, now }: CommandContext): Fields {
  const fields: (readonly [string, string])[] = [];
  for (let index = 0; index < keyspace.databaseCount; index++) {
    const db = keyspace.database(index);
    const expiries = db.liveKeys().map((key) => db.peek(key)?.expiresAtMs ?? null);
    const volatile = expiries.filter((at) => at !== null);
    const averageTtl = volatile.length === 0 ? 0 : Math.round(volatile.reduce((sum, at) => sum + at - now, 0) / volatile.length);
    if (expiries.length > 0) fields.push([`db${index}`, `keys=${expiries.length},expires=${volatile.length},avg_ttl=${averageTtl}`]);
  }
  return fields;
}

/** The text of INFO: all sections, or those named (without regard to case; `all`, `default` and `everything` mean all). */
export function infoText(context: CommandContext, names: readonly ByteString[]): ByteString {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const isAll = wanted.size === 0 || ['all', 'default', 'everything'].some((name) => wanted.has(name));
  // Clients ask for all of INFO to see whether the server is ready; only who names the section wants to know of the keys.
  if (wanted.has('keyspace')) for (const db of context.keyspace.databases()) db.keys();
  const chosen = [...sections].filter(([title]) => isAll || wanted.has(title.toLowerCase()));
  return chosen.map(([title, fields]) => `# ${title}\r\n${fields(context).map(([name, value]) => `${name}:${value}\r\n`).join('')}`).join('\r\n');
}
