import type { Socket } from 'node:net';
import type { ByteString } from '../../lib/bytes.ts';
import { Fifo } from '../../lib/fifo.ts';
import { ForeshardError } from '../../model/errors.ts';
import { ByteOutput } from './byte-output.ts';
import { upperName } from './command-names.ts';
import { CommandParser } from './command-parser.ts';
import { connectionCommands } from './connection-commands.ts';
import { forKeyspace, noReply, wrongArity, type ConnectionState, type ServerState } from './connection-state.ts';
import type { KeyspaceTarget } from './keyspace-target.ts';
import { ProtocolError } from './protocol-error.ts';
import { CommandError, describeCommands, encodeServed, ErrorReply, hasArity, type ServedCommand, type ServedReply } from './served-command.ts';

/** Answers are written when this much has gathered, and at the end of what came together: less than a block of `ByteOutput`, which is then used again. */
const writeFromBytes = 48 * 1024;

/** What browsers say when a page makes them talk to this port: no client of ours. */
const spokenByBrowsers: ReadonlySet<string> = new Set(['POST', 'HOST:']);

/** What connections need of their server. */
export interface CommandHost extends ServerState {
  readonly commands: ReadonlyMap<string, ServedCommand>;
  readonly maxBulkBytes: number;
  readonly maxCommandBytes: number;
  /** How an operating error stands in a reply. */
  errorText(error: ForeshardError): ByteString;
  /** Told what nobody expected. */
  onInternalError(error: unknown): void;
  left(connection: CommandConnection): void;
}

type Answer = ServedReply | typeof noReply;

/** One client of a `CommandServer`: its commands run one after the other. A client that does not read its answers is not read from. */
export class CommandConnection implements ConnectionState {
  readonly id: number;
  readonly remote: string;
  readonly local: string;
  readonly server: CommandHost;
  protocol: 2 | 3 = 2;
  database = 0;
  name: ByteString = '';
  libraryName: ByteString = '';
  libraryVersion: ByteString = '';
  authenticated = true;
  replies: 'on' | 'off' | 'skip' = 'on';
  lastCommand = '';
  readonly isLaneOpen = false;
  readonly #socket: Socket;
  readonly #parser: CommandParser;
  #queue = new Fifo<ByteString[] | ProtocolError>();
  readonly #out = new ByteOutput();
  #isWorking = false;
  /** Nothing more is read; what was asked before is answered. */
  #isClosing = false;

  constructor(host: CommandHost, socket: Socket, id: number) {
    this.server = host;
    this.id = id;
    this.#socket = socket;
    this.remote = `${socket.remoteAddress ?? '127.0.0.1'}:${socket.remotePort ?? 0}`;
    this.local = `${socket.localAddress ?? '127.0.0.1'}:${socket.localPort ?? 0}`;
    this.#parser = new CommandParser((args) => this.#queue.push(args), host);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => host.left(this));
  }

  target(): KeyspaceTarget | undefined {
    return undefined;
  }

  reset(): void {
    this.protocol = 2;
    this.name = '';
    this.replies = 'on';
  }

  unblock(): boolean {
    return false;
  }

  /** Answers what was asked, then closes; at once when nothing is under way. */
  end(): void {
    this.#isClosing = true;
    if (!this.#isWorking) this.#socket.end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#isClosing) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#queue.push(error);
      this.#isClosing = true;
    }
    if (!this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let next = this.#queue.shift(); next !== undefined && !this.#socket.destroyed; next = this.#queue.shift()) {
      const answer = next instanceof ProtocolError ? new ErrorReply(next.message) : this.#answer(next);
      const reply = answer instanceof Promise ? await answer : answer; // waiting for what is there already costs more than a short read
      if (reply !== noReply) encodeServed(reply, this.protocol, this.#out);
      if (this.#out.size >= writeFromBytes) await this.#flush();
    }
    await this.#flush();
    this.#isWorking = false;
    if (this.#isClosing) this.#socket.end();
    else if (this.#queue.size > 0) void this.#work(); // came during the last flush
  }

  /** Writes what there is. While the client does not take it nothing is read from it. */
  async #flush(): Promise<void> {
    this.#out.flushTo(this.#socket);
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    this.#socket.pause();
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#socket.off('drain', go).off('close', go);
        resolve();
      };
      this.#socket.on('drain', go).on('close', go);
    });
    this.#socket.resume();
  }

  #answer(args: readonly ByteString[]): Answer | Promise<Answer> {
    const name = upperName(args[0] ?? '');
    this.lastCommand = name;
    if (spokenByBrowsers.has(name)) {
      this.#socket.destroy();
      return noReply;
    }
    const asked = this.replies;
    if (asked === 'skip') this.replies = 'on';
    const reply = this.#reply(name, args);
    if (name === 'QUIT') {
      this.#isClosing = true;
      this.#queue = new Fifo(); // what was sent after it is not answered
    }
    if (asked === 'on' || asked === 'off' && this.replies === 'on') return reply;
    return reply instanceof Promise ? reply.then(() => noReply) : noReply;
  }

  #reply(name: string, args: readonly ByteString[]): Answer | Promise<Answer> {
    try {
      const reply = this.#run(name, args);
      return reply instanceof Promise ? reply.catch((error: unknown) => this.#failure(error)) : reply;
    } catch (error) {
      return this.#failure(error);
    }
  }

  #run(name: string, args: readonly ByteString[]): Answer | Promise<Answer> {
    const command = this.server.commands.get(name);
    if (command !== undefined) return hasArity(command, args.length) ? command.run(args.slice(1), this) : wrongArity(name.toLowerCase());
    if (name === 'COMMAND') return describeCommands(this.server.commands, args.slice(1));
    const reply = connectionCommands.get(name)?.(this, args.slice(1)) ?? forKeyspace;
    if (reply !== forKeyspace) return reply;
    return new ErrorReply(`ERR unknown command '${args.slice(0, 2).join(' ').slice(0, 128)}'. Try FS.HELP.`);
  }

  #failure(error: unknown): ErrorReply {
    if (error instanceof CommandError) return new ErrorReply(error.message);
    if (error instanceof ForeshardError) return new ErrorReply(this.server.errorText(error));
    this.server.onInternalError(error);
    return new ErrorReply(`ERR internal error: ${error instanceof Error ? error.message : String(error)}`);
  }
}
