import type { AccessObserver } from '../../keyspace/database.ts';
import { cloneEntry, elementFromEntry, entryFromElement, type Entry } from '../../keyspace/entry.ts';
import { Keyspace } from '../../keyspace/keyspace.ts';
import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import { newSession, type Session } from '../../keyspace/session.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element } from '../../model/element.ts';
import type { RequestId, RevisionCause } from '../../model/recording.ts';
import type { ElementRead } from './element-reader.ts';
import type { CommandPart, RecordedCommand } from './recording-command.ts';
import { HintLedger } from './recording-hints.ts';
import type { KeyDirectory, KeyState } from './recording-keys.ts';
import { additionOptions, mayNeedReread, mirrorForm } from './recording-mirror-form.ts';
import { MirrorMemory } from './recording-mirror-memory.ts';
import { isNull, itemsOf, outcomeOf, sameOrder, sameReply, wasNotRun } from './recording-replies.ts';
import type { RedisRecordingSink } from './recording-sink.ts';
import type { Comparison } from './recording-traits.ts';

/** A relative expiry is known to within the time its command took: one that is read again and lies this near is the same. */
const sameExpiryMs = 100;
/** How far the server's idea of an expiry and ours may lie apart, in ms, beside the time a command is in flight. */
const expirySlackMs = 5;

/**
 * A copy of every element touched so far, to which each answered command is applied in the server's order per key: so the gateway
 * knows what was read and written, at which revision, without asking the server again. Each reply is held against the server's;
 * where they differ the mirror is wrong about those keys, and says so.
 */
export class RecordingMirror {
  readonly keyspace: Keyspace;
  readonly memory: MirrorMemory;
  readonly #directory: KeyDirectory;
  readonly #sink: RedisRecordingSink;
  readonly #hints: HintLedger;
  /** Server's clock minus this machine's. */
  readonly #clockOffsetMs: number;
  #session: Session;
  #clockMs = 0;
  #run = 0;
  #accessed: KeyState[] = [];
  #unsupported = false;
  readonly #receiversOf: (channel: ByteString) => number;

  constructor(options: {
    readonly directory: KeyDirectory; readonly sink: RedisRecordingSink; readonly clockOffsetMs: number; readonly maxBytes: number;
    /** How many of the service's own subscriptions get a message of a channel. */
    readonly receiversOf: (channel: ByteString) => number;
  }) {
    this.#receiversOf = options.receiversOf;
    this.#directory = options.directory;
    this.#sink = options.sink;
    this.#clockOffsetMs = options.clockOffsetMs;
    this.#hints = new HintLedger(options.sink);
    this.#session = newSession(() => {});
    this.keyspace = new Keyspace({
      now: () => this.#clockMs, random: () => 0, after: () => () => {}, databases: 1 << 20,
      observer: this.#observer(), onUnsupported: () => {
        this.#unsupported = true;
      },
    });
    this.memory = new MirrorMemory(options.maxBytes, (state) => this.#drop(state));
  }

