import { ErrorReply, type PushReply, type Reply } from '../../keyspace/reply.ts';
import { commandSpec, keysOf, mayBlock } from '../../keyspace/registry.ts';
import { newSession, type Session } from '../../keyspace/session.ts';
import { Fifo } from '../../lib/fifo.ts';
import type { KeyspaceTarget } from './keyspace-target.ts';
import type { PendingCommand } from './pending-command.ts';

/** The connection as its lanes see it. */
export interface LaneOwner {
  protocol: 2 | 3;
  /** The selected database, for the commands that come next. */
  database: number;
  /** The command that is being executed: what is pushed meanwhile goes before its reply. */
  running: PendingCommand | undefined;
  /** Makes the replies behind this command wait for it. */
  keepPlace(command: PendingCommand): void;
  answer(command: PendingCommand, reply: Reply): void;
  push(message: PushReply): void;
  blockedChanged(by: 1 | -1): void;
  flushSoon(): void;
}

const caseEnded = new ErrorReply('UNBLOCKED foreshard: the case of this command has ended');

/**
 * What one lane has on one connection: its MULTI, WATCH and subscriptions, and the order of its commands. A command that waits,
 * for a key or for its state to arrive, holds those of its lane that came later, and no others.
 */
export class LaneSession {
  readonly tag: string | null;
  readonly #owner: LaneOwner;
  readonly #waiting: Fifo<PendingCommand> = new Fifo();
  /** The command that all others wait for. */
  #holding: PendingCommand | undefined;
  /** Set between the end of a wait and the moment the next command is run. */
  #isResuming = false;
  #isEnded = false;
  /** Whether MULTI will be open once the waiting commands have run; undefined: they do not change it. */
  #willBeInMulti: boolean | undefined;
  #target: KeyspaceTarget;
  #session: Session;

  constructor(tag: string | null, target: KeyspaceTarget, owner: LaneOwner) {
    this.tag = tag;
    this.#owner = owner;
    this.#target = target;
    this.#session = newSession((message) => owner.push(message));
  }

  get target(): KeyspaceTarget {
    return this.#target;
  }

  /** Whether a command that comes now must wait. */
  get isBusy(): boolean {
    return this.#holding !== undefined || this.#isResuming || this.#waiting.size > 0;
  }

  /** Inside MULTI or subscribed: the command that comes now means something else than on a fresh connection. */
  get isSpecial(): boolean {
    const { transaction, channels, patterns } = this.#session;
    return (this.#willBeInMulti ?? transaction !== null) || channels.size > 0 || patterns.size > 0;
  }

  /** Between MULTI and EXEC: what was queued runs where it was queued. */
  get isInTransaction(): boolean {
    return this.#session.transaction !== null;
  }

  /** Runs a command that has come, now or when it is its turn. */
  receive(command: PendingCommand): void {
    this.#prepare(command);
    this.#target.onCommand?.(command.name, command.args.slice(1));
    if (!this.isBusy && command.ready === undefined) {
      this.#execute(command);
      return;
    }
    this.#owner.keepPlace(command);
    if (command.name === 'MULTI') this.#willBeInMulti = true;
    else if (command.name === 'EXEC' || command.name === 'DISCARD') this.#willBeInMulti = false;
    if (this.isBusy) this.#waiting.push(command);
    else this.#hold(command);
  }

  /** Wakes a blocked command; false when there is none. */
  unblock(how: 'timeout' | 'error'): boolean {
    return this.#holding?.blocked === true && this.#target.keyspace.unblock(this.#session, how);
  }

  /** Goes on in another keyspace: subscriptions are made again there, a blocked command blocks there; WATCH is dropped, as is MULTI: see {@link isInTransaction}. */
  moveTo(target: KeyspaceTarget): void {
    const old = this.#session;
    const left = this.#target.keyspace;
    const holding = this.#release();
    const subscriptions = [
      ...[...old.channels].map((channel) => ['SUBSCRIBE', channel]),
      ...[...old.patterns].map((pattern) => ['PSUBSCRIBE', pattern]),
    ];
    let isMuted = true;
    this.#target = target;
    this.#session = {
      ...newSession((message) => {
        if (!isMuted) this.#owner.push(message);
      }),
      database: old.database, protocol: old.protocol, name: old.name,
    };
    left.end(old);
    for (const command of subscriptions) target.keyspace.execute(this.#session, command, () => {});
    isMuted = false;
    for (const command of this.#waiting.toArray()) this.#prepare(command);
    if (holding === undefined) return;
    this.#prepare(holding);
    this.#start(holding);
    this.#resume();
  }

  /** Ends it: whatever is unanswered is answered an error. */
  end(): void {
    this.#isEnded = true;
    const holding = this.#release();
    const unanswered = this.#waiting.toArray();
    if (holding !== undefined) unanswered.unshift(holding);
    for (const command of unanswered) this.#owner.answer(command, caseEnded);
    this.#target.keyspace.end(this.#session);
  }

  /** Asks for the state the command needs, at once: what several commands need is then fetched together. */
  #prepare(command: PendingCommand): void {
    command.ready = undefined;
    command.failure = undefined;
    if (this.#target.ensure === undefined) return;
    // INFO counts the keys of every database.
    const keys = command.name === 'INFO' ? 'all' : keysOf(command.args);
    if (keys.length === 0 && commandSpec(command.name) !== undefined) return; // what only a real server knows, such as a script, may touch any key
    command.ready = this.#target.ensure(command.database, keys, command.name)?.then(undefined, (error: unknown) => {
      command.failure = error instanceof Error ? error.message : 'unknown reason';
    });
  }

