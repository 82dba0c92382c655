import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { Element } from '../../model/element.ts';
import type { ElementRead } from './element-reader.ts';
import type { RecordedCommand } from './recording-command.ts';
import type { KeyState } from './recording-keys.ts';
import type { RecordingLoader } from './recording-loader.ts';
import type { LockTable } from './recording-locks.ts';
import type { RecordingMirror } from './recording-mirror.ts';
import { mayNeedReread } from './recording-mirror-form.ts';
import { isNull, itemsOf, wasNotRun } from './recording-replies.ts';
import { beforeServed } from './recording-served.ts';
import type { ScriptChanges, ScriptWatch } from './recording-scripts.ts';
import type { RedisRecordingSink } from './recording-sink.ts';

/** A read this long before an expiry was due may have met it: clocks and latencies differ. */
const expiryToleranceMs = 1000;

/**
 * Brings answered commands to their end: applies them to the mirror, or, where the mirror cannot follow, closes their keys to
 * newcomers, waits until nobody is in flight on them, and reads them again. Replies of blocking commands, which hold no lock
 * while they wait, are applied once the keys are quiet.
 */
export class RecordingSettler {
  readonly #mirror: RecordingMirror;
  readonly #loader: RecordingLoader;
  readonly #locks: LockTable;
  readonly #sink: RedisRecordingSink;
  readonly #scripts: ScriptWatch;

  constructor(options: { readonly mirror: RecordingMirror; readonly loader: RecordingLoader; readonly locks: LockTable; readonly sink: RedisRecordingSink; readonly scripts: ScriptWatch }) {
    this.#mirror = options.mirror;
    this.#loader = options.loader;
    this.#locks = options.locks;
    this.#sink = options.sink;
    this.#scripts = options.scripts;
  }

  /**
   * A command has its locks and is about to be sent. One that may have to be settled closes its keys now, even to its own connection; so
   * does a write to a key that somebody waits for, since the server serves the waiter before whatever comes next.
   */
  admitted(command: RecordedCommand): void {
    if (command.parts.some(mayNeedReread)) this.#seal(command, command.keys);
    else this.#seal(command, command.keys.filter((key) => key.parked > 0 && command.mayWrite(key)));
  }

