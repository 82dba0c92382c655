/** What the lane's process outside a network namespace and the forwarder inside it say to each other over their IPC channel. */

/** An address. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** To the forwarder. */
export type ToForwarder =
  /** Listen there, inside, and hand the listening socket out. */
  | { readonly type: 'listen'; readonly at: Endpoint; readonly optional: boolean }
  /** The listening socket that came along was handed out: let go of it. */
  | { readonly type: 'taken' }
  /** Connect whatever the server that comes along accepts (outside) with `to` (inside). */
  | { readonly type: 'expose'; readonly to: Endpoint }
  | { readonly type: 'start'; readonly command: readonly string[]; readonly cwd: string; readonly env: Readonly<Record<string, string>> };

/** From the forwarder. */
export type FromForwarder =
  | { readonly type: 'up' }
  /** With the listening socket, unless there is an error. */
  | { readonly type: 'listening'; readonly error?: string }
  | { readonly type: 'exposed' }
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'exit'; readonly code: number | null; readonly signal: NodeJS.Signals | null };
