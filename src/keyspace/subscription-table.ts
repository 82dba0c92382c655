import type { ByteString } from '../lib/bytes.ts';
import { globMatches } from './glob.ts';
import type { SubscriptionKind, Subscriptions } from './host.ts';
import { PushReply } from './reply.ts';
import type { Session } from './session.ts';

/** Channels and patterns with their subscribers, in order of subscription. */
export class SubscriptionTable implements Subscriptions {
  readonly #channels = new Map<ByteString, Set<Session>>();
  readonly #patterns = new Map<ByteString, Set<Session>>();
  readonly #onPublish: (channel: ByteString, message: ByteString) => void;

  constructor(onPublish: (channel: ByteString, message: ByteString) => void) {
    this.#onPublish = onPublish;
  }

  subscribe(session: Session, kind: SubscriptionKind, name: ByteString): number {
    const table = this.#table(kind);
    const sessions = table.get(name);
    if (sessions === undefined) table.set(name, new Set([session]));
    else sessions.add(session);
    namesOf(session, kind).add(name);
    return countOf(session);
  }

  unsubscribe(session: Session, kind: SubscriptionKind, name: ByteString): number {
    const table = this.#table(kind);
    const sessions = table.get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) table.delete(name);
    namesOf(session, kind).delete(name);
    return countOf(session);
  }

  unsubscribeAll(session: Session): void {
    for (const channel of session.channels) this.unsubscribe(session, 'channel', channel);
    for (const pattern of session.patterns) this.unsubscribe(session, 'pattern', pattern);
  }

  publish(channel: ByteString, message: ByteString): number {
    this.#onPublish(channel, message);
    let receivers = 0;
    for (const session of this.#channels.get(channel) ?? []) {
      session.push(new PushReply(['message', channel, message]));
      receivers++;
    }
    for (const [pattern, sessions] of this.#patterns) {
      if (!globMatches(pattern, channel)) continue;
      for (const session of sessions) {
        session.push(new PushReply(['pmessage', pattern, channel, message]));
        receivers++;
      }
    }
    return receivers;
  }

  channels(): Iterable<ByteString> {
    return this.#channels.keys();
  }

  subscriberCount(channel: ByteString): number {
    return this.#channels.get(channel)?.size ?? 0;
  }

  patternCount(): number {
    return this.#patterns.size;
  }

  #table(kind: SubscriptionKind): Map<ByteString, Set<Session>> {
    return kind === 'channel' ? this.#channels : this.#patterns;
  }
}

function namesOf(session: Session, kind: SubscriptionKind): Set<ByteString> {
  return kind === 'channel' ? session.channels : session.patterns;
}

function countOf(session: Session): number {
  return session.channels.size + session.patterns.size;
}
