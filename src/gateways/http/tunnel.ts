import { connect } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Header } from '../../model/recording.ts';
import type { IngressRequest, Target } from './exchange.ts';
import { unanswered } from './forward.ts';

/** What a tunnel connects: the client's upgraded connection and where it is to go. */
export interface TunnelOptions {
  readonly request: IngressRequest;
  readonly incoming: IncomingMessage;
  readonly client: Duplex;
  /** What the client has already sent after its request. */
  readonly head: Buffer;
  readonly target: Target;
}

function requestText(incoming: IncomingMessage, request: IngressRequest, extra: readonly Header[]): string {
  const lines = [...request.headers, ...extra].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request.method} ${request.target} HTTP/${incoming.httpVersion}\r\n${lines.join('')}\r\n`;
}

/** Joins an upgraded connection (a websocket) with the service byte by byte. It passes, is not recorded, and is named as such. */
export function tunnel(options: TunnelOptions): void {
  const { request, client, target, head } = options;
  const startedAt = Date.now();
  const service = connect({ host: target.host, port: target.port });
  let done = false;
  const finish = (code: string, message: string): void => {
    client.destroy();
    service.destroy();
    if (done) return;
    done = true;
    target.onResponseDone(unanswered(request, startedAt, { code, message }));
  };
  service.once('connect', () => {
    service.write(requestText(options.incoming, request, target.extraHeaders), 'latin1');
    if (head.length > 0) service.write(head);
    client.pipe(service);
    service.pipe(client);
  });
  const over = (): void => finish('upgrade_not_recorded', `${request.target} asked for another protocol; it was passed through, not recorded`);
  service.once('error', (error) => {
    if (!client.destroyed) client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    finish('service_died', `the service at ${target.host}:${target.port} broke the connection: ${error.message}`);
  });
  client.once('error', over);
  client.once('close', over);
  service.once('close', over);
}
