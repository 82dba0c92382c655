import type { ByteString } from '../lib/bytes.ts';

/** One entry of a stream: its id as `<ms>-<sequence>` and its fields in order. */
export interface StreamItem {
  readonly id: string;
  readonly fields: readonly (readonly [ByteString, ByteString])[];
}

/** A consumer group of a stream with what it has delivered and not seen acknowledged. */
export interface StreamGroup {
  readonly name: ByteString;
  readonly lastDeliveredId: string;
  readonly entriesRead: number | null;
  readonly consumers: readonly { readonly name: ByteString; readonly seenAtMs: number }[];
  readonly pending: readonly { readonly id: string; readonly consumer: ByteString; readonly deliveredAtMs: number; readonly deliveries: number }[];
}

/**
 * The typed canonical value of a Redis element: plain data, the same whichever server release it came from.
 * Hashes and sets keep the order the server gave; comparing them ignores it. Sorted sets are in (score, member) order.
 */
export type ElementValue =
  | { readonly type: 'string'; readonly value: ByteString }
  | { readonly type: 'hash'; readonly fields: readonly (readonly [ByteString, ByteString])[] }
  | { readonly type: 'list'; readonly items: readonly ByteString[] }
  | { readonly type: 'set'; readonly members: readonly ByteString[] }
  | { readonly type: 'zset'; readonly members: readonly (readonly [ByteString, number])[] }
  | {
      readonly type: 'stream';
      readonly items: readonly StreamItem[];
      readonly lastId: string;
      readonly maxDeletedId: string;
      readonly entriesAdded: number;
      readonly groups: readonly StreamGroup[];
    };

/** The type names as Redis' TYPE command gives them. */
export type ElementType = ElementValue['type'];

/** A value and when it expires: Unix milliseconds, null for never. */
export interface Element {
  readonly value: ElementValue;
  readonly expiresAtMs: number | null;
}
