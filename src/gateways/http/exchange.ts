import type { Header } from '../../model/recording.ts';

/** What a client asked for, before it is forwarded. */
export interface IngressRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  /** As on the wire. */
  readonly headers: readonly Header[];
  /** It asks for another protocol (a websocket): tunnelled, not recorded. */
  readonly upgrade: boolean;
}

/** Why an exchange did not come to a whole response. */
export interface ExchangeError {
  /** `client_aborted`, `recording_stopped`, `upgrade_not_recorded`, or the code of a ForeshardError: `service_died`, `timeout`, `protocol_error`. */
  readonly code: string;
  readonly message: string;
}

/** One request and its response as they passed. */
export interface CapturedExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** The body is longer than the limit, or the service answered before all of it had come: `body` is only its beginning. */
  readonly bodyTruncated: boolean;
  /** null: the service gave no response. */
  readonly status: number | null;
  readonly responseHeaders: readonly Header[];
  readonly responseBody: Buffer;
  readonly responseBodyTruncated: boolean;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly error: ExchangeError | null;
}

/** Where a request is to go. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** A Unix socket that leads there too. */
  readonly path?: string;
  /** Added to what the service sees and left out of what is captured. */
  readonly extraHeaders: readonly Header[];
  /** Whether the connection may serve another request; default: yes. See ReplayClientOptions.keepAlive. */
  readonly keepAlive?: boolean;
  /** Whether nothing is known to have been done for the request yet: it may be sent again where its connection broke before an answer. */
  untouched(): boolean;
  /** Called exactly once for every target given, when the service's response is complete or failed. */
  onResponseDone(captured: CapturedExchange): void;
}
