import type { ByteString } from '../lib/bytes.ts';
import type { OutcomeHint } from '../model/recording.ts';
import type { AccessObserver, BaseState, Database } from './database.ts';
import type { Reply } from './reply.ts';
import type { Session } from './session.ts';

/** What a keyspace needs from outside: it has no clock, randomness or timers of its own. */
export interface KeyspaceOptions {
  /** Unix milliseconds: the case's clock. */
  readonly now: () => number;
  /** In [0, 1): SPOP, SRANDMEMBER, RANDOMKEY … */
  readonly random: () => number;
  /** Runs `action` after `ms`; returns what cancels it. Needed for blocking commands with a timeout. */
  readonly after: (ms: number, action: () => void) => () => void;
  readonly base?: BaseState;
  readonly observer?: AccessObserver;
  /** Recorded outcomes of undetermined commands, to be given again where the state allows it. */
  readonly hints?: readonly OutcomeHint[];
  /** Gives a message to those who listen outside this keyspace, and returns how many they are. */
  readonly publishOutside?: (channel: ByteString, message: ByteString) => number;
  /** How many numbered databases there are; 16 when left out. */
  readonly databases?: number;
  /**
   * Told of every command that is answered with an error only because this keyspace does not have it: refused by name, unknown, or
   * failed inside. `name` is in upper case, with its subcommand where that is what is missing (`CLIENT TRACKING`).
   */
  readonly onUnsupported?: (name: string, args: readonly ByteString[]) => void;
}

/** Who listens to which channel and pattern. */
export interface Subscriptions {
  /** Returns how many channels and patterns the session has afterwards. */
  subscribe(session: Session, kind: SubscriptionKind, name: ByteString): number;
  unsubscribe(session: Session, kind: SubscriptionKind, name: ByteString): number;
  unsubscribeAll(session: Session): void;
  /** Returns how many sessions got the message. */
  publish(channel: ByteString, message: ByteString): number;
  /** Channels with at least one subscriber. */
  channels(): Iterable<ByteString>;
  subscriberCount(channel: ByteString): number;
  /** Distinct patterns subscribed to. */
  patternCount(): number;
}

/** A subscription to one channel, or to all that match a pattern. */
export type SubscriptionKind = 'channel' | 'pattern';

/** The keyspace as its commands see it. */
export interface KeyspaceHost {
  readonly options: KeyspaceOptions;
  readonly databaseCount: number;
  readonly subscriptions: Subscriptions;
  /** Commands now waiting for a key. */
  readonly blockedCount: number;
  /** The numbered database, made on first use. */
  database(index: number): Database;
  /** Databases used so far. */
  databases(): Iterable<Database>;
  /** The sessions seen and not ended, in order of their first command. */
  sessions(): Iterable<Session>;
  /** A number for the session that no other one of this keyspace ever has. */
  sessionId(session: Session): number;
  /** Watches a key of the session's database. */
  watch(session: Session, key: ByteString): void;
  unwatch(session: Session): void;
  /** Runs what the session has queued, or says why not. */
  execTransaction(session: Session): Reply;
  /** Ends the wait of a blocked session, with its timeout's answer or an error; false when it does not wait. */
  unblock(session: Session, how: 'timeout' | 'error'): boolean;
}
