import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { KeyspaceTarget } from './keyspace-target.ts';

/** A connection as the commands that concern it see it. */
export interface ConnectionState {
  readonly id: number;
  /** host:port of both ends. */
  readonly remote: string;
  readonly local: string;
  protocol: 2 | 3;
  database: number;
  name: ByteString;
  libraryName: ByteString;
  libraryVersion: ByteString;
  authenticated: boolean;
  /** `skip`: the next command gets no reply. */
  replies: 'on' | 'off' | 'skip';
  /** Upper-case name of the last command. */
  lastCommand: string;
  readonly server: ServerState;
  /** Whether the lane of the command now being answered has run a command on this connection before. */
  readonly isLaneOpen: boolean;
  /** The target of the command now being answered. */
  target(): KeyspaceTarget | undefined;
  /** Back to how a new connection is. */
  reset(): void;
  /** Wakes what waits on this connection; false when nothing does. */
  unblock(how: 'timeout' | 'error'): boolean;
}

/** The server as those commands see it. */
export interface ServerState {
  readonly password: string | undefined;
  readonly redisVersion: string;
  readonly databaseCount: number;
  connections(): Iterable<ConnectionState>;
  /** Runs a command in a keyspace that is always empty: what does not depend on any case. */
  answerIdle(args: readonly ByteString[]): Reply;
}

/** What a connection command gives where the lane's keyspace must answer after all. */
export const forKeyspace: unique symbol = Symbol('for the keyspace');

/** What a connection command gives where there is no reply at all (CLIENT REPLY OFF). */
export const noReply: unique symbol = Symbol('no reply');

/** Arguments are those after the name. */
export type ConnectionCommand = (connection: ConnectionState, args: readonly ByteString[]) => Reply | typeof forKeyspace | typeof noReply;

/** The answer to a wrong number of arguments; `name` in lower case. */
export function wrongArity(name: string): ErrorReply {
  return new ErrorReply(`ERR wrong number of arguments for '${name}' command`);
}

/** Whether Redis takes this for a connection's name: printable, no spaces. */
export function isClientName(name: ByteString): boolean {
  return /^[!-~]*$/.test(name);
}