  /** A blocking command has left this machine. Unless it is answered at once it gives its locks back and waits without. */
  blocks(command: RecordedCommand): void {
    this.#loader.barrier(() => {
      if (command.reply !== undefined || !command.holdsLocks) return;
      command.isParked = true;
      for (const key of command.keys) key.parked++;
      this.#answered(command);
      this.#locks.release(command);
      command.owner.parked(command);
    }, 2);
  }

  /** The reply has come. */
  complete(command: RecordedCommand): void {
    this.#scripts.answered(command);
    if (command.isParked) {
      this.#completeLate(command);
      return;
    }
    this.#noteCluster(command);
    if (command.runsScript && !this.#wasRefused(command)) {
      // What a script reads without declaring it is not seen: replay answers as of this moment, where all keys are known.
      this.#sink.listing(command.by);
      if (command.isScripted) return this.#completeScript(command);
    }
    const wasQueuedInVain = command.queuedPart !== undefined; // only called for what was run instead of queued
    this.#conclude(command, wasQueuedInVain ? command.queuedPart?.keys ?? [] : this.#applyOrJoin(command));
  }

  /** The command is applied but for these keys, which are read again. */
  #conclude(command: RecordedCommand, wrong: readonly KeyState[]): void {
    if (wrong.length > 0) this.#settle(command, wrong);
    this.#answered(command);
    if (wrong.length > 0) return;
    this.#awaitServed(command);
    this.#finish(command);
  }

  /** The connection is lost: what the command did, if anything, is found out when its keys are touched next. */
  abandon(command: RecordedCommand): void {
    this.#unpark(command);
    this.#scripts.abandon(command);
    command.isLearning = false;
    for (const key of command.keys) {
      key.isLoaded = false;
      key.isStale = true;
      for (const list of [key.settlers, key.lateReplies, key.loadWaiters]) {
        const at = list.indexOf(command);
        if (at >= 0) list.splice(at, 1);
      }
    }
    if (command.holdsLocks && command.reply === undefined) this.#answered(command);
    this.#finish(command);
  }

  /** Nothing of it was run: a script that the server does not know, a transaction that was given up. */
  #wasRefused(command: RecordedCommand): boolean {
    const reply = command.reply as Reply;
    return command.traits.role === 'exec' ? isNull(reply) || reply instanceof ErrorReply : wasNotRun(reply);
  }

  /** What a script changed is asked for while it still holds every database; then those keys, and no others, are read again. */
  #completeScript(command: RecordedCommand): void {
    command.isLearning = true;
    this.#scripts.learn(command, (changes) => {
      if (!command.isLearning) return; // abandoned meanwhile
      const conclude = (): void => {
        command.isLearning = false;
        this.#conclude(command, this.#wrongAfterScript(command, changes));
      };
      // Who waited for one of them was served at once, but its reply may be on its way still.
      if (changes?.keys.some((key) => key.parked > 0) === true) this.#loader.barrier(() => (command.isLearning ? conclude() : undefined));
      else conclude();
    });
  }

  #wrongAfterScript(command: RecordedCommand, changes: ScriptChanges | undefined): readonly KeyState[] {
    if (changes === undefined) return this.#applyOrJoin(command);
    command.changed = new Set(changes.keys);
    for (const key of changes.unknown) {
      this.#sink.problem(command.by, {
        code: 'state_uncertain', key: key.stateKey,
        message: `a script of ${command.traits.name} changed this element without declaring it, and what it was before is not known; record with --snapshot full`,
      });
    }
    const all = [...changes.keys, ...changes.elsewhere];
    const changed = new Set(all);
    return this.#applyOrJoin(command, all).filter((key) => {
      // Groups of a stream change without a word of the server; else a script has left alone what is not among the changes.
      if (changed.has(key) || key.isDirty || key.type === 'stream' || !isOnlyOfScripts(command, key)) return true;
      this.#mirror.touch(command.by, key, { read: true, written: false });
      return false;
    });
  }

  #applyOrJoin(command: RecordedCommand, changed: readonly KeyState[] = []): readonly KeyState[] {
    if (!command.keys.some((key) => key.isDirty)) return this.#mirror.apply(command, changed);
    command.isUncertain = true;
    return [...new Set([...command.keys, ...changed])];
  }

  #settle(command: RecordedCommand, keys: readonly KeyState[]): void {
    command.missingReads = keys.length;
    this.#seal(command, keys);
    for (const key of keys) {
      key.isDirty = true;
      key.settlers.push(command);
    }
    for (const key of keys) this.#rereadIfQuiet(key);
  }

  #seal(command: RecordedCommand, keys: readonly KeyState[]): void {
    for (const key of keys) {
      if (command.sealed.includes(key)) continue;
      command.sealed.push(key);
      key.seals++;
      key.database.holders++;
    }
  }

  #answered(command: RecordedCommand): void {
    if (!command.holdsLocks) return;
    if (command.isExclusive) {
      this.#resume(command);
      return;
    }
    for (const key of command.keys) {
      key.unanswered--;
      this.#rereadIfQuiet(key);
      this.#applyLateIfQuiet(key);
    }
  }

  /** Takes up what had to wait for a command on the whole keyspace. */
  #resume(command: RecordedCommand): void {
    const keys = this.#locks.databasesOf(command).flatMap(({ postponed }) => {
      const list = [...postponed];
      postponed.clear();
      return list;
    });
    for (const key of keys) {
      this.#rereadIfQuiet(key);
      this.#applyLateIfQuiet(key);
    }
  }

  #isQuiet(key: KeyState): boolean {
    if (key.database.isTaken) key.database.postponed.add(key);
    return key.unanswered === 0 && !key.database.isTaken;
  }

  #rereadIfQuiet(key: KeyState): void {
    if (!key.isDirty || key.isBeingReread || !this.#isQuiet(key)) return;
    key.isBeingReread = true;
    this.#loader.read(key, (read) => this.#reread(key, read));
  }

  #reread(key: KeyState, found: ElementRead): void {
    const settlers = key.settlers.splice(0);
    const served = settlers.some((command) => command.changed.has(key)) ? unserved(key, found) : undefined;
    const read = served === undefined ? found : served.element;
    // That it expired while a script ran is no doing of the script's.
    const isTime = read === null && key.expiresAtMs !== null && key.expiresAtMs <= this.#mirror.now();
    const writer = settlers.findLast((command) => command.mayWrite(key) && !(isTime && command.isScripted));
    const hasExpired = read === null && key.expiresAtMs !== null && key.expiresAtMs <= this.#mirror.now() + expiryToleranceMs;
    const before = key.revision;
    const isFirst = before === 0 && (read === null || !key.database.isComplete);
    const cause = writer !== undefined ? 'write' : isFirst ? 'initial' : hasExpired ? 'expired' : 'external';
    const changed = this.#mirror.install(key, read, cause, writer?.by ?? null);
    key.isDirty = false;
    key.isBeingReread = false;
    const isOthers = isTime || (served !== undefined && !changed);
    for (const command of settlers) this.#report(command, key, { before, changed, isDoing: !(isOthers && command.isScripted) });
    for (const command of settlers) if (--command.missingReads === 0) this.#finish(command);
    this.#applyLateIfQuiet(key);
  }

  /** `isDoing`: what changed may be this command's doing. */
  #report(command: RecordedCommand, key: KeyState, { before, changed, isDoing }: { readonly before: number; readonly changed: boolean; readonly isDoing: boolean }): void {
    const parts = [...command.parts, ...(command.queuedPart === undefined ? [] : [command.queuedPart])].filter((part) => part.keys.includes(key));
    const mayWrite = isDoing && (command.mayWrite(key) || command.queuedPart !== undefined);
    const isTold = command.changed.has(key);
    if (command.isScripted && !changed && !isTold && parts.length === 0) return; // it was only suspected
    if (before === 0 && isTold) return; // what it was is not known, which has been said
    // A script need not have written what it declares: where the server does not tell, the value has to.
    const isScript = parts.some((part) => part.traits.comparison === 'reread') && !isTold;
    const blind = parts.length > 0 && parts.every((part) => part.modes[part.keys.indexOf(key)] === 'overwrite');
    const written = mayWrite && (changed || !isScript);
    // What a waiter took as soon as it was there is gone when the key is read again.
    const isServed = written && (key.parked > 0 || key.servedAtMs >= command.sentAtMs);
    this.#mirror.touch(command.by, key, { read: !blind || !mayWrite, written, ...(isServed ? { raced: true } : {}) }, mayWrite ? before : key.revision);
    if (!command.isUncertain || !changed) return;
    const isExplained = !mayWrite && command.parts.length === 1 && command.parts.every((part) => this.#mirror.agrees(part, command.reply as Reply));
    if (isExplained) return;
    this.#sink.problem(command.by, {
      code: 'state_uncertain', key: key.stateKey,
      message: `the reply to ${command.traits.name} was not what the gateway expected: something else changed this element at the same time`,
    });
  }

  #unpark(command: RecordedCommand): void {
    if (!command.isParked) return;
    command.isParked = false;
    for (const key of command.keys) key.parked--;
  }

  /**
   * A key that somebody waits for was given something: the server serves the waiter at once, but its reply may come to us later than
   * what others see of the change. Nobody new gets in until all the server had to say by now has been read.
   */
  #awaitServed(command: RecordedCommand): void {
    for (const key of command.keys) {
      if (key.parked === 0 || !command.mayWrite(key) || this.#mirror.peek(key) === undefined) continue;
      key.seals++;
      key.database.holders++;
      this.#loader.barrier(() => {
        key.seals--;
        key.database.holders--;
        this.#locks.wake(key);
      });
    }
  }

  #completeLate(command: RecordedCommand): void {
    this.#unpark(command);
    const reply = command.reply as Reply;
    const keys = affectedKeys(command, reply);
    if (keys.length === 0) {
      if (!(reply instanceof ErrorReply) && !command.keys.some((key) => key.isDirty)) this.#mirror.apply(command);
      this.#finish(command);
      return;
    }
    this.#seal(command, keys);
    command.missingReads = keys.length;
    for (const key of keys) {
      key.lateReplies.push(command);
      key.servedAtMs = Date.now();
    }
    for (const key of keys) this.#applyLateIfQuiet(key);
  }

  #applyLateIfQuiet(key: KeyState): void {
    const [command] = key.lateReplies;
    if (command === undefined) return;
    const keys = affectedKeys(command, command.reply as Reply);
    if (!keys.every((each) => each.lateReplies[0] === command && this.#isQuiet(each) && !each.isDirty)) return;
    for (const each of keys) each.lateReplies.shift();
    const wrong = this.#mirror.apply(command);
    if (wrong.length > 0) this.#settle(command, wrong);
    else {
      this.#awaitServed(command);
      this.#finish(command);
    }
    for (const each of keys) this.#applyLateIfQuiet(each);
  }

  #finish(command: RecordedCommand): void {
    this.#locks.release(command);
    if (command.isExclusive) this.#resume(command);
    for (const key of command.sealed.splice(0)) {
      key.seals--;
      key.database.holders--;
      if (key.seals === 0) this.#locks.wake(key);
    }
    command.owner.finished(command);
  }

  #noteCluster(command: RecordedCommand): void {
    if (!(command.reply instanceof ErrorReply) || !/^(MOVED|ASK) /.test(command.reply.message)) return;
    this.#sink.problem(command.by, { code: 'cluster_redirect', message: `the server answered ${command.reply.message}: the client goes on to another node, past the gateway` });
  }
}

/** What a script left of a key from which waiting commands have been served since; undefined: none was, or it cannot be told. */
function unserved(key: KeyState, found: ElementRead): { readonly element: Element | null } | undefined {
  if (key.lateReplies.length === 0 || (found !== null && 'unreadable' in found)) return undefined;
  let element: Element | null = found;
  for (const command of key.lateReplies.toReversed()) {
    const before = beforeServed(key.key, element, { args: command.parts[0]?.args ?? [], reply: command.reply as Reply });
    if (before === undefined) return undefined;
    element = before;
  }
  return { element };
}

function isOnlyOfScripts(command: RecordedCommand, key: KeyState): boolean {
  return command.parts.every((part) => part.traits.isScript || !part.keys.includes(key));
}

/** The keys a blocking command changed or read when it was answered; none when it timed out. */
function affectedKeys(command: RecordedCommand, reply: Reply): readonly KeyState[] {
  if (isNull(reply) || reply instanceof ErrorReply) return [];
  const [first] = itemsOf(reply);
  const named = typeof first === 'string' ? command.keys.filter((state) => state.key === first) : [];
  return named.length > 0 ? named : command.keys;
}
