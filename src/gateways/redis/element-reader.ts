import { ErrorReply, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element, ElementType, ElementValue } from '../../model/element.ts';
import { readOldStream, streamFromFullInfo } from './element-reader-stream.ts';
import type { ControlCommand, ControlConnection } from './upstream-control.ts';

/** A key to read; `type`: what it is believed to be, which saves a round trip where it is right. */
export interface ElementRequest {
  readonly key: ByteString;
  readonly type?: ElementType | undefined;
}

/** What was found: an element, null for an absent key, or why it cannot be read (a module's type, an ACL). */
export type ElementRead = Element | null | { readonly unreadable: string };

/** What the server can do, which depends on its age. */
export interface ReaderFeatures {
  /** Has PEXPIRETIME (7.0); else PTTL and the clock are used. */
  readonly expireTime: boolean;
  /** Has XINFO STREAM … FULL (6.0). */
  readonly fullStreamInfo: boolean;
  /** The server's clock, Unix milliseconds. */
  readonly now: () => number;
}

const maxRounds = 6;
const typeNames: ReadonlySet<string> = new Set<ElementType>(['string', 'hash', 'list', 'set', 'zset', 'stream']);

/**
 * Reads elements by typed commands, never by DUMP: whatever release the server is, the same canonical value comes out. All keys
 * of one call are pipelined; one round trip for types and expiries (and for values whose type was known), one for the rest.
 */
export class ElementReader {
  readonly #control: ControlConnection;
  readonly #features: ReaderFeatures;

  constructor(control: ControlConnection, features: ReaderFeatures) {
    this.#control = control;
    this.#features = features;
  }

  /** Reads these keys of a database; results in the same order. @throws upstream_unreachable */
  async read(database: number, requests: readonly ElementRequest[]): Promise<ElementRead[]> {
    const results: (ElementRead | undefined)[] = requests.map(() => undefined);
    let open = requests.map((request, index) => ({ index, key: request.key, type: request.type }));
    for (let round = 0; open.length > 0 && round < maxRounds; round++) {
      const replies = await this.#control.send(database, open.flatMap((item) => this.#commands(item)));
      let at = 0;
      const again: typeof open = [];
      for (const item of open) {
        const length = this.#commands(item).length;
        const result = this.#parse(item, replies.slice(at, at + length));
        at += length;
        if (typeof result === 'string') again.push({ ...item, type: result });
        else results[item.index] = result.old ? await readOldStream(this.#control, database, item.key, result.expiresAtMs) : result.read;
      }
      open = again;
    }
    return results.map((result) => (result === undefined ? { unreadable: 'its type kept changing while it was read' } : result));
  }

  #commands(item: ElementRequest): ControlCommand[] {
    const { key, type } = item;
    const meta: ControlCommand[] = [[this.#features.expireTime ? 'PEXPIRETIME' : 'PTTL', key], ['TYPE', key]];
    return type === undefined ? meta : [...meta, this.#valueCommand(key, type)];
  }

  #valueCommand(key: ByteString, type: ElementType): ControlCommand {
    switch (type) {
      case 'string': return ['GET', key];
      case 'hash': return ['HGETALL', key];
      case 'list': return ['LRANGE', key, '0', '-1'];
      case 'set': return ['SMEMBERS', key];
      case 'zset': return ['ZRANGE', key, '0', '-1', 'WITHSCORES'];
      case 'stream': return this.#features.fullStreamInfo ? ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'] : ['XLEN', key];
    }
  }

  /** The element; or the type to try with in the next round. */
  #parse(item: ElementRequest, replies: readonly Reply[]): { readonly read: ElementRead; readonly old?: true; readonly expiresAtMs: number | null } | ElementType {
    const [expiry, typeReply, value] = replies;
    const refused = replies.find((reply) => reply instanceof ErrorReply && !/^(WRONGTYPE|ERR no such key)/.test(reply.message));
    if (refused instanceof ErrorReply) return { read: { unreadable: refused.message }, expiresAtMs: null };
    const type = typeReply instanceof SimpleReply ? typeReply.text : '';
    if (type === 'none') return { read: null, expiresAtMs: null };
    if (!typeNames.has(type)) return { read: { unreadable: `it is of type ${type}` }, expiresAtMs: null };
    if (value === undefined || item.type !== type || value instanceof ErrorReply) return type as ElementType;
    const expiresAtMs = this.#expiresAt(expiry);
    if (type === 'stream' && !this.#features.fullStreamInfo) return { read: null, old: true, expiresAtMs };
    const parsed = parseValue(item.type, value);
    return { read: parsed === null ? null : { value: parsed, expiresAtMs }, expiresAtMs };
  }

  #expiresAt(reply: Reply | undefined): number | null {
    if (typeof reply !== 'number' || reply < 0) return null;
    return this.#features.expireTime ? reply : this.#features.now() + reply;
  }
}

/** null: it vanished between the commands. */
function parseValue(type: ElementType, reply: Reply): ElementValue | null {
  if (type === 'string') return typeof reply === 'string' ? { type, value: reply } : null;
  const items = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  if (items.length === 0) return null;
  switch (type) {
    case 'list': return { type, items: items as readonly ByteString[] };
    case 'set': return { type, members: items as readonly ByteString[] };
    case 'hash': return { type, fields: pairs(items).map(([field, value]) => [field as ByteString, value as ByteString]) };
    case 'zset': return { type, members: pairs(items).map(([member, score]) => [member as ByteString, parseScore(score)]) };
    case 'stream': return streamFromFullInfo(items);
  }
}

function parseScore(reply: Reply): number {
  const text = typeof reply === 'string' ? reply : '';
  return text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
}

function pairs(items: readonly Reply[]): [Reply, Reply][] {
  const out: [Reply, Reply][] = [];
  for (let at = 0; at + 1 < items.length; at += 2) out.push([items[at] as Reply, items[at + 1] as Reply]);
  return out;
}
