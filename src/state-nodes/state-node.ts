import type { ContentHash } from '../lib/content-hash.ts';
import type { StateKey } from '../model/state-key.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';

/** Names one immutable revision of one element. */
export interface RevisionName {
  readonly key: StateKey;
  readonly revision: number;
  /** What its bytes must be, where the reader knows: a state node may find them by this alone, and never gives others. */
  readonly hash?: ContentHash;
}

/** A revision with its bytes. */
export interface StoredRevision extends RevisionName {
  readonly bytes: Uint8Array;
  readonly hash: ContentHash;
}

/** A revision that a state node holds, without its bytes. */
export interface HeldRevision extends RevisionName {
  readonly hash: ContentHash;
  readonly sizeBytes: number;
}

/** Latencies of one kind of operation: how many lasted how long. */
export interface OperationStats {
  /** Operations, items in them, and operations that failed. */
  readonly count: number;
  readonly items: number;
  readonly errors: number;
  /** Of whole operations, in milliseconds. */
  readonly sumMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Operations by upper end of latency, cumulated, for a histogram: `[milliseconds, operations]`. */
  readonly buckets: readonly (readonly [number, number])[];
}

/** The operations that are measured. */
export type OperationName = 'read' | 'write' | 'drop' | 'list' | 'digest' | 'apply';

/** What a state node has done and holds. */
export interface StateNodeStats {
  readonly id: string;
  /** Revisions held, and the bytes of their payloads as the node keeps them. */
  readonly elements: number;
  readonly bytes: number;
  /** Bytes it may hold; null: it does not say. */
  readonly maxBytes: number | null;
  /** Revisions asked for, found and written. */
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  /** Operations that failed, and values that were not what was written. */
  readonly errors: number;
  /** Values that the engine threw away by itself. */
  readonly evictions: number;
  readonly readP50Ms: number;
  readonly readP99Ms: number;
  readonly operations: Readonly<Partial<Record<OperationName, OperationStats>>>;
}

/**
 * Holds revisions of state elements, and the registers of slots. Revisions never change: writing one again changes nothing, whatever the bytes. Every engine
 * passes the cases of testing/state-node-cases.ts.
 */
export interface StateNode {
  readonly id: string;
  /**
   * The bytes of each revision, in order; undefined: not held here, which says nothing about the element. Wrong bytes are never given.
   * Do not change them: they are shared.
   * @throws ForeshardError `state_node_unreachable`
   */
  read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]>;
  /**
   * Keeps revisions: all of them or, where it throws, perhaps some.
   * @throws ForeshardError `state_node_unreachable`, `state_node_full`, `payload_too_large`, `payload_corrupt`
   */
  write(items: readonly StoredRevision[]): Promise<void>;
  /** Forgets revisions; those not held are ignored. @throws ForeshardError `state_node_unreachable` */
  drop(items: readonly RevisionName[]): Promise<void>;
  /** The revisions held of a slot, in no order. @throws ForeshardError `state_node_unreachable` */
  list(slot: number): Promise<HeldRevision[]>;
  /**
   * For each slot a digest of the revisions held of it: equal for equal contents, in whatever order they were written. 16 hexadecimal
   * digits, zeros for an empty slot. @throws ForeshardError `state_node_unreachable`
   */
  digest(slots: readonly number[]): Promise<string[]>;
  /** Which life this is: text that changes when the node has lost anything it had acknowledged. @throws ForeshardError `state_node_unreachable` */
  life(): Promise<string>;
  /**
   * Runs operations on registers, each atomic by itself, and answers in order. `life`: the one the caller knows; any other refuses everything.
   * @throws ForeshardError `state_node_unreachable`, `state_node_restarted`, `state_node_full`
   */
  apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]>;
  /** The slots whose registers have been used, in no order. @throws ForeshardError `state_node_unreachable` */
  registers(): Promise<number[]>;
  /** @throws ForeshardError `state_node_unreachable` */
  stats(): Promise<StateNodeStats>;
  /** Lets go of everything; the node is not used afterwards. */
  close(): Promise<void>;
}
