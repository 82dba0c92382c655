import { Agent } from 'undici';
import { ForeshardError } from '../../model/errors.ts';
import type { Header } from '../../model/recording.ts';
import { ByteCollector } from './byte-collector.ts';
import type { DependencyAnswer, DependencyCall } from './dependency.ts';
import { headerPairsOfBuffers, requestHeaders } from './headers.ts';
import { codeOf, isWhole304, wireError } from './wire-error.ts';

/** Forwards calls to the real dependency. */
export interface Forwarder {
  (call: DependencyCall): Promise<DependencyAnswer>;
  /** Closes its connections. */
  close(): Promise<void>;
}

/**
 * Forwards calls to the dependency at `upstreamBaseUrl` (http or https; a path in it comes before the call's). The `host` header becomes
 * the upstream's own, since that is who is spoken to.
 * @throws ForeshardError `config_invalid` when it is no http(s) URL; the forwarder itself throws `upstream_unreachable`, `timeout` or `protocol_error`
 */
export function forwardTo(upstreamBaseUrl: string, options: { readonly timeoutMs?: number } = {}): Forwarder {
  const base = parseBase(upstreamBaseUrl);
  const prefix = base.pathname.replace(/\/$/, '');
  const timeoutMs = options.timeoutMs ?? 300_000;
  const agent = new Agent({ pipelining: 1, keepAliveTimeout: 1_000, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxHeaderSize: 1 << 20 });
  const send = (call: DependencyCall): Promise<DependencyAnswer> => new Promise((resolve, reject) => {
    const handler = new WholeAnswer({ dependency: call.dependency, host: base.host, signal: call.signal, resolve, reject });
    const headers = requestHeaders(call.headers.filter(([name]) => name.toLowerCase() !== 'host'), { keepLength: false });
    headers.push('host', base.host);
    const body = call.body.length === 0 ? null : call.body;
    try {
      agent.dispatch({ origin: base.origin, path: prefix + call.target, method: call.method, headers, body, reset: call.method === 'HEAD' }, handler);
    } catch (error) {
      handler.onError(error as Error);
    }
  });
  return Object.assign(send, { close: () => agent.destroy() });
}

function parseBase(text: string): URL {
  let url: URL | null = null;
  try {
    url = new URL(text);
  } catch {
    // said below
  }
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ForeshardError('config_invalid', `the upstream of an HTTP dependency must be an http or https URL, not ${JSON.stringify(text)}`);
  }
  return url;
}

/** undici's raw handler of one forwarded call. */
class WholeAnswer {
  readonly #where: string;
  readonly #resolve: (answer: DependencyAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #body = new ByteCollector(Number.POSITIVE_INFINITY);
  #status = 0;
  #headers: Header[] = [];

  constructor(options: {
    readonly dependency: string;
    readonly host: string;
    readonly signal: AbortSignal | undefined;
    readonly resolve: (answer: DependencyAnswer) => void;
    readonly reject: (error: Error) => void;
  }) {
    this.#where = `the dependency ${options.dependency} at ${options.host}`;
    this.#signal = options.signal;
    this.#resolve = options.resolve;
    this.#reject = options.reject;
  }

  onConnect(abort: (error?: Error) => void): void {
    const gaveUp = (): void => abort(new ForeshardError('timeout', `the service gave up waiting for ${this.#where}`));
    if (this.#signal?.aborted === true) gaveUp();
    else this.#signal?.addEventListener('abort', gaveUp, { once: true });
  }


  onHeaders(status: number, headers: Buffer[]): boolean {
    if (status >= 200) {
      this.#status = status;
      this.#headers = headerPairsOfBuffers(headers);
    }
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#body.add(chunk);
    return true;
  }

  onComplete(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#body.bytes() });
  }

  onError(error: Error): void {
    if (isWhole304(this.#status, error)) {
      this.onComplete();
      return;
    }
    const failure = wireError(error, this.#where);
    if (failure.code !== 'service_died') this.#reject(failure);
    else this.#reject(new ForeshardError('upstream_unreachable', `${this.#where} cannot be reached: ${codeOf(error)} ${error.message}`.replace(':  ', ': '), { cause: error }));
  }
}