  #start(command: PendingCommand): void {
    if (command.ready === undefined) this.#execute(command);
    else this.#hold(command);
  }

  /** Waits for the command's state, then runs it, and the lane goes on. */
  #hold(command: PendingCommand): void {
    this.#holding = command;
    const run = ++command.run;
    void command.ready?.then(() => {
      if (command.run !== run || this.#isEnded) return;
      this.#holding = undefined;
      this.#execute(command);
      this.#resume();
    });
  }

  #execute(command: PendingCommand): void {
    if (command.failure !== undefined) {
      this.#owner.answer(command, new ErrorReply(`ERR foreshard: the state for ${command.name} could not be had: ${command.failure}`));
      return;
    }
    const session = this.#session;
    const owner = this.#owner;
    session.database = command.database;
    session.protocol = owner.protocol;
    const run = ++command.run;
    const outer = owner.running;
    owner.running = command;
    this.#target.keyspace.execute(session, command.args, (reply) => {
      if (command.run === run) this.#delivered(command, reply);
    });
    owner.running = outer;
    if (!command.answered) this.#block(command);
    // A SELECT inside MULTI took effect with EXEC.
    else if (session.database !== command.database) owner.database = session.database;
    if (session.protocol !== owner.protocol) owner.protocol = session.protocol;
  }

  #delivered(command: PendingCommand, reply: Reply): void {
    if (command.answered) return;
    if (command.blocked) {
      this.#release();
      // The next one not from here: the keyspace is in the middle of another command.
      this.#isResuming = true;
      queueMicrotask(() => {
        this.#isResuming = false;
        this.#resume();
      });
    }
    this.#owner.answer(command, reply);
  }

  /** Of what a real server has not answered yet, only what waits for a key is at rest. */
  #block(command: PendingCommand): void {
    this.#owner.keepPlace(command);
    command.blocked = true;
    this.#holding = command;
    command.waitsForKey = mayBlock(command.args);
    if (command.waitsForKey) this.#owner.blockedChanged(1);
  }

  /** The command that held the others, which no keyspace can answer any more. */
  #release(): PendingCommand | undefined {
    const holding = this.#holding;
    this.#holding = undefined;
    if (holding === undefined) return undefined;
    holding.run++;
    if (holding.waitsForKey) this.#owner.blockedChanged(-1);
    holding.blocked = holding.waitsForKey = false;
    return holding;
  }

  /** Runs what has waited, until one has to wait again. */
  #resume(): void {
    while (!this.#isEnded && this.#holding === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#start(next);
    }
    if (!this.isBusy) this.#willBeInMulti = undefined;
    this.#owner.flushSoon();
  }
}
