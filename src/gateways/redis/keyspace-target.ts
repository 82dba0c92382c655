import type { Keyspace } from '../../keyspace/keyspace.ts';
import type { ByteString } from '../../lib/bytes.ts';

/** What the server asks of a keyspace. */
export type ServedKeyspace = Pick<Keyspace, 'execute' | 'end' | 'unblock' | 'database' | 'databases' | 'databaseCount'>;

/** Whose keyspace a command runs in. `name` is in upper case, `args` are those after it. */
export interface KeyspaceTarget {
  readonly keyspace: ServedKeyspace;
  /**
   * Makes sure the base holds these keys before the command runs; undefined when it does already. May be called for several
   * commands ahead of their turn. Left out: the keyspace needs nothing from outside.
   */
  ensure?(database: number, keys: readonly ByteString[] | 'all', name: string): Promise<void> | undefined;
  /** What time it is in the request, Unix ms, where a command says so: its clock has moved. */
  onClock?(unixMs: number): void;
  /** Each command for the keyspace is told, before it runs. */
  onCommand?(name: string, args: readonly ByteString[]): void;
}

/** Settings of a {@link KeyspaceServer}. */
export interface KeyspaceServerOptions {
  /** The target of a command by its tag (`FS.L <tag> command…`), null without. Undefined: it is answered an error. */
  readonly route: (tag: string | null) => KeyspaceTarget | undefined;
  /** What AUTH must say. Left out: AUTH is accepted whatever it says, for the service was configured for another server. */
  readonly password?: string;
  /** Release that HELLO and INFO claim. */
  readonly redisVersion?: string;
}
