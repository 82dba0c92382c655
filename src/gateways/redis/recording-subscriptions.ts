import { ErrorReply, PushReply, type Reply } from '../../keyspace/reply.ts';
import { globMatches } from '../../keyspace/glob.ts';
import type { ByteString } from '../../lib/bytes.ts';
import { itemsOf } from './recording-replies.ts';

const messages: ReadonlySet<string> = new Set(['message', 'pmessage', 'smessage']);
type SubscriptionVerb = 'subscribe' | 'psubscribe' | 'ssubscribe';
const confirmations: ReadonlySet<string> = new Set(['subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe', 'punsubscribe', 'sunsubscribe']);

/** What a reply is once pub/sub is taken into account. */
export type ReplyKind =
  /** answers the oldest unanswered command */
  | 'answer'
  /** answers no command */
  | 'push'
  /** the last confirmation that a (un)subscribe command was waiting for */
  | 'confirmed';

/**
 * Tells answers from pub/sub messages. On RESP3 those are push frames; on RESP2 they look like arrays, and can only come while the
 * connection is subscribed or a subscription is the oldest unanswered command. Each channel of a (un)subscribe command is confirmed apart.
 */
export class SubscriptionTracker {
  readonly #names: Readonly<Record<SubscriptionVerb, Set<ByteString>>> = { subscribe: new Set<ByteString>(), psubscribe: new Set<ByteString>(), ssubscribe: new Set<ByteString>() };
  /** Confirmations still to come for the oldest command; null: not known yet. */
  #missing: number | null = null;

  /** @param oldest the arguments of the oldest unanswered command when it is a (un)subscribe, else undefined */
  kindOf(reply: Reply, oldest: readonly ByteString[] | undefined): ReplyKind {
    if (reply instanceof ErrorReply) return this.#reset('answer');
    const kind = itemsOf(reply)[0];
    if (reply instanceof PushReply) return typeof kind === 'string' && confirmations.has(kind) ? this.#confirm(reply, kind, oldest) : 'push';
    if (typeof kind !== 'string' || (oldest === undefined && !this.#isSubscribed)) return 'answer';
    if (messages.has(kind) && this.#isSubscribed) return 'push';
    return confirmations.has(kind) ? this.#confirm(reply, kind, oldest) : 'answer';
  }

  /** How often this connection gets a message of a channel. */
  receives(channel: ByteString): number {
    let times = this.#names.subscribe.has(channel) ? 1 : 0;
    for (const pattern of this.#names.psubscribe) if (globMatches(pattern, channel)) times++;
    return times;
  }

  /** RESET ends all subscriptions. */
  clear(): void {
    for (const names of Object.values(this.#names)) names.clear();
    this.#missing = null;
  }

  get #isSubscribed(): boolean {
    return this.#names.subscribe.size + this.#names.psubscribe.size + this.#names.ssubscribe.size > 0;
  }

  #confirm(reply: Reply, kind: string, oldest: readonly ByteString[] | undefined): ReplyKind {
    const name = itemsOf(reply)[1];
    const names = this.#names[kind.replace('un', '') as SubscriptionVerb];
    // How many names an UNSUBSCRIBE without any is about must be known before the first of them is taken off.
    if (oldest?.[0]?.toLowerCase() === kind) this.#missing ??= oldest.length > 1 ? oldest.length - 1 : Math.max(1, names.size);
    if (typeof name === 'string') {
      if (kind.includes('unsub')) names.delete(name);
      else names.add(name);
    }
    if (oldest?.[0]?.toLowerCase() !== kind || this.#missing === null) return 'push'; // a channel taken away by the server
    if (--this.#missing > 0) return 'push';
    return this.#reset('confirmed');
  }

  #reset(kind: ReplyKind): ReplyKind {
    this.#missing = null;
    return kind;
  }
}
