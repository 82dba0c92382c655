import type { RequestId } from './recording.ts';
import type { StateKey } from './state-key.ts';

/** One access to one state element: what predict learns from, whatever it was read out of. */
export interface AccessEvent {
  readonly key: StateKey;
  readonly access: 'read' | 'write';
  /** Unix milliseconds. */
  readonly at: number;
  readonly request: RequestId | null;
  /** `METHOD /template` of the request that caused it; null when unknown. */
  readonly route: string | null;
}
