import type { Recording, RequestRecord, Revision } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';

/** One recorded request to be replayed, with the revisions it is known to need. */
export interface PlannedCase {
  readonly request: RequestRecord;
  /** What the baseline met at first touch; tombstones and absences included. */
  readonly needs: ReadonlyMap<StateKey, Revision>;
}

/** The ordered test cases of a run. */
export function planCases(recording: Recording, requests: readonly RequestRecord[]): PlannedCase[] {
  return requests.map((request) => ({ request, needs: needsOf(recording, request) }));
}

function needsOf(recording: Recording, request: RequestRecord): Map<StateKey, Revision> {
  const needs = new Map<StateKey, Revision>();
  for (const touch of request.touches) {
    const revision = revisionNumbered(recording, touch.key, touch.revision);
    if (revision !== undefined) needs.set(touch.key, revision);
  }
  return needs;
}

/** Revision `number` of a key; its numbers are 1, 2, 3 … without gaps. */
export function revisionNumbered(recording: Recording, key: StateKey, number: number): Revision | undefined {
  const found = recording.chains.get(key)?.revisions[number - 1];
  return found?.revision === number ? found : recording.chains.get(key)?.revisions.find((revision) => revision.revision === number);
}
