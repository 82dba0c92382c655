import type { Chain, CompletenessRecord, Revision } from './recording.ts';
import { parseStateKey, type StateKey } from './state-key.ts';

/** What is known of an element at one moment. */
export type StateAt =
  | { readonly known: true; readonly revision: Revision }
  | { readonly known: false };

/**
 * The revision of a chain that a reader at `position` sees, by binary search. An `initial` revision holds from the beginning of
 * the recording, whenever it was first seen; before the first revision of any other cause the element is unknown.
 */
export function revisionAsOf(chain: Chain | undefined, position: number): StateAt {
  const revisions = chain?.revisions ?? [];
  let low = 0;
  let high = revisions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((revisions[middle] as Revision).position <= position) low = middle + 1;
    else high = middle;
  }
  const found = revisions[low - 1];
  if (found !== undefined) return { known: true, revision: found };
  const first = revisions[0];
  return first?.cause === 'initial' ? { known: true, revision: first } : { known: false };
}

/** Whether a key that has no chain is known to be absent: its server or database was listed completely at some moment. */
export function isComplete(completeness: readonly CompletenessRecord[], key: StateKey): boolean {
  const parts = parseStateKey(key);
  if (parts === undefined) return false;
  const scope = `${parts.kind}:${parts.scope}`;
  const dot = parts.scope.lastIndexOf('.');
  const server = dot < 0 ? parts.kind : `${parts.kind}:${parts.scope.slice(0, dot)}`;
  return completeness.some((record) => record.scope === scope || record.scope === server);
}