  /** The server's clock, Unix milliseconds. */
  now(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** The live entry the mirror holds, as of now. */
  peek(state: KeyState): Entry | undefined {
    this.#clockMs = this.now();
    return this.keyspace.database(state.database.index).peek(state.key);
  }

  /**
   * Applies an answered command, reporting touches and revisions. Returns the keys about which the mirror is wrong afterwards:
   * they are to be read again. Parts of a transaction that do not touch them are applied and reported.
   * @param changed keys that scripts of it changed, which the mirror cannot know: read again in any case
   */
  apply(command: RecordedCommand, changed: readonly KeyState[] = []): readonly KeyState[] {
    const reply = command.reply as Reply;
    const isTransaction = command.traits.role === 'exec';
    if (isTransaction && (isNull(reply) || reply instanceof ErrorReply)) return [];
    this.#unsupported = false;
    const replies = isTransaction ? itemsOf(reply) : [reply];
    const wrong = new Set<KeyState>(changed);
    command.parts.forEach((part, index) => {
      if (part.keys.some((key) => wrong.has(key))) {
        for (const key of part.keys) wrong.add(key);
        return;
      }
      const failed = this.#applyPart(command, part, replies[index] ?? null).filter((key) => !wrong.has(key));
      const isExpected = this.#unsupported || mayNeedReread(part) || part.traits.name.startsWith('SORT');
      if (failed.length > 0 && !isExpected) command.isUncertain = true;
      for (const key of failed) wrong.add(key);
    });
    return [...wrong];
  }

  /** Whether the command, run on what the mirror holds now, would give the reply it got. Nothing is reported or changed. */
  agrees(part: CommandPart, reply: Reply): boolean {
    if (!part.traits.isReadonly || part.traits.comparison === 'metadata') return true;
    const form = mirrorForm(part, reply);
    if (form === undefined) return true;
    return this.#execute(part, form.args, form.expected, form.comparison).same;
  }

  /** Takes over what was read from the server, as a new revision; returns whether it was one. */
  install(state: KeyState, read: ElementRead, cause: RevisionCause, by: RequestId | null): boolean {
    const database = this.keyspace.database(state.database.index);
    this.#clockMs = this.now();
    state.isLoaded = !state.isStale;
    if (read !== null && 'unreadable' in read) {
      if (!state.isOpaque) this.#sink.loss('unreadable_element', `${state.stateKey} cannot be recorded: ${read.unreadable}`);
      state.isOpaque = true;
      database.remove(state.key);
      return false;
    }
    state.isOpaque = false;
    const element = withKnownExpiry(read, state.expiresAtMs);
    if (element === null) database.remove(state.key);
    else database.put(state.key, entryFromElement(element));
    return this.#revise(state, element, cause, by);
  }

  /** Notes that a key is absent because its whole database is known. */
  installAbsent(state: KeyState): void {
    state.isLoaded = true;
    this.#revise(state, null, 'initial', null);
  }

  /** Reports a touch of a key at its newest revision, or at the given one. */
  touch(by: RequestId | null, state: KeyState, access: { readonly read: boolean; readonly written: boolean; readonly raced?: boolean }, revision: number = state.revision): void {
    if (state.isOpaque) {
      this.#sink.problem(by, { code: 'unreadable_element', message: 'this element is of a type the gateway cannot read', key: state.stateKey });
      return;
    }
    this.#sink.touch(by, state.stateKey, revision, access);
  }

  #applyPart(command: RecordedCommand, part: CommandPart, reply: Reply): readonly KeyState[] {
    if (wasNotRun(reply)) return [];
    const { traits } = part;
    if (traits.role === 'whole') return this.#applyWhole(command, part, reply);
    if (traits.role === 'watch') this.#touchAll(command, part);
    if (traits.name === 'PUBLISH') this.#noteReceivers(command, part, reply);
    if (traits.role !== 'data' || part.keys.length === 0) return [];
    if (traits.comparison === 'reread' && traits.name !== 'SORT') return part.keys;
    const reached = traits.name === 'SORT' || traits.name === 'SORT_RO' ? this.#reachedBySort(command, part) : [];
    const form = part.keys.some((key) => key.isOpaque) ? undefined : mirrorForm(part, reply);
    if (form === undefined) {
      this.#noteOutcome(command, part, reply, undefined);
      this.#touchAll(command, part);
      return reached;
    }
    if (form.comparison === 'reread' && !this.#fitsUntrimmed(part)) return [...part.keys, ...reached];
    const { same, ours } = this.#executeAround(command, part, form.args, form.expected, form.comparison === 'reread' ? 'exact' : form.comparison);
    if (!same) return part.keys;
    this.#noteOutcome(command, part, reply, ours);
    this.#report(command.by);
    return [];
  }

  /** An XADD to a stream that is not longer than allowed afterwards: nothing is trimmed, however approximately. */
  #fitsUntrimmed(part: CommandPart): boolean {
    const [state] = part.keys;
    const { maxLength } = part.traits.name === 'XADD' ? additionOptions(part.args) : { maxLength: null };
    if (state === undefined || maxLength === null) return false;
    const entry = this.peek(state);
    return (entry?.type === 'stream' ? entry.items.length : 0) < maxLength;
  }

  /** The keys that SORT's BY and GET patterns stand for: those in the mirror are touched, the others returned to be read. */
  #reachedBySort(command: RecordedCommand, part: CommandPart): readonly KeyState[] {
    const [sorted] = part.keys;
    const entry = sorted === undefined ? undefined : this.peek(sorted);
    const patterns = part.args.filter((arg, index) => arg.includes('*') && /^(by|get)$/i.test(part.args[index - 1] ?? ''));
    if (entry === undefined || patterns.length === 0) return [];
    const names = new Set(patterns.flatMap((pattern) => elementsOf(entry).map((element) => keyOfPattern(pattern, element))));
    const states = [...names].map((name) => this.#directory.database(part.database).key(name));
    for (const state of states) if (state.isLoaded) this.touch(command.by, state, { read: true, written: false });
    return states.filter((state) => !state.isLoaded);
  }

