import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listen, type ListenAddress } from '../gateways/http/listen.ts';
import { ForeshardError, type ErrorCode } from '../model/errors.ts';
import { answerRoute, HttpProblem, type HttpAnswer, type HttpServed } from './node-http-routes.ts';

/** Settings of a {@link NodeHttp}. */
export interface NodeHttpOptions extends HttpServed {
  /** Told what nobody expected; the client is answered 500. */
  readonly onInternalError: (error: unknown) => void;
}

const statusOf: Readonly<Partial<Record<ErrorCode, number>>> = { usage: 400, payload_too_large: 413, map_outdated: 409, state_node_full: 507 };
/** Keys of 8 KB, every byte percent-encoded, and room for the rest. */
const maxHeaderSize = 64 * 1024;

/** The HTTP side of a state node: elements by key, and what it says of itself. Every failure is JSON: `{code, message, hint}`. */
export class NodeHttp {
  readonly #options: NodeHttpOptions;
  readonly #server: Server;

  constructor(options: NodeHttpOptions) {
    this.#options = options;
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    // A body is asked for when it is read: what is refused before is not sent.
    this.#server = createServer({ maxHeaderSize }, handle).on('checkContinue', handle);
    this.#server.on('clientError', refuseMalformed);
  }

  /** Starts to listen; port 0 takes a free one. @throws ForeshardError `port_in_use`, `lane_unavailable` */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return listen(this.#server, address, 'the HTTP side of the state node');
  }

  /** Listens no more and answers what was asked, within a second. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), 1000);
    await closed;
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: HttpAnswer;
    try {
      answer = await answerRoute(this.#options, request, response);
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the sender is gone
      answer = this.#failure(error);
    }
    const isRefusedMidway = !request.complete;
    request.resume(); // a sender reads the answer when it has sent its body
    const { status, headers = {}, body = '' } = answer;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const length = status === 204 || status === 304 ? {} : { 'content-length': bytes.length };
    response.writeHead(status, { ...length, 'x-content-type-options': 'nosniff', ...headers, ...isRefusedMidway ? { connection: 'close' } : {} });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  #failure(error: unknown): HttpAnswer {
    if (error instanceof HttpProblem) return problemAnswer(error.status, error, error.headers);
    if (error instanceof ForeshardError) return problemAnswer(statusOf[error.code] ?? 500, error);
    this.#options.onInternalError(error);
    return problemAnswer(500, { code: 'internal', message: 'The state node failed for a reason that nobody expected.', hint: 'Its standard error says more.' });
  }
}

function problemAnswer(status: number, { code, message, hint }: { readonly code: string; readonly message: string; readonly hint: string | undefined }, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: `${JSON.stringify({ code, message, hint })}\n` };
}

/** Answers what is not HTTP, before there is a request. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const { body = '' } = problemAnswer(400, { code: tooLong ? 'header_too_large' : 'malformed_request', message: `This is no HTTP request: ${error.message}.`, hint: tooLong ? 'Keys have 8192 bytes at most.' : 'Redis clients go to the other port.' });
  socket.end(`HTTP/1.1 ${tooLong ? '431 Request Header Fields Too Large' : '400 Bad Request'}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body as string}`);
}
