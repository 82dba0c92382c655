import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { RequestId } from '../../model/recording.ts';
import type { CommandTable } from './command-table.ts';
import { RecordedCommand, type CommandOwner, type CommandPart } from './recording-command.ts';
import type { DatabaseState, KeyDirectory } from './recording-keys.ts';
import { isNull } from './recording-replies.ts';
import type { CommandTraits } from './recording-traits.ts';

/** A command as it came in. */
export interface ReceivedCommand {
  readonly args: readonly ByteString[];
  readonly bytes: Buffer | string;
  readonly by: RequestId | null;
  /** It names its request itself. */
  readonly isTagged: boolean;
  readonly traits: CommandTraits;
}

interface OpenTransaction {
  readonly parts: CommandPart[];
  /** SELECT between MULTI and EXEC holds from the next part on. */
  database: number;
}

/** What one client connection has of its own on the server, followed from outside: database, transaction, suppressed replies. */
export class RecordingSession {
  readonly #owner: CommandOwner;
  readonly #table: CommandTable;
  readonly #directory: KeyDirectory;
  /** Whether a script can be followed when it is alone: it then holds every database. */
  readonly #holdsAll: () => boolean;
  #database = 0;
  #transaction: OpenTransaction | null = null;
  /** CLIENT REPLY: what becomes of the replies to later commands. */
  #replies: 'on' | 'off' | 'skip next' = 'on';

  constructor(options: { readonly owner: CommandOwner; readonly table: CommandTable; readonly directory: KeyDirectory; readonly holdsAll: () => boolean }) {
    this.#owner = options.owner;
    this.#table = options.table;
    this.#directory = options.directory;
    this.#holdsAll = options.holdsAll;
  }

  /** CLIENT REPLY OFF and SKIP are not sent on: the gateway needs the replies and keeps them from the client itself. */
  suppresses(received: ReceivedCommand): boolean {
    if (received.traits.role !== 'client' || received.args.length !== 3 || !/^reply$/i.test(received.args[1] as string)) return false;
    const mode = (received.args[2] as string).toLowerCase();
    if (mode === 'on') this.#replies = 'on';
    else if (mode === 'off') this.#replies = 'off';
    else if (mode === 'skip' && this.#replies === 'on') this.#replies = 'skip next';
    return mode === 'off' || mode === 'skip';
  }

  /** The command with its keys and what it holds while in flight. */
  admit(received: ReceivedCommand): RecordedCommand {
    const swallow = this.#replies !== 'on';
    if (this.#replies === 'skip next') this.#replies = 'on';
    const { args, traits } = received;
    if (this.#transaction !== null && !['exec', 'discard', 'multi', 'watch', 'reset', 'quit', 'monitor'].includes(traits.role)) {
      return this.#queue(received, this.#transaction, swallow);
    }
    let parts: readonly CommandPart[] = [];
    let databases: readonly DatabaseState[] | 'all' = [];
    if (traits.role === 'exec') {
      parts = this.#transaction?.parts ?? [];
      databases = this.#databasesOf(parts);
    } else if (traits.role === 'data' || traits.role === 'watch' || traits.role === 'whole' || traits.name === 'PUBLISH') {
      parts = [this.#part(args, traits, this.#database)];
      if (traits.role === 'whole') databases = this.#databasesOf(parts);
    } else if (traits.role === 'multi') this.#transaction ??= { parts: [], database: this.#database };
    if (traits.role === 'exec' || traits.role === 'discard' || traits.role === 'reset') this.#transaction = null;
    const isScripted = parts.some((part) => part.traits.isScript && !part.traits.isReadonly) && this.#holdsAll();
    if (isScripted) databases = this.#holdingAll(parts);
    return this.#command(received, { parts, databases, blocks: traits.mayBlock && reallyBlocks(args), swallow, isScripted });
  }

  /** Whether nothing may be sent after this command until it is answered: what comes next depends on how it ends. */
  isBarrier(command: RecordedCommand): boolean {
    const { role } = command.traits;
    if (command.queuedPart !== undefined) return false;
    return command.blocks || role === 'select' || role === 'reset' || (role === 'exec' && command.parts.some((part) => part.traits.role === 'select'));
  }

  /** Follows what an answered command did to the connection. */
  answered(command: RecordedCommand, args: readonly ByteString[], reply: Reply): void {
    const { role } = command.traits;
    if (role === 'multi' || command.queuedPart !== undefined || reply instanceof ErrorReply) return;
    if (role === 'select') this.#database = Number(args[1]);
    else if (role === 'reset') this.#database = 0;
    else if (role === 'exec' && !isNull(reply)) {
      const selected = command.parts.findLast((part) => part.traits.role === 'select');
      if (selected !== undefined) this.#database = Number(selected.args[1]);
    }
  }

  #queue(received: ReceivedCommand, transaction: OpenTransaction, swallow: boolean): RecordedCommand {
    const part = this.#part(received.args, received.traits, transaction.database);
    transaction.parts.push(part);
    if (received.traits.role === 'select' && /^\d+$/.test(received.args[1] ?? '')) transaction.database = Number(received.args[1]);
    const command = this.#command(received, { parts: [], databases: [], blocks: false, swallow, isScripted: false });
    command.queuedPart = part;
    return command;
  }

  #part(args: readonly ByteString[], traits: CommandTraits, database: number): CommandPart {
    const accesses = this.#table.keysOf(args);
    return {
      args, traits, database,
      keys: accesses.map((access) => this.#directory.database(access.database ?? database).key(access.key)),
      modes: accesses.map((access) => access.mode),
    };
  }

  #command(received: ReceivedCommand, options: Pick<RecordedCommand, 'parts' | 'databases' | 'blocks' | 'swallow' | 'isScripted'>): RecordedCommand {
    return new RecordedCommand({ owner: this.#owner, traits: received.traits, bytes: received.bytes, by: received.by, isTagged: received.isTagged, ...options });
  }

  /** All databases, those included that nothing has been done in yet. */
  #holdingAll(parts: readonly CommandPart[]): 'all' {
    for (const part of parts) this.#directory.database(part.database);
    return 'all';
  }

  /** A transaction with a command on the whole keyspace holds every database it is about; one without holds keys. */
  #databasesOf(parts: readonly CommandPart[]): readonly DatabaseState[] | 'all' {
    if (!parts.some((part) => part.traits.role === 'whole')) return [];
    if (parts.some((part) => part.traits.name === 'FLUSHALL')) return 'all';
    const indexes = new Set<number>();
    for (const part of parts) {
      indexes.add(part.database);
      for (const key of part.keys) indexes.add(key.database.index);
      if (part.traits.name === 'SWAPDB') for (const arg of part.args.slice(1)) if (/^\d{1,9}$/.test(arg)) indexes.add(Number(arg));
    }
    return [...indexes].map((index) => this.#directory.database(index));
  }
}

/** XREAD and XREADGROUP block only when asked to. */
function reallyBlocks(args: readonly ByteString[]): boolean {
  if (!/^xread/i.test(args[0] ?? '')) return true;
  const streams = args.findIndex((arg) => /^streams$/i.test(arg));
  return args.some((arg, index) => index > 0 && index < streams && /^block$/i.test(arg));
}
