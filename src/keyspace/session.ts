import type { ByteString } from '../lib/bytes.ts';
import type { PushReply } from './reply.ts';

/** What a client connection (or one lane of it) has of its own. */
export interface Session {
  database: number;
  /** RESP version of the connection. */
  protocol: 2 | 3;
  name: ByteString;
  /** Commands queued since MULTI; null outside. */
  transaction: { readonly queue: (readonly ByteString[])[]; aborted: boolean } | null;
  /** `database/key` → version of the key when it was watched. */
  readonly watched: Map<string, number>;
  readonly channels: Set<ByteString>;
  readonly patterns: Set<ByteString>;
  /** Gets out-of-band messages. */
  readonly push: (message: PushReply) => void;
}

/** A fresh session on database 0. */
export function newSession(push: (message: PushReply) => void): Session {
  return { database: 0, protocol: 2, name: '', transaction: null, watched: new Map(), channels: new Set(), patterns: new Set(), push };
}
