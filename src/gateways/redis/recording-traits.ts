import type { ByteString } from '../../lib/bytes.ts';
import type { CommandTable } from './command-table.ts';

/** What a command means to the gateway besides its keys. */
export type CommandRole =
  | 'data' | 'whole'
  /** belongs to the connection, tag or no tag */
  | 'connection' | 'select' | 'hello' | 'reset' | 'quit' | 'client'
  | 'multi' | 'exec' | 'discard' | 'watch'
  | 'subscribe' | 'monitor'
  | 'other';

/** How the mirror's reply is held against the server's. */
export type Comparison =
  | 'exact'
  /** the same members in any order; the order is worth a hint */
  | 'members' | 'pairs'
  /** a cursor and members */
  | 'scan-members' | 'scan-pairs'
  /** times */
  | 'loose'
  /** any outcome is right: it is worth a hint */
  | 'undetermined'
  /** not run on the mirror at all: it only reads, and answers what the mirror does not know (encodings, idle times) */
  | 'metadata'
  /** the mirror cannot run it: its keys are read again afterwards */
  | 'reread';

/** All that is known of a command by its name (and subcommand). */
export interface CommandTraits {
  /** Upper-case, without subcommand. */
  readonly name: string;
  readonly role: CommandRole;
  readonly comparison: Comparison;
  readonly mayBlock: boolean;
  readonly isReadonly: boolean;
  /** A script, a function or a module's command: it may touch keys that its arguments do not name. */
  readonly isScript: boolean;
}

const roles: Readonly<Record<string, CommandRole>> = {
  auth: 'connection', info: 'connection', readonly: 'connection', readwrite: 'connection', asking: 'connection',
  select: 'select', hello: 'hello', reset: 'reset', quit: 'quit', client: 'client',
  multi: 'multi', exec: 'exec', discard: 'discard', watch: 'watch',
  subscribe: 'subscribe', psubscribe: 'subscribe', ssubscribe: 'subscribe',
  unsubscribe: 'subscribe', punsubscribe: 'subscribe', sunsubscribe: 'subscribe', monitor: 'monitor', sync: 'monitor', psync: 'monitor',
  keys: 'whole', scan: 'whole', dbsize: 'whole', randomkey: 'whole', flushdb: 'whole', flushall: 'whole', swapdb: 'whole',
};

const comparisons: Readonly<Record<string, Comparison>> = {
  keys: 'members', smembers: 'members', sunion: 'members', sinter: 'members', sdiff: 'members', hkeys: 'members', hvals: 'members',
  hgetall: 'pairs', sscan: 'scan-members', hscan: 'scan-pairs', zscan: 'scan-pairs', scan: 'scan-members',
  ttl: 'loose', pttl: 'loose', expiretime: 'loose', pexpiretime: 'loose', dbsize: 'metadata',
  spop: 'undetermined', srandmember: 'undetermined', hrandfield: 'undetermined', zrandmember: 'undetermined', randomkey: 'undetermined',
  object: 'metadata', memory: 'metadata', dump: 'metadata', xinfo: 'metadata', xpending: 'metadata', debug: 'metadata', touch: 'metadata',
  sort_ro: 'metadata', eval_ro: 'metadata', evalsha_ro: 'metadata', fcall_ro: 'metadata',
  eval: 'reread', evalsha: 'reread', fcall: 'reread', sort: 'reread', migrate: 'reread', restore: 'reread',
  flushdb: 'exact', flushall: 'exact', swapdb: 'reread',
};

const scripts: ReadonlySet<string> = new Set(['eval', 'evalsha', 'fcall', 'eval_ro', 'evalsha_ro', 'fcall_ro']);

/** Looks traits up by name, from the server's COMMAND table and from what the mirror can run. */
export class TraitsTable {
  readonly #table: CommandTable;
  readonly #mirrorRuns: (name: string) => boolean;
  readonly #byName = new Map<ByteString, CommandTraits>();

  /** @param mirrorRuns whether the keyspace has the command, by lower-case name */
  constructor(table: CommandTable, mirrorRuns: (name: string) => boolean) {
    this.#table = table;
    this.#mirrorRuns = mirrorRuns;
  }

  of(args: readonly ByteString[]): CommandTraits {
    const name = args[0] ?? '';
    let traits = this.#byName.get(name);
    if (traits === undefined) {
      traits = this.#make(name);
      if (this.#byName.size < 10_000) this.#byName.set(name, traits); // names a client invents are not kept for ever
    }
    return traits;
  }

  #make(given: ByteString): CommandTraits {
    const name = given.toLowerCase();
    const server = this.#table.find([name]);
    const flags = server?.flags;
    const isReadonly = flags?.has('write') !== true && (flags?.has('readonly') === true || name.endsWith('_ro'));
    const role = roles[name] ?? (server === undefined || this.#hasNoKeys(name) ? 'other' : 'data');
    const served = this.#mirrorRuns(name);
    return {
      name: name.toUpperCase(), role, isReadonly,
      comparison: comparisons[name] ?? (served ? 'exact' : isReadonly && name !== 'pfcount' ? 'metadata' : 'reread'),
      mayBlock: flags?.has('blocking') === true,
      isScript: scripts.has(name) || (flags?.has('module') === true && !isReadonly),
    };
  }

  #hasNoKeys(name: string): boolean {
    const server = this.#table.find([name]);
    if (server === undefined) return true;
    return server.range.first === 0 && server.specs.length === 0 && server.subcommands.size === 0 && !server.flags.has('movablekeys');
  }
}
