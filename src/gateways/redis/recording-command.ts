import type { Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { RequestId } from '../../model/recording.ts';
import type { KeyMode } from './command-table.ts';
import type { DatabaseState, KeyState } from './recording-keys.ts';
import type { CommandTraits } from './recording-traits.ts';

/** One command as the mirror applies it: a plain one has one part, an EXEC as many as were queued. */
export interface CommandPart {
  readonly args: readonly ByteString[];
  readonly traits: CommandTraits;
  readonly database: number;
  readonly keys: readonly KeyState[];
  readonly modes: readonly KeyMode[];
}

/** The connection a command came on, as far as locks and settling need it. */
export interface CommandOwner {
  readonly lane: string;
  /** Sends on what is ready; called when a lock or a load it waits for has come. */
  pump(): void;
  /** A blocking command was not answered at once: it waits on the server. */
  parked(command: RecordedCommand): void;
  /** The command is answered, applied and released. */
  finished(command: RecordedCommand): void;
}

/** A command between its arrival and the moment it is answered and applied. */
export class RecordedCommand {
  readonly owner: CommandOwner;
  readonly traits: CommandTraits;
  readonly parts: readonly CommandPart[];
  /** Bytes to forward. */
  readonly bytes: Buffer | string;
  /** The request that it belongs to; of one that waited for a key and has no tag, the one under way when it is served. */
  by: RequestId | null;
  readonly isTagged: boolean;
  /** Distinct keys of all parts, and whether any part writes them. */
  readonly keys: readonly KeyState[];
  readonly writes: readonly boolean[];
  /** Databases held whole; empty for a command on keys. */
  readonly databases: readonly DatabaseState[] | 'all';
  /** Really blocks: it holds no locks once it waits on the server, and nothing behind it on its connection is sent. */
  readonly blocks: boolean;
  /** The reply is kept from the client (CLIENT REPLY OFF and SKIP). */
  readonly swallow: boolean;
  sentAtMs = 0;
  reply: Reply | undefined;
  hasTicket = false;
  holdsLocks = false;
  /** Sent, and waiting on the server for one of its keys. */
  isParked = false;
  /** Not counted as pending while it is parked. */
  isUncounted = false;
  missingLoads = 0;
  missingReads = 0;
  /** Keys closed to newcomers until this command is finished. */
  readonly sealed: KeyState[] = [];
  /** Its reply was not the one the mirror expected, so what it met is not exactly known. */
  isUncertain = false;
  /** A script among its parts may write, and holds every database meanwhile: whatever changes is its doing. */
  readonly isScripted: boolean;
  /** A script that was answered, while the gateway asks what it changed. */
  isLearning = false;
  /** What the server told that it changed, once it has. */
  changed: ReadonlySet<KeyState> = new Set();
  /** Its queued part, when it was sent between MULTI and EXEC. */
  queuedPart: CommandPart | undefined;

  constructor(options: {
    readonly owner: CommandOwner;
    readonly traits: CommandTraits;
    readonly parts: readonly CommandPart[];
    readonly bytes: Buffer | string;
    readonly by: RequestId | null;
    readonly isTagged: boolean;
    readonly databases: readonly DatabaseState[] | 'all';
    readonly blocks: boolean;
    readonly swallow: boolean;
    readonly isScripted: boolean;
  }) {
    this.isScripted = options.isScripted;
    this.owner = options.owner;
    this.traits = options.traits;
    this.parts = options.parts;
    this.bytes = options.bytes;
    this.by = options.by;
    this.isTagged = options.isTagged;
    this.databases = options.databases;
    this.blocks = options.blocks;
    this.swallow = options.swallow;
    const [only] = options.parts;
    if (options.parts.length === 1 && only !== undefined && only.keys.length <= 1) {
      this.keys = only.keys;
      this.writes = only.modes.map((mode) => mode !== 'read');
    } else {
      const merged = new Map<KeyState, boolean>();
      for (const part of options.parts) {
        part.keys.forEach((key, index) => merged.set(key, merged.get(key) === true || part.modes[index] !== 'read'));
      }
      this.keys = [...merged.keys()];
      this.writes = [...merged.values()];
    }
  }

  /** Whether it may change this key. */
  mayWrite(key: KeyState): boolean {
    if (this.changed.has(key)) return true;
    const at = this.keys.indexOf(key);
    return at < 0 ? this.isScripted || this.parts.some((part) => part.traits.name === 'SWAPDB') : this.writes[at] === true;
  }

  /** A script among its parts may touch what no part of it names. */
  get runsScript(): boolean {
    return this.parts.some((part) => part.traits.isScript);
  }

  /** Some part of it is about all keys, whose list must be known for that. */
  get needsListing(): boolean {
    return this.parts.some((part) => part.traits.role === 'whole');
  }

  /** Whether it holds whole databases rather than keys. */
  get isExclusive(): boolean {
    return this.databases === 'all' || this.databases.length > 0;
  }
}