  /** KEYS, SCAN, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL. */
  #applyWhole(command: RecordedCommand, part: CommandPart, reply: Reply): readonly KeyState[] {
    const { name } = part.traits;
    if (reply instanceof ErrorReply) return [];
    const database = this.#directory.database(part.database);
    if (database.isTooLarge) this.#sink.problem(command.by, { code: 'keyspace_incomplete', message: `${name} is about all keys of ${database.scope}, which are too many to be recorded` });
    if (name === 'FLUSHDB' || name === 'FLUSHALL') {
      for (const flushed of name === 'FLUSHALL' ? this.#directory.databases() : [database]) this.#flush(flushed, command.by);
      return [];
    }
    if (name === 'SWAPDB') return this.#directory.databases().flatMap((each) => (part.args.slice(1).includes(String(each.index)) ? [...each.keys.values()] : []));
    this.#sink.listing(command.by);
    const listed = name === 'DBSIZE' ? [] : outcomeOf(reply, part.traits.comparison);
    const { ours } = this.#execute(part, part.args, reply, part.traits.comparison);
    const isNeeded = name === 'RANDOMKEY' || !sameOrder(ours, reply);
    this.#hints.use(command.by, { command: name, args: part.args.slice(1), database: part.database, outcome: name === 'DBSIZE' ? outcomeOf(reply, 'exact') : listed }, isNeeded);
    if (!database.isComplete) return [];
    const wrong = listed.map((key) => database.key(key)).filter((state) => this.#isUnexpectedlyThere(state));
    if (name !== 'KEYS') return wrong;
    const present = new Set(listed);
    const missing = outcomeOf(ours, 'members').filter((key) => !present.has(key)).map((key) => database.key(key));
    return [...wrong, ...missing];
  }

  /** Never seen in a database that is known, or known to be absent. (One that was dropped to save memory is neither.) */
  #isUnexpectedlyThere(state: KeyState): boolean {
    return !state.isOpaque && (state.revision === 0 || (state.isLoaded && this.peek(state) === undefined));
  }

