import type { Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { encodeReply } from './resp-encoder.ts';
import { OutputBuffer } from './output-buffer.ts';

/** A command received on a connection until its reply is on the way. */
export class PendingCommand {
  /** Name first, without the tag. */
  readonly args: readonly ByteString[];
  /** Upper case. */
  readonly name: string;
  /** Database that was selected when it came. */
  readonly database: number;
  /** CLIENT REPLY OFF or SKIP: it is run, its reply is not sent. */
  readonly silent: boolean;
  /** Settles (never rejects) when the state it needs is there; undefined: it is. */
  ready: Promise<void> | undefined;
  /** Why that state could not be had. */
  failure: string | undefined;
  /** In the connection's queue of replies, because an earlier command is not answered yet. */
  queued = false;
  answered = false;
  /** Run, and not answered at once. */
  blocked = false;
  /** Blocked because its key holds nothing, not because its keyspace is elsewhere. */
  waitsForKey = false;
  /** Counts runs: a command that moves to another keyspace must not take the answer of the one it left. */
  run = 0;
  #output: OutputBuffer | undefined;

  constructor(options: { readonly args: readonly ByteString[]; readonly name: string; readonly database: number; readonly silent: boolean }) {
    this.args = options.args;
    this.name = options.name;
    this.database = options.database;
    this.silent = options.silent;
  }

  /** Keeps what is to be sent when its turn comes. */
  keep(reply: Reply, protocol: 2 | 3): void {
    this.#output ??= new OutputBuffer();
    encodeReply(reply, protocol, this.#output);
  }

  /** Hands over what was kept. */
  moveTo(out: OutputBuffer): void {
    if (this.#output !== undefined) this.#output.moveTo(out);
  }
}
