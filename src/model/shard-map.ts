/** The format of ShardMap files this release writes. */
export const shardMapFormatVersion = 2;

/** Slots of the directory. */
export const slotCount = 65_536;

/** A state node as the map knows it. */
export interface Member {
  /** What people call it. */
  readonly id: string;
  /** `embedded`, or a URL: `redis://127.0.0.1:6379/0`, `memcached://127.0.0.1:11211`, `foreshard://127.0.0.1:7070`. */
  readonly address: string;
  /** Failure domain; replicas go to different ones where there are several. */
  readonly zone: string;
  /** Relative capacity, 1 for an ordinary member. */
  readonly capacity: number;
  /** Which of its lives this is: a state node that lost its memory is another member. Left out where nothing is written but revisions. */
  readonly life?: string;
}

/** A slot that changes owners: the new ones serve heads once they have what the old ones acknowledged. */
export interface SlotChange {
  /** The replica set before, as an index into the map's sets. */
  readonly old: number;
  /** Members that must pull before they serve, as indexes. */
  readonly joining: readonly number[];
  /** From how many of the old ones they must pull. */
  readonly pull: number;
}

/** Which members own which slots: the whole distributed hash table, held by every client. */
export interface ShardMap {
  readonly kind: 'shard-map';
  readonly formatVersion: number;
  /** Rises by one each time a coordinator's memory was found to be older than the state nodes'; comes before the epoch. */
  readonly incarnation: number;
  readonly epoch: number;
  readonly members: readonly Member[];
  /** Replica sets: indexes into members, the preferred one first. */
  readonly sets: readonly (readonly number[])[];
  /** For each of the 65,536 slots the index of its replica set. */
  readonly slots: Uint16Array;
  /** For each slot by how many epochs its entry is older than the map, 255 at most: a slot that did not change for longer just counts as younger. */
  readonly ages: Uint8Array;
  /** Hot tags with a replica set of their own: 32-bit hash of the tag → index of the set. Its first members are the slot's owners. */
  readonly overrides: ReadonlyMap<number, number>;
  /** Slots under way from one replica set to another. */
  readonly changes: ReadonlyMap<number, SlotChange>;
}

/** The name of a member in one of its lives: what slot entries are made of. */
export function memberName({ id, life }: Pick<Member, 'id' | 'life'>): string {
  return life === undefined ? id : `${id}@${life}`;
}
