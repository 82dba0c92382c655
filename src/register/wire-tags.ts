/**
 * Clients that are not known: their commands are tagged on the socket, where they are written. That is right only where the write happens
 * within the call that asked for it, so the stack must lead from the client to other code of the service without an `await` between. A
 * client that queues commands and writes them later does so in the context of whoever set that off: those commands stay untagged and the
 * client is reported by name.
 */
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { currentContext, hasLiveContexts } from './context.ts';
import type { RequestContext } from './context.ts';
import { WirePending } from './wire-pending.ts';

/** Commands about the connection or shared by all who use it: they belong to no request. */
const shared = new Set([
  'HELLO', 'AUTH', 'SELECT', 'CLIENT', 'INFO', 'READONLY', 'READWRITE', 'QUIT', 'RESET', 'ASKING', 'CLUSTER', 'MONITOR', 'SYNC', 'PSYNC', 'PING',
  'SUBSCRIBE', 'UNSUBSCRIBE', 'PSUBSCRIBE', 'PUNSUBSCRIBE', 'SSUBSCRIBE', 'SUNSUBSCRIBE', 'COMMAND', 'FS.L',
]);

/** A command in what is written. */
interface Cut {
  /** Where it begins in the chunk. */
  readonly at: number;
  /** Where its first argument begins: the tag goes there. */
  readonly body: number;
  /** Arguments; 0: an inline command, which has no place for a tag. */
  readonly count: number;
  readonly name: string;
}

/** Finds where commands begin in what is written to one socket, whatever pieces it comes in. */
export class CommandCutter {
  /** Arguments of the current command still to come, and bytes of the current one. */
  #args = 0;
  #bytes = 0;
  /** A length was cut in two: from here on nothing is known. */
  #isLost = false;

  /** The commands that begin in this chunk; undefined once the stream can't be followed any more. */
  cut(chunk: Buffer): Cut[] | undefined {
    const found: Cut[] = [];
    let at = 0;
    while (at < chunk.length && !this.#isLost) {
      if (this.#bytes > 0) {
        const step = Math.min(this.#bytes, chunk.length - at);
        this.#bytes -= step;
        at += step;
        continue;
      }
      const end = chunk.indexOf('\r\n', at);
      if (end < 0) {
        this.#isLost = true;
      } else if (this.#args > 0) {
        this.#args--;
        this.#bytes = Number(chunk.toString('latin1', at + 1, end)) + 2;
        at = end + 2;
        this.#isLost ||= !(this.#bytes >= 2);
      } else {
        if (chunk[at] === 0x2a) {
          this.#args = Number(chunk.toString('latin1', at + 1, end));
          this.#isLost ||= !Number.isInteger(this.#args);
          found.push({ at, body: end + 2, count: this.#args, name: nameAt(chunk, end + 2) });
        } else if (end > at) {
          found.push({ at, body: at, count: 0, name: /^\S*/.exec(chunk.toString('latin1', at, end))?.[0].toUpperCase() ?? '' });
        }
        at = end + 2;
      }
    }
    return this.#isLost ? undefined : found;
  }
}

/** The bulk string at a place, in upper case; empty where it is not whole: a tag does no harm to a command about the connection. */
function nameAt(chunk: Buffer, at: number): string {
  const end = chunk.indexOf('\r\n', at);
  const size = Number(chunk.toString('latin1', at + 1, end));
  return end < 0 || !(size <= 32) ? '' : chunk.toString('latin1', end + 2, end + 2 + size).toUpperCase();
}

function withTags(chunk: Buffer, cuts: readonly Cut[], commandHead: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { at, body, count } of cuts) {
    parts.push(chunk.subarray(from, at), Buffer.from(`*${count + 2}\r\n${commandHead}`, 'latin1'));
    from = body;
  }
  return Buffer.concat([...parts, chunk.subarray(from)]);
}

const folder = new URL('.', import.meta.url);
const ours = [folder.href, fileURLToPath(folder)];
const framesLookedAt = 40;
const packageFolder = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/;

/** Who writes: a package's folder or a file, and whether other code of the service is calling it at this moment. */
interface Writer {
  readonly unit: string;
  readonly isCalled: boolean;
}

/** Files on the stack, innermost first, without Node.js and the preload, up to the first `await`. */
function callers(): string[] {
  const { stackTraceLimit, prepareStackTrace } = Error;
  try {
    Error.stackTraceLimit = framesLookedAt;
    Error.prepareStackTrace = (_error, frames) => frames;
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, callers);
    const frames = holder.stack as NodeJS.CallSite[];
    const awaited = frames.findIndex(frame => Reflect.has(frame, 'isAsync') && (frame as unknown as { isAsync(): boolean }).isAsync());
    return (awaited < 0 ? frames : frames.slice(0, awaited))
      .map(frame => frame.getFileName() ?? '')
      .filter(file => file !== '' && !file.startsWith('node:') && !ours.some(own => file.startsWith(own)));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}

function writer(): Writer {
  const files = callers();
  const unit = packageFolder.exec(files[0] ?? '')?.[0] ?? files[0] ?? '';
  // Another package on the stack may be one that the client itself is made of.
  return { unit, isCalled: files.some(file => !packageFolder.test(file) && file !== unit) };
}

/** The commands of one socket whose client is not known. */
export class WireTags {
  readonly #cutter = new CommandCutter();
  readonly #report: (client: string) => void;
  readonly #socket: net.Socket;
  #pending: WirePending | undefined;
  /** Its client has written commands outside their calls: several at once may be several requests'. */
  #queues = false;

  /** @param report is told who wrote commands that can't be attributed */
  constructor(socket: net.Socket, report: (client: string) => void) {
    this.#socket = socket;
    this.#report = report;
  }

  /** What to write instead of a chunk. */
  tag(chunk: Buffer): Buffer {
    const cuts = this.#cutter.cut(chunk);
    const own = cuts?.filter(({ name }) => !shared.has(name));
    const owner = own?.length === 0 ? null : this.#owner(own);
    this.#pending ??= new WirePending(this.#socket);
    for (const cut of cuts ?? []) this.#pending.sent(own?.includes(cut) === true ? owner : null, cut.name);
    return owner === null || own === undefined ? chunk : withTags(chunk, own, owner.commandHead);
  }

  /** Whose these commands are; null: nobody's, as far as can be told. */
  #owner(own: readonly Cut[] | undefined): RequestContext | null {
    const { unit, isCalled } = writer();
    if (!isCalled || own === undefined || own.some(({ count }) => count === 0) || (this.#queues && own.length > 1)) {
      this.#queues ||= !isCalled;
      if (hasLiveContexts()) this.#report(unit);
      return null;
    }
    return currentContext() ?? null;
  }
}
