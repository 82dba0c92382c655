import type { RequestId } from './recording.ts';
import type { StateKey } from './state-key.ts';

/** One access to one state element: what predict learns from, whatever it was read out of. */
export interface AccessEvent {
  readonly kind: 'access';
  readonly key: StateKey;
  readonly access: 'read' | 'write';
  /** Unix milliseconds. */
  readonly at: number;
  readonly request: RequestId | null;
  /** `METHOD /template` of the request that caused it; null when unknown. */
  readonly route: string | null;
  /** The service that took that request; left out where a log is of one service alone. */
  readonly service?: string;
}

/** One request that a service took. */
export interface RequestEvent {
  readonly kind: 'request';
  /** Unix milliseconds. */
  readonly at: number;
  /** The service that took it; empty where a log is of one service alone. */
  readonly service: string;
  /** `METHOD /template`. */
  readonly route: string;
  /** As it came, with its query; null where the log holds only the route. */
  readonly target: string | null;
  /** Who sent it: a session, a user, an address; null when unknown. */
  readonly actor: string | null;
  readonly request: RequestId | null;
}

/** One call from a service, while it served a request, to another one. */
export interface CallEvent {
  readonly kind: 'call';
  readonly at: number;
  /** Service and route of the request that was being served; route null when unknown. */
  readonly from: { readonly service: string; readonly route: string | null };
  readonly to: { readonly service: string; readonly route: string };
}

/** How much of a resource something used at one moment. */
export interface MetricSample {
  readonly kind: 'metric';
  readonly at: number;
  /** A state node, an instance of a service, a host. */
  readonly member: string;
  /** Such as `cpu`, `memory`, `requests`. */
  readonly metric: string;
  readonly value: number;
}

/** What can be read out of logs, traces and metrics. */
export type TrafficItem = RequestEvent | AccessEvent | CallEvent | MetricSample;
