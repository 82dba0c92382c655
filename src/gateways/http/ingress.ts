import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Client, Pool } from 'undici';
import { deferred, type Deferred } from '../../lib/deferred.ts';
import { ForeshardError } from '../../model/errors.ts';

import { contextHeader } from '../../model/preload-protocol.ts';
import type { IngressRequest, Target } from './exchange.ts';
import { answerWithError, forward, unanswered } from './forward.ts';
import { headerPairs } from './headers.ts';
import { listen } from './listen.ts';
import type { ListenAddress } from './listen.ts';
import { takeBody } from './request-body.ts';
import { tunnel } from './tunnel.ts';

export type { CapturedExchange, ExchangeError, IngressRequest, Target } from './exchange.ts';

/** How an ingress behaves. */
export interface IngressOptions {
  /** Says where a request goes; may wait (for a free lane). A ForeshardError it throws is answered with 503. */
  choose(request: IngressRequest): Promise<Target>;
  /** How much of a body is kept. Default 64 MB. Longer ones pass whole, their copy is marked truncated. */
  readonly limitBytes?: number;
  /** How long a service may take until its response starts. Default 300,000. */
  readonly headersTimeoutMs?: number;
  /** Called for each connection that was turned away because what came on it is not HTTP/1.1. */
  readonly onMalformed?: (what: string) => void;
}

const defaultLimitBytes = 64 * 1024 * 1024;
const defaultHeadersTimeoutMs = 300_000;
const maxHeaderBytes = 256 * 1024;

/**
 * Where people send traffic: passes every request to the lane that `choose` names and gives back what passed.
 * HTTP/1.1, streaming both ways with back-pressure; other protocols after an upgrade are tunnelled.
 */
export class HttpIngress {
  readonly #options: IngressOptions;
  readonly #server: Server;
  readonly #pools = new Map<string, Pool>();
  readonly #tunnels = new Set<Duplex>();
  /** Connections on which something malformed came: what comes after it says nothing. */
  readonly #refused = new WeakSet<Duplex>();
  readonly #draining: Deferred<void> = deferred();
  #isDraining = false;
  #isClosed = false;
  #open = 0;

  constructor(options: IngressOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: maxHeaderBytes, keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
      this.#open++;
      response.once('close', () => this.#ended(request));
      void this.#handle(request, response);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#refuse(error, socket));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head));
  }

  /**
   * Starts listening.
   * @throws ForeshardError `port_in_use`
   */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return listen(this.#server, address, 'the ingress');
  }

  /** Requests whose response has not reached the client yet. */
  get open(): number {
    return this.#open;
  }

  /** Closes the connections to a target that is gone. */
  async forget(target: ListenAddress): Promise<void> {
    const key = `${target.host}:${target.port}`;
    const pool = this.#pools.get(key);
    this.#pools.delete(key);
    await pool?.destroy();
  }

  /** Takes no new requests and waits until those in flight have been answered, at most this long. Returns how many have not. */
  async drain(timeoutMs: number): Promise<number> {
    this.#isDraining = true;
    if (this.#server.listening) this.#server.close();
    if (this.#open === 0) return 0;
    const timer = setTimeout(() => this.#draining.resolve(), timeoutMs);
    await this.#draining.promise;
    clearTimeout(timer);
    return this.#open;
  }

  /** Stops listening and closes every connection, also those in use: what they carried is captured as far as it came, with `recording_stopped`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeAllConnections();
    for (const client of this.#tunnels) client.destroy(); // upgraded connections are no longer the server's
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
    await closed;
  }

  #ended(request: IncomingMessage): void {
    this.#open--;
    if (!this.#isDraining) return;
    request.socket.end(); // no further request on this connection
    if (this.#open === 0) this.#draining.resolve();
  }

  /** What is not HTTP/1.1 cannot be passed on: answered as Node.js does, and said. */
  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code !== 'ECONNRESET' && !this.#refused.has(socket)) this.#options.onMalformed?.(error.message);
    this.#refused.add(socket);
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = describe(incoming, false);
    if (this.#isDraining) {
      answerWithError(response, 503, new ForeshardError('interrupted', 'the recording is being stopped and takes no new requests'));
      return;
    }
    const limitBytes = this.#options.limitBytes ?? defaultLimitBytes;
    const startedAt = Date.now();
    try {
      const body = await takeBody(incoming, request.headers, limitBytes);
      const target = await this.#options.choose(request);
      if (response.destroyed) {
        target.onResponseDone(unanswered(request, startedAt, { code: 'client_aborted', message: 'the client closed the connection before the request was sent on' }));
        return;
      }
      const headersTimeoutMs = this.#options.headersTimeoutMs ?? defaultHeadersTimeoutMs;
      forward({ request, body, incoming, response, target, dispatcher: this.#pool(target), fresh: () => new Client(...poolArguments(target)), limitBytes, headersTimeoutMs, isStopped: () => this.#isClosed });
    } catch (error) {
      if (!incoming.complete && incoming.destroyed) return; // the client left while its body was being read: there is no one to answer
      answerWithError(response, 503, refusal(error));
    }
  }

  async #upgrade(incoming: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const request = describe(incoming, true);
    client.on('error', () => client.destroy());
    this.#tunnels.add(client);
    client.once('close', () => this.#tunnels.delete(client));
    try {
      const target = await this.#options.choose(request);
      tunnel({ request, incoming, client, head, target });
    } catch {
      client.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }
  }

  #pool(target: Target): Pool {
    const key = `${target.host}:${target.port}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) this.#pools.set(key, pool = new Pool(...poolArguments(target)));
    return pool;
  }
}

/** Servers that give no hint close idle connections after as little as two seconds; a request should not meet that close. */
function poolArguments(target: Target): [string, Client.Options] {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const local = target.path === undefined ? {} : { socketPath: target.path };
  return [`http://${host}:${target.port}`, { ...local, pipelining: 1, keepAliveTimeout: 1_000, bodyTimeout: 0, maxHeaderSize: maxHeaderBytes }];
}

function describe(incoming: IncomingMessage, upgrade: boolean): IngressRequest {
  // the context header is ours alone: a client cannot put itself into another request's context
  const headers = headerPairs(incoming.rawHeaders).filter(([name]) => name.toLowerCase() !== contextHeader);
  return { method: incoming.method ?? 'GET', target: incoming.url ?? '/', headers, upgrade };
}

function refusal(error: unknown): ForeshardError {
  if (error instanceof ForeshardError) return error;
  return new ForeshardError('lane_unavailable', `no lane can take the request: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
