import type { ElementReader, ElementRead } from './element-reader.ts';
import type { RecordedCommand } from './recording-command.ts';
import type { DatabaseState, KeyDirectory, KeyState } from './recording-keys.ts';
import type { RecordingMirror } from './recording-mirror.ts';
import type { RedisRecordingSink } from './recording-sink.ts';
import type { ControlConnection } from './upstream-control.ts';

/** Keys read in one pipelined batch: bounds what is in memory twice. */
const batchSize = 256;
const scanCount = '1000';

/** The gateway's own way to the server; it may be opened anew after a loss. */
export interface LoaderUpstream {
  readonly control: ControlConnection;
  readonly reader: ElementReader;
}

/** Reads elements from the server into the mirror: at first touch, again where the mirror was wrong, or a whole database. */
export class RecordingLoader {
  readonly #upstream: () => LoaderUpstream | undefined;
  readonly #mirror: RecordingMirror;
  readonly #sink: RedisRecordingSink;
  readonly #directory: KeyDirectory;
  readonly #maxSnapshotKeys: number;
  /** Runs what a finished read sets going. */
  readonly #turn: (action: () => void) => void;
  readonly #failed: (error: Error) => void;
  readonly #wanted = new Map<DatabaseState, { readonly state: KeyState; readonly done: (read: ElementRead) => void }[]>();

  constructor(options: {
    /** undefined: it is lost; every client is being cut off. */
    readonly upstream: () => LoaderUpstream | undefined;
    readonly mirror: RecordingMirror;
    readonly sink: RedisRecordingSink;
    readonly directory: KeyDirectory;
    readonly maxSnapshotKeys: number;
    readonly turn: (action: () => void) => void;
    readonly failed: (error: Error) => void;
  }) {
    this.#upstream = options.upstream;
    this.#mirror = options.mirror;
    this.#sink = options.sink;
    this.#directory = options.directory;
    this.#maxSnapshotKeys = options.maxSnapshotKeys;
    this.#turn = options.turn;
    this.#failed = options.failed;
  }

  /** Makes sure that what a command touches is in the mirror; it is pumped when all has come. */
  prepare(command: RecordedCommand): void {
    for (const state of command.keys) {
      if (state.isLoaded) continue;
      if (state.revision === 0 && state.database.isComplete) {
        this.#mirror.installAbsent(state);
        if (!state.database.changedUnseen.delete(state.key)) continue;
        state.isLoaded = false; // it was absent, and somebody has touched it since
      }
      command.missingLoads++;
      state.loadWaiters.push(command);
      if (state.isLoading) continue;
      state.isLoading = true;
      this.read(state, (read) => this.#loaded(state, read));
    }
    if (!command.needsListing) return;
    for (const database of command.databases === 'all' ? this.#directory.databases() : command.databases) this.#completeFor(command, database);
  }

  /** Reads one key with the next batch. */
  read(state: KeyState, done: (read: ElementRead) => void): void {
    const queue = this.#wanted.get(state.database);
    if (queue === undefined) this.#wanted.set(state.database, [{ state, done }]);
    else queue.push({ state, done });
  }

  /**
   * Runs an action once everything has been read that the server had sent, on any connection, before this call. With two rounds, also
   * what it answers at once to commands that had reached it: it reads all that came in one round before it writes the answers.
   */
  barrier(action: () => void, rounds = 1): void {
    // What was sent before is readable by now, but another socket's turn may only be in this round of events.
    const upstream = this.#upstream();
    if (upstream === undefined) return void setImmediate(() => this.#turn(action));
    void this.#afterPings(upstream.control, action, rounds);
  }

  /** Sends the batches asked for since the last flush. */
  flush(): void {
    if (this.#wanted.size === 0) return;
    for (const [database, queue] of this.#wanted) {
      for (let at = 0; at < queue.length; at += batchSize) this.#send(database, queue.slice(at, at + batchSize));
    }
    this.#wanted.clear();
  }

  /** Lists a database and loads all of it. With too many keys it only says so. @throws upstream_unreachable */
  async snapshot(database: DatabaseState, maxKeys: number = this.#maxSnapshotKeys): Promise<void> {
    if (database.isComplete || database.isTooLarge) return;
    const { control, reader } = this.#upstream() ?? {};
    if (control === undefined || reader === undefined) return;
    const names = await listKeys(control, database, maxKeys);
    if (names === undefined) {
      database.isTooLarge = true;
      this.#sink.loss('snapshot_too_large', `${database.scope} has more than ${maxKeys} keys: commands on all its keys (KEYS, SCAN, FLUSHDB …) see only those touched one by one in replay`);
      return;
    }
    const missing = names.map((name) => database.key(name)).filter((state) => !state.isLoaded && !state.isLoading);
    for (let at = 0; at < missing.length; at += batchSize) {
      const batch = missing.slice(at, at + batchSize);
      const reads = await reader.read(database.index, batch.map(({ key, type }) => ({ key, type })));
      batch.forEach((state, index) => this.#install(state, reads[index] as ElementRead));
    }
    database.isComplete = true;
    this.#sink.complete(database.scope);
  }

  /** Forgets what was asked for, after the connection was lost. */
  reset(): void {
    this.#wanted.clear();
  }

  async #afterPings(control: ControlConnection, action: () => void, rounds: number): Promise<void> {
    try {
      for (let round = 0; round < rounds; round++) await control.one('PING');
    } catch (error) {
      this.#failed(error as Error);
    }
    setImmediate(() => this.#turn(action));
  }

  #completeFor(command: RecordedCommand, database: DatabaseState): void {
    if (database.isComplete || database.isTooLarge) return;
    command.missingLoads++;
    this.snapshot(database).then(
      () => this.#turn(() => this.#arrived(command)),
      (error: Error) => this.#failed(error),
    );
  }

  #send(database: DatabaseState, batch: readonly { readonly state: KeyState; readonly done: (read: ElementRead) => void }[]): void {
    for (const { state } of batch) state.isStale = false; // until somebody changes it while it is being read
    const requests = batch.map(({ state }) => ({ key: state.key, type: state.type }));
    const deliver = (reads: readonly ElementRead[]): void => batch.forEach((wanted, index) => wanted.done(reads[index] as ElementRead));
    this.#upstream()?.reader.read(database.index, requests).then((reads) => this.#turn(() => deliver(reads)), (error: Error) => this.#failed(error));
  }

  #loaded(state: KeyState, read: ElementRead): void {
    state.isLoading = false;
    this.#install(state, read);
    for (const command of state.loadWaiters.splice(0)) this.#arrived(command);
  }

  #install(state: KeyState, read: ElementRead): void {
    const hasExpired = read === null && state.expiresAtMs !== null && state.expiresAtMs <= this.#mirror.now();
    this.#mirror.install(state, read, state.revision === 0 ? 'initial' : hasExpired ? 'expired' : 'external', null);
  }

  #arrived(command: RecordedCommand): void {
    if (--command.missingLoads === 0) command.owner.pump();
  }
}

/** All keys of a database; undefined: too many, or the server does not list them. */
async function listKeys(control: ControlConnection, database: DatabaseState, maxKeys: number): Promise<readonly string[] | undefined> {
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [reply] = await control.send(database.index, [['SCAN', cursor, 'COUNT', scanCount]]);
    const [next, page] = reply as readonly [string, readonly string[]];
    if (!Array.isArray(page)) return undefined; // SCAN is not allowed, or older than 2.8
    for (const name of page) names.add(name);
    if (names.size > maxKeys) return undefined;
    cursor = next;
  } while (cursor !== '0');
  return [...names];
}
