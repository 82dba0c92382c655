import type { ContentHash } from '../lib/content-hash.ts';
import type { StateKey } from '../model/state-key.ts';

/** Names one immutable revision of one element. */
export interface RevisionName {
  readonly key: StateKey;
  readonly revision: number;
}

/** A revision with its bytes. */
export interface StoredRevision extends RevisionName {
  readonly bytes: Uint8Array;
  readonly hash: ContentHash;
}

/** What a state node has done and holds. */
export interface StateNodeStats {
  readonly id: string;
  /** Revisions held, and the bytes of their payloads as the node keeps them. */
  readonly elements: number;
  readonly bytes: number;
  /** Revisions asked for, found and written. */
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  /** Operations that failed, and values that were not what was written. */
  readonly errors: number;
  /** Of whole read operations, in milliseconds. */
  readonly readP50Ms: number;
  readonly readP99Ms: number;
}

/**
 * Holds revisions of state elements. Revisions never change: writing one again changes nothing, whatever the bytes. Every engine
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
  /** Keeps revisions: all of them or, where it throws, perhaps some. @throws ForeshardError `state_node_unreachable`, `state_node_full` */
  write(items: readonly StoredRevision[]): Promise<void>;
  /** Forgets revisions; those not held are ignored. @throws ForeshardError `state_node_unreachable` */
  drop(items: readonly RevisionName[]): Promise<void>;
  /**
   * For each slot a digest of what is held of it: equal for equal contents, in whatever order they were written. 16 hexadecimal
   * digits, zeros for an empty slot. @throws ForeshardError `state_node_unreachable`
   */
  digest(slots: readonly number[]): Promise<string[]>;
  /** @throws ForeshardError `state_node_unreachable` */
  stats(): Promise<StateNodeStats>;
  /** Lets go of everything; the node is not used afterwards. */
  close(): Promise<void>;
}