  #flush(database: ReturnType<KeyDirectory['database']>, by: RequestId | null): void {
    for (const state of database.keys.values()) {
      const existed = state.isOpaque || !state.isLoaded || this.peek(state) !== undefined;
      state.isLoaded = true;
      state.isOpaque = false;
      if (!existed) continue;
      this.touch(by, state, { read: false, written: true });
      this.keyspace.database(database.index).remove(state.key);
      this.#revise(state, null, 'write', by);
    }
  }

  /** Subscribers that are not the service's own are not there in replay: how many they were is kept. */
  #noteReceivers(command: RecordedCommand, part: CommandPart, reply: Reply): void {
    const channel = part.args[1];
    if (typeof reply !== 'number' || channel === undefined) return;
    const others = reply - this.#receiversOf(channel);
    this.#hints.use(command.by, { command: 'PUBLISH', args: [channel], database: part.database, outcome: [String(others)] }, others > 0);
  }

  /** Keeps what state alone does not determine. */
  #noteOutcome(command: RecordedCommand, part: CommandPart, reply: Reply, ours: Reply | undefined): void {
    const { comparison, name } = part.traits;
    if (comparison === 'exact' || comparison === 'metadata' || comparison === 'loose' || reply instanceof ErrorReply) return;
    const [first] = part.keys;
    const exists = part.keys.length > 1 || (first !== undefined && (comparison === 'undetermined' ? !isNull(reply) : this.peek(first) !== undefined));
    if (!exists) return;
    const isNeeded = comparison === 'undetermined' || ours === undefined || !sameOrder(ours, reply);
    this.#hints.use(command.by, { command: name, args: part.args.slice(1), database: part.database, outcome: outcomeOf(reply, comparison) }, isNeeded);
  }

  #touchAll(command: RecordedCommand, part: CommandPart): void {
    for (const state of part.keys) {
      this.#expireIfDue(state, command.sentAtMs);
      this.touch(command.by, state, { read: true, written: false });
    }
  }

  /**
   * Runs a part on the mirror. Where one of its keys expires about now, both worlds are tried: the one before and the one after, and
   * the server's reply says which it was.
   */
  #executeAround(command: RecordedCommand, part: CommandPart, args: readonly ByteString[], expected: Reply, comparison: Comparison): { readonly same: boolean; readonly ours: Reply } {
    const now = this.now();
    const due = part.keys.filter((state) => state.expiresAtMs !== null && state.expiresAtMs <= now + expirySlackMs);
    if (due.length === 0) return this.#execute(part, args, expected, comparison);
    const times = due.map((state) => state.expiresAtMs as number);
    if (Math.max(...times) > command.sentAtMs + this.#clockOffsetMs - expirySlackMs) {
      const before = Math.min(...times) - 1;
      this.#clockMs = before;
      const saved = part.keys.map((state) => {
        const entry = this.keyspace.database(state.database.index).peek(state.key);
        return entry === undefined ? undefined : cloneEntry(entry, null);
      });
      const early = this.#execute(part, args, expected, comparison, before);
      if (early.same) return early;
      part.keys.forEach((state, index) => this.#restore(state, saved[index]));
    }
    for (const state of due) this.#expire(state);
    return this.#execute(part, args, expected, comparison, Math.max(now, ...times));
  }

  #restore(state: KeyState, entry: Entry | undefined): void {
    const database = this.keyspace.database(state.database.index);
    if (entry === undefined) database.remove(state.key);
    else database.put(state.key, entry);
  }

  #expireIfDue(state: KeyState, sentAtMs: number): void {
    if (state.expiresAtMs !== null && state.expiresAtMs <= sentAtMs + this.#clockOffsetMs - expirySlackMs) this.#expire(state);
  }

  #expire(state: KeyState): void {
    this.keyspace.database(state.database.index).remove(state.key);
    this.#revise(state, null, 'expired', null);
  }

  #execute(part: CommandPart, args: readonly ByteString[], expected: Reply, comparison: Comparison, clockMs: number = this.now()): { readonly same: boolean; readonly ours: Reply } {
    this.#clockMs = clockMs;
    this.#session.database = part.database;
    this.#run++;
    this.#accessed = [];
    this.#unsupported = false;
    let ours: Reply | undefined;
    this.keyspace.execute(this.#session, args, (reply) => {
      ours = reply;
    });
    if (ours === undefined) { // it waits for something the server found
      this.keyspace.end(this.#session);
      this.#session = newSession(() => {});
      return { same: false, ours: null };
    }
    return { same: !this.#unsupported && sameReply(ours, expected, comparison), ours };
  }

  /** Tells the sink what the run just made has touched. */
  #report(by: RequestId | null): void {
    for (const state of this.#accessed) {
      this.memory.used(state);
      this.touch(by, state, { read: state.accessRead, written: state.accessWritten });
      if (!state.accessWritten) continue;
      const entry = this.keyspace.database(state.database.index).peek(state.key); // as of the run: it may expire any moment
      this.#revise(state, entry === undefined ? null : elementFromEntry(entry), 'write', by);
    }
  }

  #revise(state: KeyState, element: Element | null, cause: RevisionCause, by: RequestId | null): boolean {
    const before = state.revision;
    state.expiresAtMs = element?.expiresAtMs ?? null;
    state.type = element?.value.type;
    this.memory.account(state, element);
    state.revision = this.#sink.revision(state.stateKey, this.#onOurClock(element), cause, by);
    return state.revision !== before;
  }

  #onOurClock(element: Element | null): Element | null {
    if (element === null || element.expiresAtMs === null || this.#clockOffsetMs === 0) return element;
    return { value: element.value, expiresAtMs: element.expiresAtMs - this.#clockOffsetMs };
  }

  #drop(state: KeyState): void {
    state.isLoaded = false;
    this.keyspace.database(state.database.index).remove(state.key);
  }

  #observer(): AccessObserver {
    const seen = (database: number, key: ByteString): KeyState => {
      const state = this.#directory.database(database).key(key);
      if (state.accessRun !== this.#run) {
        state.accessRun = this.#run;
        state.accessRead = false;
        state.accessWritten = false;
        this.#accessed.push(state);
      }
      return state;
    };
    return {
      read: (database, key) => {
        seen(database, key).accessRead = true;
      },
      write: (database, key) => {
        seen(database, key).accessWritten = true;
      },
      expiry: (database, key) => {
        seen(database, key).accessWritten = true;
      },
      listing: () => {},
      publish: () => {},
    };
  }
}

function withKnownExpiry(element: Element | null, knownMs: number | null): Element | null {
  if (element === null || element.expiresAtMs === null || knownMs === null || Math.abs(element.expiresAtMs - knownMs) > sameExpiryMs) return element;
  return { value: element.value, expiresAtMs: knownMs };
}

/** What SORT goes through. */
function elementsOf(entry: Entry): readonly ByteString[] {
  switch (entry.type) {
    case 'list': return entry.items;
    case 'set': return [...entry.members];
    case 'zset': return [...entry.scores.keys()];
    case 'string': case 'hash': case 'stream': return [];
  }
}

/** `weight_*` and `object_*->field`: the first star is the element, and a hash's field is no part of the key. */
function keyOfPattern(pattern: ByteString, element: ByteString): ByteString {
  const star = pattern.indexOf('*');
  const arrow = pattern.indexOf('->', star);
  const end = arrow > star && arrow + 2 < pattern.length ? arrow : pattern.length;
  return pattern.slice(0, star) + element + pattern.slice(star + 1, end);
}
