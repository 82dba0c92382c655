import type { Header } from '../../model/recording.ts';

/** A call of the service to a dependency, whole. */
export interface DependencyCall {
  readonly lane: string;
  /** The request it belongs to, where the preload is in; null: by lane, or outside any request. */
  readonly tag: string | null;
  readonly dependency: string;
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  /** As on the wire, without ours. */
  readonly headers: Header[];
  readonly body: Buffer;
  /** Aborted when the service gives up waiting. */
  readonly signal?: AbortSignal;
}

/** The dependency gave no answer: the service is cut off, as it would have been without us. */
export const noAnswer: unique symbol = Symbol('no answer');

/** What a dependency answers. */
export interface DependencyAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}
