import type { Socket } from 'node:net';
import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, type PushReply, type Reply } from '../../keyspace/reply.ts';
import { laneCommand } from '../../model/preload-protocol.ts';
import { CommandParser } from './command-parser.ts';
import { upperName } from './command-names.ts';
import { allowedUnauthenticated, connectionCommands } from './connection-commands.ts';
import { forKeyspace, noReply, type ConnectionState } from './connection-state.ts';
import type { KeyspaceTarget } from './keyspace-target.ts';
import { LaneSession, type LaneOwner } from './lane-session.ts';
import { tagIn } from './lane-tag.ts';
import { OutputBuffer } from './output-buffer.ts';
import { PendingCommand } from './pending-command.ts';
import { ProtocolError } from './protocol-error.ts';
import { ReplyOrder } from './reply-order.ts';
import { encodeReply } from './resp-encoder.ts';
import type { ServerHost } from './server-host.ts';

const noCase = new ErrorReply('ERR foreshard: no case for this command');
const notAuthenticated = new ErrorReply('NOAUTH Authentication required.');
const malformedTag = new ErrorReply(`ERR foreshard: ${laneCommand} needs a tag and a command`);

/** One client. Replies go out in the order of its commands; everything answered in one event is written at once. */
export class ServerConnection implements ConnectionState, LaneOwner {
  readonly id: number;
  readonly remote: string;
  readonly local: string;
  readonly server: ServerHost;
  protocol: 2 | 3 = 2;
  database = 0;
  name: ByteString = '';
  libraryName: ByteString = '';
  libraryVersion: ByteString = '';
  authenticated: boolean;
  replies: 'on' | 'off' | 'skip' = 'on';
  lastCommand = '';
  running: PendingCommand | undefined;
  readonly #socket: Socket;
  readonly #parser: CommandParser;
  readonly #out = new OutputBuffer();
  readonly #order = new ReplyOrder(this.#out);
  readonly #lanes = new Map<string | null, LaneSession>();
  #currentTag: string | null = null;
  /** Inside a data event, which flushes at its end. */
  #inEvent = false;
  #flushScheduled = false;
  /** After QUIT or a protocol error: what was asked before is answered, nothing more is read. */
  #isClosing = false;
  #isClosed = false;
  /** A command has begun to come: counted as pending, since what holds its rest back may be the network. */
  #isMidway = false;

  constructor(host: ServerHost, socket: Socket, id: number) {
    this.server = host;
    this.id = id;
    this.#socket = socket;
    this.remote = `${socket.remoteAddress ?? '127.0.0.1'}:${socket.remotePort ?? 0}`;
    this.local = `${socket.localAddress ?? '127.0.0.1'}:${socket.localPort ?? 0}`;
    this.authenticated = host.password === undefined;
    this.#parser = new CommandParser((args) => this.#receive(args));
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#close());
  }

  get isLaneOpen(): boolean {
    return this.#lanes.has(this.#currentTag);
  }

