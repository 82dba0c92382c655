import type { CommandTable } from './command-table.ts';
import type { KeyDirectory } from './recording-keys.ts';
import type { RecordingLoader } from './recording-loader.ts';
import type { LockTable } from './recording-locks.ts';
import type { ScriptWatch } from './recording-scripts.ts';
import type { RecordingSettler } from './recording-settler.ts';
import type { RedisRecordingSink } from './recording-sink.ts';
import type { SubscriptionTracker } from './recording-subscriptions.ts';
import type { TraitsTable } from './recording-traits.ts';
import type { UnsettledCommands } from './recording-unsettled.ts';

/** Something that goes on when what it waited for has come. */
export interface Runnable {
  run(): void;
  destroy(): void;
}

/** What all connections of one gateway share. */
export interface RecordingContext {
  readonly sink: RedisRecordingSink;
  readonly table: CommandTable;
  readonly traits: TraitsTable;
  readonly directory: KeyDirectory;
  readonly locks: LockTable;
  readonly loader: RecordingLoader;
  readonly settler: RecordingSettler;
  readonly scripts: ScriptWatch;
  readonly unsettled: UnsettledCommands;
  readonly connections: Set<Runnable>;
  /** What the service's connections have subscribed to. */
  readonly subscriptions: Set<SubscriptionTracker>;
  /** Connections to be run before the turn ends. */
  readonly runnable: Set<Runnable>;
  /** Runs an action and then everything it set going. */
  turn(action: () => void): void;
}
