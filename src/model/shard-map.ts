/** The format of ShardMap files this release writes. */
export const shardMapFormatVersion = 1;

/** Slots of the directory. */
export const slotCount = 65_536;

/** A state node as the map knows it. */
export interface Member {
  readonly id: string;
  /** `embedded`, or a URL such as `redis://127.0.0.1:6379/0`. */
  readonly address: string;
  /** Failure domain; replicas go to different ones where there are several. */
  readonly zone: string;
  /** Relative capacity, 1 for an ordinary member. */
  readonly capacity: number;
}

/** Which members own which slots: the whole distributed hash table, held by every client. */
export interface ShardMap {
  readonly kind: 'shard-map';
  readonly formatVersion: number;
  readonly epoch: number;
  readonly members: readonly Member[];
  /** Replica sets: indexes into members, the preferred one first. */
  readonly sets: readonly (readonly number[])[];
  /** For each of the 65,536 slots the index of its replica set. */
  readonly slots: Uint16Array;
  /** Hot elements with a replica set of their own: state key → index of the set. */
  readonly overrides: ReadonlyMap<string, number>;
}
