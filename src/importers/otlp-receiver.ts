import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ForeshardError } from '../model/errors.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { ItemQueue } from './item-queue.ts';
import { fieldsOf, listOf, parseJson } from './json-fields.ts';
import { ImportProblems, type InputProblems } from './problems.ts';
import { Telemetry } from './telemetry.ts';
import { decodeRequest, encodeStatus, type OtlpSignal } from './otlp/otlp-messages.ts';
import { grpcCodes, readBody, RefusedRequest } from './otlp/request-body.ts';

/** Options of {@link OtlpReceiver}. */
export interface OtlpReceiverOptions {
  /** The largest body, before and after decompression. Default 16 MB. */
  readonly limitBytes?: number;
  /** Items that may wait for the consumer before exporters are told to come again. Default 50,000. */
  readonly mostWaiting?: number;
  /** How long a trace may get nothing before it counts as complete. Items wait twice as long, to be put in order. Default 10,000. */
  readonly idleMs?: number;
  /** Takes counts and examples of what could not be read. */
  readonly problems?: ImportProblems;
  /** The service of resources that name none. */
  readonly service?: string;
}

const defaultLimitBytes = 16 * 1024 * 1024;
const defaultMostWaiting = 50_000;
const defaultIdleMs = 10_000;
/** Seconds that exporters are asked to wait. */
const retryAfter = '1';
const signals: ReadonlyMap<string, OtlpSignal> = new Map([['/v1/traces', 'traces'], ['/v1/metrics', 'metrics']]);
const protobuf = 'application/x-protobuf';
const json = 'application/json';

/**
 * Takes traces and metrics as exporters send them (OTLP/HTTP 1.x, protobuf or JSON, plain or gzip) and gives traffic in batches: iterate it, once. A consumer that lags makes it
 * answer 503 with `Retry-After`, which exporters obey.
 */
export class OtlpReceiver implements AsyncIterable<readonly TrafficItem[]> {
  readonly #server: Server;
  readonly #queue = new ItemQueue();
  readonly #problems: InputProblems;
  readonly #telemetry: Telemetry;
  readonly #limitBytes: number;
  readonly #mostWaiting: number;
  readonly #idleMs: number;
  readonly #timer: NodeJS.Timeout;
  #number = 0;

  constructor(options: OtlpReceiverOptions = {}) {
    const idleMs = options.idleMs ?? defaultIdleMs;
    this.#idleMs = idleMs;
    this.#limitBytes = options.limitBytes ?? defaultLimitBytes;
    this.#mostWaiting = options.mostWaiting ?? defaultMostWaiting;
    const problems = options.problems ?? new ImportProblems();
    this.#problems = problems.open({ input: 'OTLP receiver', format: 'otlp', expected: 'export requests', unit: 'record' });
    this.#telemetry = new Telemetry({ problems: this.#problems, service: options.service ?? '', horizonMs: 2 * idleMs });
    this.#timer = setInterval(() => this.#tick(), Math.min(1_000, idleMs));
    this.#timer.unref();
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /**
   * Starts listening on a port of 127.0.0.1 (0: a free one; SDKs send to 4318 unless told otherwise) or of another host, and gives the address.
   * @throws ForeshardError `port_in_use`
   */
  async listen(port = 0, host = '127.0.0.1'): Promise<{ readonly host: string; readonly port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        clearInterval(this.#timer);
        const message = `The OTLP receiver cannot listen on ${host}:${port}: ${error.message}.`;
        reject(new ForeshardError(error.code === 'EADDRINUSE' ? 'port_in_use' : 'usage', message, { hint: 'Choose another port; 0 takes a free one.', cause: error }));
      });
      this.#server.listen({ port, host }, resolve);
    });
    const address = this.#server.address();
    return { host, port: address !== null && typeof address === 'object' ? address.port : port };
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly TrafficItem[]> {
    return this.#queue.take();
  }

  /** Stops listening; the iteration ends when it has given what came before. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeAllConnections();
    await closed;
    for (const items of this.#telemetry.finish()) this.#queue.push(items);
    this.#queue.end();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    const isJson = type === json;
    try {
      const signal = signals.get((request.url ?? '').split('?')[0] as string);
      if (signal === undefined) throw new RefusedRequest(404, grpcCodes.notFound, 'Only /v1/traces and /v1/metrics are served.');
      if (request.method !== 'POST') throw new RefusedRequest(405, grpcCodes.unimplemented, 'Only POST is served.');
      if (!isJson && type !== protobuf) throw new RefusedRequest(415, grpcCodes.unimplemented, `The content type has to be ${protobuf} or ${json}.`);
      if (this.#queue.size >= this.#mostWaiting) throw new RefusedRequest(503, grpcCodes.unavailable, 'The consumer lags: come again.');
      const body = await readBody(request, this.#limitBytes);
      this.#take(isJson ? jsonRequest(body) : protobufRequest(body, signal), signal);
      response.writeHead(200, { 'content-type': isJson ? json : protobuf }).end(isJson ? '{}' : undefined);
    } catch (error) {
      this.#refuse(error, { request, response, isJson });
    }
  }

  #tick(): void {
    this.#queue.push(this.#telemetry.tick(Date.now(), this.#idleMs));
  }

  #take(message: unknown, signal: OtlpSignal): void {
    this.#tick();
    const number = ++this.#number;
    for (const resource of listOf(fieldsOf(message)[signal === 'traces' ? 'resourceSpans' : 'resourceMetrics'])) {
      this.#queue.push(signal === 'traces' ? this.#telemetry.addResourceSpans(resource, number) : this.#telemetry.addResourceMetrics(resource, number));
    }
  }

  #refuse(error: unknown, exchange: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly isJson: boolean }): void {
    const { request, response, isJson } = exchange;
    if (request.destroyed && !request.complete) return; // the sender is gone
    const { status, grpcCode, message } = error instanceof RefusedRequest ? error : new RefusedRequest(400, grpcCodes.invalidArgument, (error as Error).message);
    this.#problems.note('export requests refused', `${status} ${message}`);
    const body = isJson ? JSON.stringify({ code: grpcCode, message }) : encodeStatus(grpcCode, message);
    request.resume(); // a sender reads the answer when it has sent its body
    const more = status === 503 ? { 'retry-after': retryAfter } : status === 405 ? { allow: 'POST' } : {};
    response.writeHead(status, { 'content-type': isJson ? json : protobuf, ...more }).end(body);
  }
}

function jsonRequest(body: Buffer): unknown {
  const value = parseJson(body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RefusedRequest(400, grpcCodes.invalidArgument, 'The body is no JSON object.');
  return value;
}

function protobufRequest(body: Buffer, signal: OtlpSignal): unknown {
  try {
    return decodeRequest(body, signal);
  } catch (error) {
    throw new RefusedRequest(400, grpcCodes.invalidArgument, `The body is no export request of ${signal}: ${(error as Error).message}.`);
  }
}
