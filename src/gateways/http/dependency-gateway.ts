import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ForeshardError } from '../../model/errors.ts';
import { contextHeader } from '../../model/preload-protocol.ts';
import { noAnswer, type DependencyAnswer, type DependencyCall } from './dependency.ts';
import { answerWithError } from './forward.ts';
import { forwardable, headerPairs, headerValue } from './headers.ts';
import { listen } from './listen.ts';
import type { ListenAddress } from './listen.ts';
import { readWhole } from './request-body.ts';

export { noAnswer, type DependencyAnswer, type DependencyCall } from './dependency.ts';
export { forwardTo } from './forward-to.ts';

/** How a dependency gateway behaves. */
export interface DependencyGatewayOptions {
  /** The dependency's name. */
  readonly dependency: string;
  /** Answers a call. A ForeshardError it throws is answered with 502; null with 502 and `no recorded answer`; `noAnswer` cuts the caller off. */
  handle(call: DependencyCall): Promise<DependencyAnswer | typeof noAnswer | null>;
}

interface LaneDoor {
  readonly server: Server;
  /** Calls whose answer is not out yet. */
  pending: number;
  /** Counts every connection, every call received and every answer sent: unchanged means nothing happened. */
  activity: number;
}

/** Stands for an HTTP dependency, with one door per lane; recording and replay differ only in `handle`. */
export class HttpDependencyGateway {
  readonly #options: DependencyGatewayOptions;
  readonly #doors = new Map<string, LaneDoor>();

  constructor(options: DependencyGatewayOptions) {
    this.#options = options;
  }

  /**
   * Opens the lane's door; a second call moves it.
   * @throws ForeshardError `port_in_use`
   */
  async listen(lane: string, address: ListenAddress): Promise<ListenAddress> {
    const server = createServer({ maxHeaderSize: 256 * 1024, keepAliveTimeout: 60_000, requestTimeout: 0 });
    const door: LaneDoor = { server, pending: 0, activity: 0 };
    server.on('connection', () => door.activity++); // whoever connects is about to ask
    server.on('request', (incoming, response) => void this.#serve(lane, door, incoming, response));
    const bound = await listen(server, address, `the gateway of ${this.#options.dependency} for lane ${lane}`);
    await this.closeLane(lane);
    this.#doors.set(lane, door);
    return bound;
  }

  /** Takes over a connection that was accepted elsewhere, such as inside a lane's own network. */
  accept(lane: string, socket: Socket): void {
    const door = this.#doors.get(lane);
    if (door === undefined) socket.destroy();
    else door.server.emit('connection', socket);
  }

  /** Calls of this lane that have not been answered. */
  pending(lane: string): number {
    return this.#doors.get(lane)?.pending ?? 0;
  }

  /** A counter that changes with every call and every answer of this lane. */
  activity(lane: string): number {
    return this.#doors.get(lane)?.activity ?? 0;
  }

  /** Closes a lane's door and its connections. */
  async closeLane(lane: string): Promise<void> {
    const door = this.#doors.get(lane);
    if (door === undefined) return;
    this.#doors.delete(lane);
    const closed = new Promise<void>((resolve) => {
      door.server.close(() => resolve());
    });
    door.server.closeAllConnections();
    await closed;
  }

  /** Closes every door. */
  async close(): Promise<void> {
    await Promise.all([...this.#doors.keys()].map((lane) => this.closeLane(lane)));
  }

  async #serve(lane: string, door: LaneDoor, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    door.pending++;
    door.activity++;
    let open = true;
    const abandoned = new AbortController();
    response.once('close', () => {
      if (!open) return;
      open = false;
      door.pending--;
      door.activity++;
      if (!response.writableFinished) abandoned.abort();
    });
    const { dependency } = this.#options;
    try {
      const body = await readWhole(incoming);
      const raw = headerPairs(incoming.rawHeaders);
      const answer = await this.#options.handle({
        lane, dependency, body, signal: abandoned.signal,
        tag: headerValue(raw, contextHeader),
        method: incoming.method ?? 'GET',
        target: originForm(incoming.url ?? '/'),
        headers: raw.filter(([name]) => name.toLowerCase() !== contextHeader),
      });
      if (answer === null) throw new ForeshardError('upstream_unreachable', `no recorded answer of ${dependency} to ${incoming.method} ${incoming.url}`);
      if (answer === noAnswer) response.destroy();
      else send(response, incoming.method === 'HEAD', answer);

    } catch (error) {
      const failure = error instanceof ForeshardError ? error
        : new ForeshardError('upstream_unreachable', `${dependency}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      answerWithError(response, 502, failure);
    }
  }
}

/** A service that takes the gateway for a proxy writes the whole URL on the request line. */
function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return target;
  const rest = target.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

const lengthHeader: ReadonlySet<string> = new Set(['content-length']);

function send(response: ServerResponse, head: boolean, answer: DependencyAnswer): void {
  const bodiless = head || answer.status === 204 || answer.status === 304;
  const headers = forwardable(answer.headers, bodiless ? {} : { without: lengthHeader });
  // the body is whole here, whatever framing it came in
  if (!bodiless) headers.push('content-length', String(answer.body.byteLength));
  response.sendDate = false;
  response.writeHead(answer.status, headers);
  response.end(bodiless ? undefined : answer.body);
}
