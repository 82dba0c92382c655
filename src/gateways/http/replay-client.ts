import { Client, Pool, type Dispatcher } from 'undici';
import { ForeshardError } from '../../model/errors.ts';
import type { LocalAddress } from '../../model/preload-protocol.ts';
import type { Header } from '../../model/recording.ts';
import { headerPairsOfBuffers, requestHeaders } from './headers.ts';
import { isWhole304, wireError } from './wire-error.ts';

/** A request to be sent as it was recorded. */
export interface ReplayRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  readonly headers: readonly Header[];
  /** null: no body. */
  readonly body: Uint8Array | null;
}

/** A whole response. The body is as it came (a gzip body stays one), without the framing of chunks. */
export interface ReplayResponse {
  readonly status: number;
  readonly headers: Header[];
  readonly body: Buffer;
}

const defaultTimeoutMs = 30_000;
const noBytes = Buffer.alloc(0);

/** How a client sends. */
export interface ReplayClientOptions {
  readonly connections: number;
  /**
   * Whether connections are used again; default: yes. A server that writes head and body apart (Python's http.server does) has its body held back by its
   * kernel until ours acknowledges the head: 40 ms late on a connection in use, at once on a new one.
   */
  readonly keepAlive?: boolean;
}

/**
 * Sends recorded requests on undici's raw dispatch: a tenth of `fetch`'s cost (facts: data-plane §7).
 * Order, case and repeats of headers are kept, the recorded `host` too; hop-by-hop headers are not sent.
 */
export class ReplayClient {
  readonly #pool: Pool;
  /** The same to make a connection of its own. */
  readonly #address: readonly [string, Client.Options];
  readonly #where: string;
  readonly #keepAlive: boolean;

  /** @param target its Unix socket is used where it has one */
  constructor(target: LocalAddress, options: ReplayClientOptions) {
    this.#keepAlive = options.keepAlive ?? true;
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    this.#where = `the service at ${host}:${target.port}`;
    this.#address = [`http://${host}:${target.port}`, {
      ...(target.path === undefined ? {} : { socketPath: target.path }),
      pipelining: 1,
      // Servers that give no hint close idle connections after as little as two seconds; a request should not meet that close.
      keepAliveTimeout: 1_000,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 1 << 20,
      // The recorded length is replaced by the body's own.
      strictContentLength: true,
    }];
    this.#pool = new Pool(this.#address[0], { ...this.#address[1], connections: options.connections });
  }

  /**
   * Sends one request and waits for the whole response. `ownConnection`: on a new one, closed afterwards.
   * @throws ForeshardError `protocol_error`, `service_died` (cause: what broke the connection) or `timeout`
   */
  async send(request: ReplayRequest, options: { readonly timeoutMs?: number; readonly ownConnection?: boolean } = {}): Promise<ReplayResponse> {
    const client = options.ownConnection === true ? new Client(...this.#address) : undefined;
    try {
      return await this.#dispatch(client ?? this.#pool, request, options.timeoutMs ?? defaultTimeoutMs);
    } finally {
      await client?.destroy();
    }
  }

  #dispatch(dispatcher: Dispatcher, request: ReplayRequest, timeoutMs: number): Promise<ReplayResponse> {
    return new Promise((resolve, reject) => {
      const handler = new WholeResponse(this.#where, timeoutMs, resolve, reject);
      try {
        dispatcher.dispatch(
          {
            path: request.target,
            method: request.method,
            headers: requestHeaders(request.headers, { keepLength: false }),
            body: request.body,
            reset: !this.#keepAlive || request.method === 'HEAD', // some servers send a body after all, which must not be taken for the next answer
          },
          handler,
        );
      } catch (error) {
        handler.onError(error as Error);
      }
    });
  }

  /** Closes every connection; requests under way fail with `service_died`. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** undici's raw handler of one exchange. */
class WholeResponse {
  readonly #where: string;
  readonly #timeoutMs: number;
  readonly #resolve: (response: ReplayResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  #abort: ((error?: Error) => void) | null = null;
  #timedOut = false;
  #settled = false;
  #status = 0;
  #headers: Header[] = [];
  #first: Buffer | null = null;
  #rest: Buffer[] | null = null;

  constructor(where: string, timeoutMs: number, resolve: (response: ReplayResponse) => void, reject: (error: Error) => void) {
    this.#where = where;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#expire(), timeoutMs);
  }

  #expire(): void {
    this.#timedOut = true;
    const error = new ForeshardError('timeout', `${this.#where} did not answer within ${this.#timeoutMs} ms`);
    if (this.#abort === null) this.onError(error);
    else this.#abort(error);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#timedOut) abort();
  }

  onHeaders(status: number, headers: Buffer[]): boolean {
    if (status < 200) return true; // 1xx come before the answer
    this.#status = status;
    this.#headers = headerPairsOfBuffers(headers);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#first === null) this.#first = chunk;
    else (this.#rest ??= [this.#first]).push(chunk);
    return true;
  }

  onComplete(): void {
    if (this.#settle()) this.#resolve({ status: this.#status, headers: this.#headers, body: this.#body() });
  }

  onError(error: Error): void {
    if (isWhole304(this.#status, error)) this.onComplete();
    else if (this.#settle()) this.#reject(wireError(error, this.#where));
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    return true;
  }

  #body(): Buffer {
    if (this.#first === null) return noBytes;
    // undici's chunks are views of the read buffer: copy the small ones, so that a response does not keep 64 KB alive.
    return this.#rest === null ? Buffer.from(this.#first) : Buffer.concat(this.#rest);
  }
}
