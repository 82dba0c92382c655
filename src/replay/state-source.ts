import type { ContentHash } from '../lib/content-hash.ts';
import type { Revision } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';

/** One revision's bytes, by name and by content. */
export interface StateItem {
  readonly key: StateKey;
  readonly revision: number;
  readonly hash: ContentHash;
}

/** The port through which replay asks for state. The state nodes satisfy it; nothing here knows where they are. */
export interface StateSource {
  /** The bytes of each item, in order, from as few nodes in parallel as hold them. Throws when one cannot be had anywhere. */
  fetch(items: readonly StateItem[]): Promise<Uint8Array[]>;
}

/** The item of a revision that is not a tombstone. */
export function stateItem(revision: Revision & { readonly hash: string }): StateItem {
  return { key: revision.key, revision: revision.revision, hash: revision.hash };
}
