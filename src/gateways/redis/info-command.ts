import type { ByteString } from '../../lib/bytes.ts';
import { VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { forKeyspace, type ConnectionState } from './connection-state.ts';

/**
 * INFO. While a connection is being set up, libraries ask it to learn whether the server is ready; that must not count as the case's own
 * look at the list of all keys. Later, or where the databases are asked for by name, it is the keyspace's to answer.
 */
export function info(connection: ConnectionState, sections: readonly ByteString[]): Reply | typeof forKeyspace {
  const target = connection.target();
  if (target !== undefined && (connection.isLaneOpen || sections.length > 0)) return forKeyspace;
  const reply = connection.server.answerIdle(['INFO', ...sections]);
  if (!(reply instanceof VerbatimReply) || target === undefined) return reply;
  // The databases come last.
  return new VerbatimReply(reply.text + databaseLines(target.keyspace).join(''));
}

function databaseLines(keyspace: NonNullable<ReturnType<ConnectionState['target']>>['keyspace']): string[] {
  return [...keyspace.databases()].sort((a, b) => a.index - b.index).flatMap((database) => {
    const keys = database.liveKeys();
    const expires = keys.filter((key) => typeof database.peek(key)?.expiresAtMs === 'number').length;
    return keys.length === 0 ? [] : [`db${database.index}:keys=${keys.length},expires=${expires},avg_ttl=0\r\n`];
  });
}
