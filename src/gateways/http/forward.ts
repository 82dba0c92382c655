import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client, Dispatcher } from 'undici';
import { ForeshardError } from '../../model/errors.ts';
import type { Header } from '../../model/recording.ts';
import { ByteCollector } from './byte-collector.ts';
import type { CapturedExchange, ExchangeError, IngressRequest, Target } from './exchange.ts';
import { forwardable, headerPairsOfBuffers, requestHeaders } from './headers.ts';
import type { RequestBody } from './request-body.ts';
import { errorBody, isBrokenUnanswered, isWhole304, wireError } from './wire-error.ts';

/** What one forwarded exchange needs. */
export interface ForwardOptions {
  readonly request: IngressRequest;
  readonly body: RequestBody;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  readonly dispatcher: Dispatcher;
  /** A connection that nothing was sent on yet. */
  readonly fresh: () => Client;
  readonly limitBytes: number;
  readonly headersTimeoutMs: number;
  /** Everything is being closed: connections break because of that. */
  readonly isStopped?: () => boolean;
}

/** Sends a request on to its target and the response back, both streaming; the target hears how it went, exactly once. */
export function forward(options: ForwardOptions): void {
  send(options, options.dispatcher, new ForwardedExchange(options));
}

function send(options: ForwardOptions, dispatcher: Dispatcher, exchange: ForwardedExchange): void {
  const { request, body, target } = options;
  const headers = requestHeaders(request.headers, { keepLength: body.forward !== null && !Buffer.isBuffer(body.forward) });
  for (const [name, value] of target.extraHeaders) headers.push(name, value);
  try {
    dispatcher.dispatch(
      {
        path: request.target,
        method: request.method,
        headers,
        body: body.forward,
        reset: target.keepAlive === false || request.method === 'HEAD', // some servers send a body after all, which must not be taken for the next answer
        headersTimeout: options.headersTimeoutMs,
      },
      exchange,
    );
  } catch (error) {
    exchange.onError(error as Error);
  }
}

/** What is captured of an exchange that never reached a service. */
export function unanswered(request: IngressRequest, startedAt: number, error: ExchangeError): CapturedExchange {
  return {
    method: request.method, target: request.target, headers: request.headers, body: Buffer.alloc(0), bodyTruncated: false,
    status: null, responseHeaders: [], responseBody: Buffer.alloc(0), responseBodyTruncated: false,
    startedAt, durationMs: Date.now() - startedAt, error,
  };
}

/** Answers in the service's place: a coded JSON body. */
export function answerWithError(response: ServerResponse, status: number, error: ForeshardError): void {
  if (response.headersSent || response.destroyed) {
    response.destroy(); // what has been sent cannot be taken back: the client sees what a crash looks like
    return;
  }
  const body = errorBody(error);
  response.writeHead(status, ['content-type', 'application/json', 'content-length', String(body.length)]);
  response.end(body);
}

/** undici's raw handler of one forwarded exchange. */
class ForwardedExchange {
  readonly #options: ForwardOptions;
  readonly #copy: ByteCollector;
  readonly #startedAt = Date.now();
  readonly #startedTick = performance.now();
  #abort: ((error?: Error) => void) | null = null;
  #status: number | null = null;
  #headers: Header[] = [];
  #clientGone = false;
  #done = false;
  /** The connection of a second try. */
  #second: Client | null = null;

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.#copy = new ByteCollector(options.limitBytes);
    options.response.once('close', () => this.#clientClosed());
    if (options.response.destroyed) this.#clientClosed();
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#clientGone) abort();
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    const { response } = this.#options;
    if (status < 200) return true; // hints before the answer: a proxy may drop them (RFC 9110 §15.2)
    this.#status = status;
    this.#headers = headerPairsOfBuffers(rawHeaders);
    response.sendDate = false;
    response.writeHead(status, statusText, forwardable(this.#headers));
    response.on('drain', resume);
    // A stream of events must show its headers before its first event; a short answer has ended by the next tick and stays one write.
    process.nextTick(() => {
      if (!this.#done && this.#copy.sizeBytes === 0) response.flushHeaders();
    });
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#copy.add(chunk);
    return this.#options.response.write(chunk);
  }

  onComplete(trailers: readonly (Buffer | string)[] | null): void {
    const { response } = this.#options;
    if (trailers !== null && trailers.length > 0) response.addTrailers(headerPairsOfBuffers(trailers).map(([name, value]): [string, string] => [name, value]));
    this.#finish(null);
    response.end();
  }

  onError(error: Error): void {
    if (isWhole304(this.#status, error)) {
      this.onComplete(null);
      return;
    }
    if (this.#mayTryAgain(error)) {
      this.#second = this.#options.fresh();
      send(this.#options, this.#second, this);
      return;
    }
    if (this.#options.isStopped?.() === true) {
      this.#finish({ code: 'recording_stopped', message: 'the recording was stopped before the response was complete' });
      return;
    }
    if (this.#clientGone) {
      this.#finish({ code: 'client_aborted', message: 'the client closed the connection before the response was complete' });
      return;
    }
    const { target, response } = this.#options;
    const failure = wireError(error, `the service at ${target.host}:${target.port}`);
    this.#finish({ code: failure.code, message: failure.message });
    answerWithError(response, failure.code === 'timeout' ? 504 : 502, failure);
  }

  #mayTryAgain(error: Error): boolean {
    const { body, target, isStopped } = this.#options;
    const isWhole = body.forward === null || Buffer.isBuffer(body.forward);
    return this.#second === null && isWhole && !this.#clientGone && isStopped?.() !== true && isBrokenUnanswered(this.#status, error) && target.untouched();
  }

  #clientClosed(): void {
    if (this.#done) return;
    this.#clientGone = true;
    this.#abort?.(new Error('the client closed the connection'));
  }

  #finish(error: ExchangeError | null): void {
    if (this.#done) return;
    this.#done = true;
    void this.#second?.destroy();
    const { request, body, incoming, target } = this.#options;
    body.release();
    target.onResponseDone({
      method: request.method,
      target: request.target,
      headers: request.headers,
      body: body.copy.bytes(),
      bodyTruncated: body.copy.truncated || !incoming.complete,
      status: this.#status,
      responseHeaders: this.#headers,
      responseBody: this.#copy.bytes(),
      responseBodyTruncated: this.#copy.truncated,
      startedAt: this.#startedAt,
      durationMs: performance.now() - this.#startedTick,
      error,
    });
  }
}