  target(): KeyspaceTarget | undefined {
    return this.server.route(this.#currentTag);
  }

  reset(): void {
    for (const lane of this.#lanes.values()) if (!lane.isBusy) this.#endLane(lane);
    this.protocol = 2;
    this.database = 0;
    this.name = '';
    this.replies = 'on';
    this.authenticated = this.server.password === undefined;
  }

  unblock(how: 'timeout' | 'error'): boolean {
    for (const lane of this.#lanes.values()) if (lane.unblock(how)) return true;
    return false;
  }

  /** Ends the lane's session here; what of it is unanswered is answered an error. */
  forget(tag: string | null): void {
    const lane = this.#lanes.get(tag);
    if (lane !== undefined) this.#endLane(lane);
  }

  /** Moves the lane's session to the target that the route gives now. */
  rebind(tag: string | null): void {
    const lane = this.#lanes.get(tag);
    if (lane === undefined) return;
    const target = this.server.route(tag);
    if (target === undefined) this.#endLane(lane);
    else if (target !== lane.target && !lane.isInTransaction) lane.moveTo(target);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  keepPlace(command: PendingCommand): void {
    if (!command.queued) this.#order.add(command);
  }

  answer(command: PendingCommand, reply: Reply): void {
    command.answered = true;
    if (command.queued) {
      if (!command.silent) command.keep(reply, this.protocol);
      this.server.pending -= this.#order.drain();
    } else {
      if (!command.silent) encodeReply(reply, this.protocol, this.#out);
      this.server.pending--;
    }
    this.flushSoon();
  }

  /** An out-of-band message: before the reply of the command that caused it, else between replies. */
  push(message: PushReply): void {
    if (this.running?.queued === true && !this.running.answered) this.running.keep(message, this.protocol);
    else encodeReply(message, this.protocol, this.#out);
    this.flushSoon();
  }

  blockedChanged(by: 1 | -1): void {
    this.server.blocked += by;
  }

  /** Writes what there is at the end of this event. */
  flushSoon(): void {
    if (this.#inEvent || this.#flushScheduled || this.#isClosed) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isClosed) return;
    this.#out.flushTo(this.#socket);
    if (this.#isClosing && this.#order.isEmpty) this.#socket.end();
  }

  #read(chunk: Buffer): void {
    if (this.#isClosing) {
      // It was told to go and talks on.
      if (this.#socket.writableFinished) this.#socket.destroy();
      return;
    }
    this.#inEvent = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuseInput(error);
    } finally {
      this.#inEvent = false;
    }
    this.#countMidway(this.#parser.isMidway && !this.#isClosing);
    this.#flush();
  }

  #countMidway(isMidway: boolean): void {
    if (isMidway === this.#isMidway) return;
    this.#isMidway = isMidway;
    this.server.pending += isMidway ? 1 : -1;
  }

  #refuseInput(error: ProtocolError): void {
    this.server.pending++;
    this.#isClosing = true;
    this.answer(this.#pending('', [], false), new ErrorReply(error.message));
  }

  #receive(received: ByteString[]): void {
    if (this.#isClosing) return;
    this.server.activity++;
    this.server.pending++;
    const isTagged = received[0] === laneCommand;
    const laneTag = isTagged ? received[1] ?? null : null;
    const tag = laneTag === null ? null : tagIn(laneTag);
    const args = isTagged ? received.slice(2) : received;
    const name = upperName(args[0] ?? '');
    this.#currentTag = tag;
    this.lastCommand = name;
    if (this.#answerOwn(name, args)) return;
    const command = this.#pending(name, args, this.#takeSilence());
    const refusal = args.length === 0 ? malformedTag : this.authenticated ? undefined : notAuthenticated;
    const lane = refusal === undefined ? this.#lane(tag) : undefined;
    if (lane === undefined) {
      this.answer(command, refusal ?? noCase);
      return;
    }
    if (laneTag !== null && laneTag !== tag) lane.target.onClock?.(Number(laneTag.slice(laneTag.indexOf(';') + 1)));
    lane.receive(command);
  }

  /** Answers a command that belongs to the connection; false when it is the keyspace's. */
  #answerOwn(name: string, args: readonly ByteString[]): boolean {
    const own = connectionCommands.get(name);
    if (own === undefined) return false;
    const endsSpecial = name === 'QUIT' || name === 'RESET';
    if (!endsSpecial && this.#lanes.get(this.#currentTag)?.isSpecial === true) return false;
    const reply = this.authenticated || allowedUnauthenticated.has(name) ? own(this, args.slice(1)) : notAuthenticated;
    if (reply === forKeyspace) return false;
    // CLIENT REPLY OFF and SKIP must not use up the silence they have just asked for.
    const command = this.#pending(name, args, reply === noReply || this.#takeSilence());
    if (name === 'QUIT') this.#isClosing = true;
    this.answer(command, reply === noReply ? null : reply);
    return true;
  }

  #pending(name: string, args: readonly ByteString[], silent: boolean): PendingCommand {
    const command = new PendingCommand({ args, name, database: this.database, silent });
    if (!this.#order.isEmpty) this.#order.add(command);
    return command;
  }

  #takeSilence(): boolean {
    if (this.replies === 'on') return false;
    if (this.replies === 'skip') this.replies = 'on';
    return true;
  }

  /** The lane's session on this connection, in the keyspace that the route gives now. */
  #lane(tag: string | null): LaneSession | undefined {
    const target = this.server.route(tag);
    let lane = this.#lanes.get(tag);
    if (target === undefined) {
      if (lane !== undefined) this.#endLane(lane);
      return undefined;
    }
    if (lane === undefined) {
      lane = new LaneSession(tag, target, this);
      this.#lanes.set(tag, lane);
      this.server.laneOpened(tag, this);
    } else if (lane.target !== target && !lane.isInTransaction) {
      lane.moveTo(target);
    }
    return lane;
  }

  #endLane(lane: LaneSession): void {
    this.#lanes.delete(lane.tag);
    this.server.laneClosed(lane.tag, this);
    lane.end();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#countMidway(false);
    for (const lane of this.#lanes.values()) this.#endLane(lane);
    this.server.closed(this);
  }
}
