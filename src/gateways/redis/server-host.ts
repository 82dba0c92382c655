import { Keyspace } from '../../keyspace/keyspace.ts';
import type { Reply } from '../../keyspace/reply.ts';
import { newSession } from '../../keyspace/session.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { ServerState } from './connection-state.ts';
import type { KeyspaceServerOptions, KeyspaceTarget } from './keyspace-target.ts';
import type { ServerConnection } from './server-connection.ts';

/** What the connections of one server share: its settings, its counters and who has a session of which lane. */
export class ServerHost implements ServerState {
  readonly password: string | undefined;
  readonly redisVersion: string;
  readonly #route: (tag: string | null) => KeyspaceTarget | undefined;
  readonly #connections = new Set<ServerConnection>();
  readonly #byTag = new Map<string | null, Set<ServerConnection>>();
  readonly #idle = new Keyspace({ now: Date.now, random: Math.random, after: () => () => {} });
  /** Commands received, or begun, whose reply is not on its way yet. */
  pending = 0;
  /** Commands that ran and wait for a key. */
  blocked = 0;
  /** Commands received and connections made. */
  activity = 0;

  constructor(options: KeyspaceServerOptions) {
    this.password = options.password;
    this.redisVersion = options.redisVersion ?? '7.0.15';
    this.#route = options.route;
  }

  get databaseCount(): number {
    return this.#idle.databaseCount;
  }

  connections(): ReadonlySet<ServerConnection> {
    return this.#connections;
  }

  /** Connections that have a session of this lane. */
  connectionsOf(tag: string | null): Iterable<ServerConnection> {
    return this.#byTag.get(tag) ?? [];
  }

  route(tag: string | null): KeyspaceTarget | undefined {
    return this.#route(tag);
  }

  answerIdle(args: readonly ByteString[]): Reply {
    let answer: Reply = null;
    const session = newSession(() => {});
    this.#idle.execute(session, args, (reply) => {
      answer = reply;
    });
    this.#idle.end(session);
    return answer;
  }

  opened(connection: ServerConnection): void {
    this.#connections.add(connection);
    this.activity++; // whoever connects is about to ask
  }

  closed(connection: ServerConnection): void {
    this.#connections.delete(connection);
  }

  laneOpened(tag: string | null, connection: ServerConnection): void {
    let connections = this.#byTag.get(tag);
    if (connections === undefined) this.#byTag.set(tag, connections = new Set());
    connections.add(connection);
  }

  laneClosed(tag: string | null, connection: ServerConnection): void {
    const connections = this.#byTag.get(tag);
    connections?.delete(connection);
    if (connections?.size === 0) this.#byTag.delete(tag);
  }
}
