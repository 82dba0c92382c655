/**
 * What the preload inside a Node.js service and the gateways outside it say to each other. Names and shapes only: the preload
 * imports this file and nothing else of ours.
 */

/** Environment variable with a {@link PreloadSettings} as JSON; without it the preload does nothing. */
export const preloadSettingsVariable = 'FORESHARD_PRELOAD';

/** Environment variable with what a child process of a request inherits: its tag, and after it `;<now>;<seed>` where its time is the request's. */
export const inheritedTagVariable = 'FORESHARD_TAG';

/**
 * Request header that enters a context: `<tag>;<now>;<seed>` (now: Unix ms at the start of the request; seed: 32 hex digits).
 * The preload takes it off before the service sees the request. On outgoing calls to a gateway it holds the tag alone, and the gateway takes it off.
 */
export const contextHeader = 'x-foreshard-context';

/**
 * Redis command prefix that carries the tag: `FS.L <tag> <command…>`, or `FS.L <tag>;<now> <command…>` once the request's clock has moved on from its
 * start (now: Unix ms). The gateway takes both arguments off.
 */
export const laneCommand = 'FS.L';

/** Where connections that the service opens to `from` really go. They arrive in plain text: TLS of the service's ends in the preload. */
export interface Redirect {
  readonly kind: 'redis' | 'http';
  /** The server's or dependency's name, for placeholders such as `{http.catalogue.url}`. */
  readonly name?: string;
  /** host:port as the service has it; `localhost`, `127.0.0.1` and `::1` are taken for the same host. */
  readonly from: string;
  readonly to: LocalAddress;
}

/** Where something on this machine listens. */
export interface LocalAddress {
  readonly host: string;
  readonly port: number;
  /** A Unix socket that leads there too, for processes that see it: half the cost of TCP. */
  readonly path?: string;
}

/** What the preload is told at start. */
export interface PreloadSettings {
  /** Where to report; newline-delimited JSON of {@link PreloadMessage}. */
  readonly control: LocalAddress;
  /** Names the instance in every message. */
  readonly instance: string;
  readonly redirects: readonly Redirect[];
  /** `request`: time and randomness inside a context follow its header. `real`: they are left alone. */
  readonly determinism: 'request' | 'real';
  /** Added to the clock outside any context, so that start-up code lives in the recording's time. 0 while recording. */
  readonly backgroundClockOffsetMs: number;
  /** Listen on another port than asked for, chosen by the system, so that several instances fit on one machine. */
  readonly moveListeners: boolean;
  /** Folder for Unix sockets that lead into the service's HTTP servers; left out: there are none. */
  readonly socketFolder?: string;
}

/** What the preload reports. */
export type PreloadMessage = { readonly instance: string; readonly pid: number } & (
  /** First message. `problems`: patches that failed and were skipped, in words; sent again, with all of them, if one fails later. */
  | { readonly type: 'hello'; readonly node: string; readonly problems?: readonly string[] }
  /** `asked` is the port in the service's code, `port` the one it really got, `path` a Unix socket that leads there too. */
  | { readonly type: 'listening'; readonly host: string; readonly port: number; readonly asked: number; readonly path?: string }
  /** The response is out and nothing of this context is pending: commands, calls, timers, child processes. */
  | { readonly type: 'idle'; readonly tag: string }
  /** A connection to somewhere no gateway stands for: it is neither recorded nor isolated. */
  | { readonly type: 'direct'; readonly host: string; readonly port: number; readonly tag: string | null }
  /** A Redis client that is not known and writes commands later than they are asked for: whose they are can't be told. `client`: its folder or file. */
  | { readonly type: 'unattributed'; readonly client: string }
);
