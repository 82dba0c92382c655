import type { Reply } from '../../keyspace/reply.ts';
import { commandSpec } from '../../keyspace/registry.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { deferred, type Deferred } from '../../lib/deferred.ts';
import type { RemoteLink, RemoteLinks } from './remote-link.ts';

/** Of the commands our keyspace knows, those that are about the connection they come on. */
const ownOnly: ReadonlySet<string> = new Set(['multi', 'exec', 'discard', 'watch', 'unwatch', 'client', 'monitor', 'reset', 'hello', 'auth', 'quit', 'select', 'wait', 'waitaof']);
/** Of the others, those that are not. */
const scripting: ReadonlySet<string> = new Set(['EVAL', 'EVALSHA', 'EVAL_RO', 'EVALSHA_RO', 'FCALL', 'FCALL_RO', 'SCRIPT', 'FUNCTION']);

function mayShare(name: string): boolean {
  const spec = commandSpec(name);
  return spec === undefined ? scripting.has(name) : !spec.flags.includes('blocking') && !ownOnly.has(spec.name);
}

/**
 * How one session reaches the server: by the connection that all sessions share, so that what many of them ask at once is one write,
 * until it sends something that is about a connection or blocks it; from then on by one of its own.
 */
export class SessionLink {
  readonly #links: RemoteLinks;
  readonly #protocol: 2 | 3;
  #own: RemoteLink | undefined;
  /** Sent by the shared connection and not answered. */
  #unanswered = 0;
  /** What waits for that, to keep the order. */
  #queue: (() => void)[] = [];
  #ended: Deferred<void> | undefined;

  constructor(links: RemoteLinks, protocol: 2 | 3) {
    this.#links = links;
    this.#protocol = protocol;
  }

  /** Runs a command (name in upper case) in a database; `deliver` gets its reply, in order. */
  send(name: string, database: number, args: readonly ByteString[], deliver: (reply: Reply) => void): void {
    if (this.#own === undefined && mayShare(name)) {
      this.#unanswered++;
      this.#links.shared(this.#protocol).send(database, args, (reply) => {
        this.#unanswered--;
        deliver(reply);
        if (this.#unanswered === 0) this.#answered();
      });
      return;
    }
    const own = (this.#own ??= this.#links.take(this.#protocol));
    if (this.#unanswered > 0) this.#queue.push(() => own.send(database, args, deliver));
    else own.send(database, args, deliver);
  }

  /** Ends the session; resolves when nothing of it can reach the server any more. */
  end(): Promise<void> {
    this.#queue = [];
    if (this.#own !== undefined) this.#links.give(this.#own);
    if (this.#unanswered === 0) return Promise.resolve();
    this.#ended ??= deferred<void>();
    return this.#ended.promise;
  }

  #answered(): void {
    for (const send of this.#queue.splice(0)) send();
    this.#ended?.resolve();
  }
}
