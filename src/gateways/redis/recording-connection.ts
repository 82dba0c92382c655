import type { Socket } from 'node:net';
import { ErrorReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { Fifo } from '../../lib/fifo.ts';
import { laneCommand } from '../../model/preload-protocol.ts';
import { tagIn } from './lane-tag.ts';
import type { RecordedCommand, CommandOwner } from './recording-command.ts';
import { OutgoingBytes } from './recording-outgoing.ts';
import { RecordingSession, type ReceivedCommand } from './recording-session.ts';
import type { RecordingContext } from './recording-context.ts';
import { SubscriptionTracker } from './recording-subscriptions.ts';
import { encodeCommand } from './resp-encoder.ts';
import { CommandParser, ProtocolError, ReplyFramer, ReplyParser } from './resp-parser.ts';

/** Reading from the client pauses above this many commands that cannot be sent yet. */
const maxWaiting = 1024;
/** Roles whose commands belong to the connection even when they carry a tag. */
const connectionRoles: ReadonlySet<string> = new Set(['connection', 'select', 'hello', 'reset', 'quit', 'client']);

/** One listener's traffic, as {@link RedisRecordingGateway.pending} and `activity` count it. */
export interface LaneTraffic {
  readonly lane: string;
  pending: number;
  activity: number;
}

/**
 * One client connection and its own connection to the server. Bytes pass in both directions as they are; a command waits only
 * while a key of it is being loaded or another connection is in conflict with it.
 */
export class RecordingConnection implements CommandOwner {
  readonly #context: RecordingContext;
  readonly #traffic: LaneTraffic;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #session: RecordingSession;
  readonly #subscriptions = new SubscriptionTracker();
  readonly #commands: CommandParser;
  readonly #replies: ReplyParser;
  readonly #out = new OutgoingBytes();
  /** Received, not yet looked at. */
  readonly #received = new Fifo<ReceivedCommand>();
  /** The oldest of them, once it was looked at and has to wait for its keys. */
  #next: RecordedCommand | undefined;
  /** Has its keys, waits for one of them to be loaded (or is behind one that does). */
  readonly #ready = new Fifo<RecordedCommand>();
  /** Sent, not answered. */
  readonly #sent = new Fifo<RecordedCommand>();
  /** Answered, being settled. */
  readonly #settling = new Set<RecordedCommand>();
  readonly #argsOf = new WeakMap<RecordedCommand, readonly ByteString[]>();
  #barrier: RecordedCommand | undefined;
  /** Set once replies have to be kept from the client one by one. */
  #framer: ReplyFramer | undefined;
  #frameEnds: number[] = [];
  #passes: boolean[] = [];
  /** MONITOR, SYNC: nothing is understood any more, only passed on. */
  #isRaw = false;
  #clientEnded = false;
  #protocolError: string | undefined;
  #isClosed = false;
  /** A command has begun to come: counted as pending, since what holds its rest back may be the network. */
  #isMidway = false;

  constructor(options: { readonly context: RecordingContext; readonly traffic: LaneTraffic; readonly client: Socket; readonly server: Socket }) {
    this.#context = options.context;
    this.#traffic = options.traffic;
    this.#client = options.client;
    this.#server = options.server;
    const { table, directory, scripts } = options.context;
    options.context.subscriptions.add(this.#subscriptions);
    this.#session = new RecordingSession({ owner: this, table, directory, holdsAll: () => scripts.isPossible });
    this.#commands = new CommandParser((args, raw) => this.#receive(args, raw), { keepRaw: true });
    this.#replies = new ReplyParser((reply) => this.#onReply(reply));
    this.#wire();
  }

  get lane(): string {
    return this.#traffic.lane;
  }

  pump(): void {
    this.#context.runnable.add(this);
  }

  parked(command: RecordedCommand): void {
    command.isUncounted = true;
    this.#traffic.pending--;
  }

  finished(command: RecordedCommand): void {
    if (this.#settling.delete(command)) this.#context.unsettled.end(command.by);
    this.#traffic.activity++;
    if (!command.isUncounted) this.#traffic.pending--;
    if (this.#clientEnded) this.pump();
  }

  /** Takes up received commands as far as their keys are free, and sends what is ready. Called by the context, once a turn. */
  run(): void {
    if (this.#isClosed) return;
    while (this.#barrier === undefined) {
      const command = this.#next ?? this.#takeUp();
      if (command === undefined) break;
      this.#next = command;
      if (!this.#context.locks.tryAcquire(command)) break;
      this.#next = undefined;
      this.#context.settler.admitted(command);
      this.#context.loader.prepare(command);
      this.#context.scripts.prepare(command);
      if (this.#session.isBarrier(command)) this.#barrier = command;
      this.#ready.push(command);
    }
    this.#sendReady();
    this.#endIfDone();
  }

  /** Closes both sides; what is unanswered is given up. */
  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
    this.#context.turn(() => {
      this.#close();
      for (const command of this.#settling) this.#abandon(command);
    });
  }

  #wire(): void {
    this.#client.on('data', (chunk: Buffer) => this.#context.turn(() => this.#fromClient(chunk)));
    this.#client.on('end', () => this.#context.turn(() => this.#endClient()));
    this.#client.on('close', () => this.#context.turn(() => this.#endClient()));
    this.#client.on('error', () => {}); // 'close' follows
    this.#client.on('drain', () => this.#server.resume());
    this.#server.on('data', (chunk: Buffer) => this.#fromServer(chunk));
    this.#server.on('drain', () => this.#resumeClient());
    this.#server.on('error', () => {}); // 'close' follows
    this.#server.on('end', () => this.#server.end());
    this.#server.on('close', () => this.#context.turn(() => this.#close()));
  }

  #fromClient(chunk: Buffer): void {
    if (this.#protocolError !== undefined || this.#isClosed) return;
    try {
      this.#commands.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#protocolError = error.message;
      this.#clientEnded = true;
    }
    this.#countMidway(this.#commands.isMidway && !this.#clientEnded);
    this.run();
    if (this.#received.size > maxWaiting || this.#server.writableNeedDrain) this.#client.pause();
  }

  #countMidway(isMidway: boolean): void {
    if (isMidway === this.#isMidway) return;
    this.#isMidway = isMidway;
    this.#traffic.pending += isMidway ? 1 : -1;
  }

  #receive(args: readonly ByteString[], raw: Buffer): void {
    const isTagged = args.length > 2 && (args[0] as string).length === laneCommand.length && (args[0] as string).toUpperCase() === laneCommand;
    const own = isTagged ? args.slice(2) : args;
    const traits = this.#context.traits.of(own);
    const by = connectionRoles.has(traits.role) ? null : this.#context.sink.requestOf(this.#traffic.lane, isTagged ? tagIn(args[1] as string) : null);
    this.#traffic.pending++;
    this.#traffic.activity++;
    if (by !== null) this.#context.sink.command(by, traits.name);
    this.#received.push({ args: own, bytes: isTagged ? encodeCommand(own) : raw, by, isTagged, traits });
  }

  #takeUp(): RecordedCommand | undefined {
    const received = this.#received.first;
    if (received === undefined) return undefined;
    const isQuiet = this.#sent.size + this.#ready.size === 0;
    const isReplyMode = received.traits.role === 'client' && /^reply$/i.test(received.args[1] ?? '');
    // From here on replies are looked at one by one; that can only start between two of them.
    if ((received.traits.role === 'monitor' || (isReplyMode && this.#framer === undefined)) && !isQuiet && !this.#isRaw) return undefined;
    this.#received.shift();
    if (this.#received.size <= maxWaiting) this.#resumeClient();
    if (isReplyMode) this.#framer ??= new ReplyFramer((frame) => this.#frameEnds.push(frame.end));
    if (received.traits.role === 'monitor') this.#isRaw = true;
    if (this.#isRaw || this.#session.suppresses(received)) {
      if (this.#isRaw) this.#out.append(received.bytes);
      this.#traffic.pending--;
      return this.#takeUp();
    }
    const command = this.#session.admit(received);
    this.#argsOf.set(command, received.args);
    return command;
  }

  #sendReady(): void {
    const now = this.#ready.size > 0 ? Date.now() : 0;
    let blocking: RecordedCommand | undefined; // one at most: nothing is sent behind it
    for (let command = this.#ready.first; command !== undefined && command.missingLoads === 0; command = this.#ready.first) {
      this.#ready.shift();
      command.sentAtMs = now;
      this.#out.append(command.bytes);
      this.#sent.push(command);
      if (command.blocks) blocking = command;
    }
    if (!this.#out.flushTo(this.#server)) this.#client.pause();
    const sent = blocking;
    if (sent !== undefined) this.#server.write('', () => this.#context.settler.blocks(sent)); // called when all before it is written
  }

  #fromServer(chunk: Buffer): void {
    if (this.#framer === undefined) {
      if (!this.#client.destroyed && !this.#client.write(chunk)) this.#server.pause();
      if (this.#isRaw) return;
      this.#context.turn(() => this.#understand(chunk));
      return;
    }
    this.#context.turn(() => this.#filter(chunk, this.#framer as ReplyFramer));
  }

  #understand(chunk: Buffer): void {
    try {
      this.#replies.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#context.sink.loss('upstream_protocol', `the server on a connection of lane ${this.#traffic.lane} sent what is not RESP: ${error.message}`);
      this.#server.destroy();
      return;
    }
    if (this.#barrier === undefined && this.#received.size > 0) this.run();
  }

  /** Passes on the replies of a chunk one by one, without those that are to be kept back. */
  #filter(chunk: Buffer, framer: ReplyFramer): void {
    this.#frameEnds = [];
    this.#passes = [];
    framer.push(chunk);
    this.#understand(chunk);
    let at = 0;
    this.#frameEnds.forEach((end, index) => {
      if (this.#passes[index] !== false) this.#client.write(chunk.subarray(at, end));
      at = end;
    });
    // Part of a reply: whose it is is known, for all before it are answered.
    const isKept = framer.partial === 'reply' && this.#sent.first?.swallow === true;
    if (at < chunk.length && !isKept) this.#client.write(chunk.subarray(at));
  }

  #onReply(reply: Reply): void {
    const command = this.#sent.first;
    const args = command === undefined ? undefined : this.#argsOf.get(command);
    const kind = this.#subscriptions.kindOf(reply, command?.traits.role === 'subscribe' && command.queuedPart === undefined ? args : undefined);
    if (this.#framer !== undefined) this.#passes.push(command?.swallow !== true);
    if (kind === 'push' || command === undefined) return;
    this.#sent.shift();
    command.reply = reply;
    this.#session.answered(command, args ?? [], reply);
    if (command.traits.role === 'client') this.#noteCache(args ?? [], reply);
    if (command.traits.role === 'reset' && !(reply instanceof ErrorReply)) this.#subscriptions.clear();
    if (command === this.#barrier) this.#barrier = undefined;
    if (command.queuedPart !== undefined && (reply instanceof ErrorReply || (reply instanceof SimpleReply && reply.text === 'QUEUED'))) {
      this.finished(command);
      return;
    }
    if (command.isUncounted) this.#served(command);
    this.#settling.add(command);
    this.#context.unsettled.begin(command.by);
    this.#context.settler.complete(command);
  }

  /** A client that keeps what it has read does not ask again. */
  #noteCache([, subcommand = '', mode = '']: readonly ByteString[], reply: Reply): void {
    if (reply instanceof ErrorReply || !/^tracking$/i.test(subcommand) || !/^on$/i.test(mode)) return;
    this.#context.sink.loss('client_side_cache', 'the service keeps what it reads in a cache of its own (CLIENT TRACKING): what it answers from there is not recorded as read, and no cache is served in a replay');
  }

  /** A command that waited for a key is answered: without a tag it belongs to the request in the lane now, as in replay, not to the one it came in. */
  #served(command: RecordedCommand): void {
    this.#traffic.pending++;
    command.isUncounted = false;
    if (!command.isTagged) command.by = this.#context.sink.requestOf(this.#traffic.lane, null);
  }

  #resumeClient(): void {
    if (!this.#clientEnded && this.#received.size <= maxWaiting && !this.#server.writableNeedDrain) this.#client.resume();
  }

  #endClient(): void {
    this.#clientEnded = true;
    this.#countMidway(false);
    this.run();
  }

  /** Once a client that has gone (or sent garbage) is owed nothing more, both sides are closed. */
  #endIfDone(): void {
    if (!this.#clientEnded) return;
    const onlyBlocked = this.#sent.toArray().every((command) => command.blocks);
    const owesNothing = this.#next === undefined && this.#ready.size === 0 && this.#settling.size === 0
      && (this.#sent.size === 0 || (onlyBlocked && (this.#client.destroyed || this.#client.readableEnded)));
    if (!owesNothing || (this.#received.size > 0 && this.#sent.size === 0 && this.#barrier === undefined)) return;
    if (this.#protocolError !== undefined && !this.#client.destroyed) this.#client.end(`-${this.#protocolError}\r\n`, 'latin1');
    else this.#client.end();
    this.#server.destroy();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#countMidway(false);
    this.#context.connections.delete(this);
    this.#context.subscriptions.delete(this.#subscriptions);
    const sent = this.#sent.drain();
    const waiting = this.#ready.drain();
    for (const command of sent) this.#lose(command);
    if (sent.some((command) => command.keys.length > 0 && !command.blocks)) {
      this.#context.sink.loss('upstream_lost', `the server closed a connection of lane ${this.#traffic.lane} with ${sent.length} commands unanswered`);
    }
    for (const command of waiting) this.#abandon(command);
    if (this.#next !== undefined) {
      this.#context.locks.withdraw(this.#next);
      this.#traffic.pending--;
      this.#next = undefined;
    }
    this.#traffic.pending -= this.#received.drain().length;
    this.#traffic.activity++;
    if (!this.#client.destroyed) this.#client.destroySoon();
  }

  #lose(command: RecordedCommand): void {
    if (!command.blocks) {
      this.#context.sink.problem(command.by, { code: 'upstream_lost', message: `the connection to the server was lost before ${command.traits.name} was answered` });
    }
    this.#abandon(command);
  }

  #abandon(command: RecordedCommand): void {
    this.#context.settler.abandon(command);
  }
}
