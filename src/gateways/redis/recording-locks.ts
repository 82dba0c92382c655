import type { RecordedCommand } from './recording-command.ts';
import type { DatabaseState, KeyDirectory, KeyState } from './recording-keys.ts';

/**
 * Gives commands their keys: a reader/writer lock per key between connections, whole databases for commands on the whole
 * keyspace. A command takes all it needs at once or waits holding nothing, and the oldest waiter of a key goes first, so
 * nothing can deadlock or starve.
 */
export class LockTable {
  readonly #directory: KeyDirectory;

  constructor(directory: KeyDirectory) {
    this.#directory = directory;
  }

  /** Takes the command's locks; false: it now waits, and its owner's `pump` will be called. */
  tryAcquire(command: RecordedCommand): boolean {
    return command.isExclusive ? this.#tryDatabases(command) : this.#tryKeys(command);
  }

  /** Gives the locks back and wakes who waits for them. */
  release(command: RecordedCommand): void {
    if (!command.holdsLocks) return;
    command.holdsLocks = false;
    if (command.isExclusive) {
      for (const database of this.databasesOf(command)) {
        remove(database.exclusive, command);
        this.wakeDatabase(database);
      }
      return;
    }
    const { keys, writes } = command;
    for (let i = 0; i < keys.length; i++) (keys[i] as KeyState).release(writes[i] === true);
    for (const key of keys) this.wake(key);
  }

  /** Lets the first waiter of a key try again. */
  wake(key: KeyState): void {
    key.waiters[0]?.owner.pump();
    if (key.database.exclusive.length > 0 && key.database.holders === 0) key.database.exclusive[0]?.owner.pump();
  }

  wakeDatabase(database: DatabaseState): void {
    if (database.exclusive.length > 0) {
      database.exclusive[0]?.owner.pump();
      return;
    }
    for (const waiter of database.waiters.splice(0)) waiter.owner.pump();
  }

  /** The databases a command holds whole; none for a command on keys. */
  databasesOf(command: RecordedCommand): readonly DatabaseState[] {
    return command.databases === 'all' ? this.#directory.databases() : command.databases;
  }

  /** Forgets a command that will never be sent. */
  withdraw(command: RecordedCommand): void {
    for (const key of command.keys) {
      if (!remove(key.waiters, command)) continue;
      this.wake(key);
    }
    if (!command.isExclusive) return;
    for (const database of this.databasesOf(command)) if (remove(database.exclusive, command)) this.wakeDatabase(database);
  }

  #tryKeys(command: RecordedCommand): boolean {
    const { keys, writes, owner } = command;
    let free = true;
    for (let i = 0; i < keys.length && free; i++) {
      const key = keys[i] as KeyState;
      if (key.database.exclusive.length > 0) {
        if (!key.database.waiters.includes(command)) key.database.waiters.push(command);
        free = false;
      } else if (!key.admits(owner, writes[i] === true)) free = false;
      else if (key.waiters.length > 0 && key.waiters[0] !== command) free = false;
    }
    if (!free) {
      if (!command.hasTicket) for (const key of keys) key.waiters.push(command);
      command.hasTicket = true;
      return false;
    }
    for (let i = 0; i < keys.length; i++) (keys[i] as KeyState).acquire(owner, writes[i] === true);
    command.holdsLocks = true;
    if (command.hasTicket) {
      command.hasTicket = false;
      for (const key of keys) remove(key.waiters, command);
      for (const key of keys) this.wake(key); // readers behind a reader
    }
    return true;
  }

  #tryDatabases(command: RecordedCommand): boolean {
    const databases = this.databasesOf(command);
    if (!command.hasTicket) for (const database of databases) database.exclusive.push(command);
    command.hasTicket = true;
    if (!databases.every((database) => database.exclusive[0] === command && database.holders === 0)) return false;
    command.holdsLocks = true;
    return true;
  }
}

function remove(list: RecordedCommand[], command: RecordedCommand): boolean {
  const at = list.indexOf(command);
  if (at < 0) return false;
  list.splice(at, 1);
  return true;
}
