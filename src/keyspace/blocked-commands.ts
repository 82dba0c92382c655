import type { ByteString } from '../lib/bytes.ts';
import type { Blocked } from './command.ts';
import type { Entry } from './entry.ts';
import { ErrorReply, type Reply } from './reply.ts';
import type { Session } from './session.ts';

interface Waiting {
  readonly session: Session;
  readonly name: string;
  readonly blocked: Blocked;
  /** The only type of element that can serve this command. */
  readonly serves: Entry['type'];
  readonly ids: readonly string[];
  readonly deliver: (reply: Reply) => void;
  cancelTimeout: (() => void) | undefined;
}

interface ReadyKey { readonly database: number; readonly key: ByteString; readonly isNew: boolean }

/** Commands that wait for a key, served in order of arrival once the key has what they want. */
export class BlockedCommands {
  readonly #byKey = new Map<string, Set<Waiting>>();
  readonly #bySession = new Map<Session, Waiting>();
  readonly #after: (ms: number, action: () => void) => () => void;
  readonly #errorReply: (error: unknown, commandName: string) => ErrorReply;
  #ready = new Map<string, ReadyKey>();

  /** `errorReply` makes the answer of what an attempt throws. */
  constructor(options: { readonly after: (ms: number, action: () => void) => () => void; readonly errorReply: (error: unknown, commandName: string) => ErrorReply }) {
    this.#after = options.after;
    this.#errorReply = options.errorReply;
  }

  get size(): number {
    return this.#bySession.size;
  }

  /** Starts the wait of a command whose first attempt gave nothing. */
  add(wait: { readonly session: Session; readonly database: number; readonly name: string; readonly blocked: Blocked; readonly deliver: (reply: Reply) => void }): void {
    const { session, blocked, deliver } = wait;
    const ids = blocked.keys.map((key) => `${wait.database}/${key}`);
    const waiting: Waiting = { session, name: wait.name, blocked, serves: servedType(wait.name), ids, deliver, cancelTimeout: undefined };
    this.#bySession.set(session, waiting);
    for (const id of ids) {
      const queue = this.#byKey.get(id);
      if (queue === undefined) this.#byKey.set(id, new Set([waiting]));
      else queue.add(waiting);
    }
    if (blocked.timeoutMs > 0) waiting.cancelTimeout = this.#after(blocked.timeoutMs, () => this.#finish(waiting, blocked.onTimeout));
  }

  /** A key has changed: who waits for it is tried at the next {@link serve}. */
  changed(database: number, key: ByteString, isNew: boolean): void {
    if (this.#byKey.size === 0) return;
    const id = `${database}/${key}`;
    if (this.#byKey.has(id)) this.#ready.set(id, { database, key, isNew: isNew || this.#ready.get(id)?.isNew === true });
  }

  /** Tries the commands that wait for a changed key, until no key changes any more. `typeOf` gives the type of a key's element now. */
  serve(typeOf: (database: number, key: ByteString) => Entry['type'] | undefined): void {
    while (this.#ready.size > 0) {
      const ready = this.#ready;
      this.#ready = new Map();
      for (const [id, { database, key, isNew }] of ready) {
        for (const waiting of this.#byKey.get(id) ?? []) {
          // A key of another type does not wake anyone; one that became empty serves nobody else. Redis looks at a list or sorted set
          // only when its key comes into being, not when it replaces another element; a stream also serves while it grows.
          if (this.#bySession.get(waiting.session) !== waiting) continue;
          // A reader of a group is told when its stream goes away.
          if (typeOf(database, key) !== waiting.serves && waiting.name !== 'XREADGROUP') continue;
          if (!isNew && waiting.serves !== 'stream') continue;
          const reply = this.#tried(waiting, key);
          if (reply !== undefined) this.#finish(waiting, reply);
        }
      }
    }
  }

  /** Answers a session's wait at once; false when it does not wait. */
  release(session: Session, how: 'timeout' | 'error'): boolean {
    const waiting = this.#bySession.get(session);
    if (waiting === undefined) return false;
    this.#finish(waiting, how === 'timeout' ? waiting.blocked.onTimeout : new ErrorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK'));
    return true;
  }

  #tried({ blocked, name }: Waiting, ready: ByteString): Reply | undefined {
    try {
      return blocked.attempt(ready);
    } catch (error) {
      return this.#errorReply(error, name);
    }
  }

  #finish(waiting: Waiting, reply: Reply): void {
    if (this.#bySession.get(waiting.session) !== waiting) return;
    this.#bySession.delete(waiting.session);
    waiting.cancelTimeout?.();
    for (const id of waiting.ids) {
      const queue = this.#byKey.get(id);
      queue?.delete(waiting);
      if (queue?.size === 0) this.#byKey.delete(id);
    }
    waiting.deliver(reply);
  }
}

function servedType(commandName: string): Entry['type'] {
  if (commandName.startsWith('BZ')) return 'zset';
  return commandName.startsWith('X') ? 'stream' : 'list';
}
