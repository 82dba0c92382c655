import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Header } from '../../model/recording.ts';
import { ByteCollector } from './byte-collector.ts';
import { headerValue } from './headers.ts';

/** Bodies up to this size are read before they are sent on: one write instead of a stream. */
const smallBytes = 256 * 1024;

/** The body of an incoming request: what to send on, and the copy of what passed. */
export interface RequestBody {
  /** null: no body; a Buffer: all of it; a stream: it passes while it comes. */
  readonly forward: Buffer | PassThrough | null;
  readonly copy: ByteCollector;
  /** Stops forwarding: the service has answered without reading to the end. The rest is read and thrown away. */
  release(): void;
}

function declaredLength(headers: readonly Header[]): number | null {
  const text = headerValue(headers, 'content-length');
  return text === null ? null : Number(text);
}

/**
 * Takes the body off a request: small ones are read whole first, the others stream, with back-pressure.
 * Rejects when the client goes away while a small body is read.
 */
export async function takeBody(request: IncomingMessage, headers: readonly Header[], limitBytes: number): Promise<RequestBody> {
  const copy = new ByteCollector(limitBytes);
  const length = declaredLength(headers);
  if (length === 0 || (length === null && headerValue(headers, 'transfer-encoding') === null)) {
    request.resume();
    return { forward: null, copy, release: () => {} };
  }
  if (length !== null && length <= smallBytes) {
    const whole = await readWhole(request, length);
    copy.add(whole);
    return { forward: whole, copy, release: () => {} };
  }
  return streamed(request, copy);
}

function streamed(request: IncomingMessage, copy: ByteCollector): RequestBody {
  // A stream of its own stands between: undici destroys what it is given, and destroying the request would cut the client off
  // before it has read an early answer such as 413.
  const forward = new PassThrough();
  forward.on('error', () => {}); // the exchange reports it
  request.on('data', (chunk: Buffer) => copy.add(chunk));
  request.pipe(forward);
  request.once('close', () => {
    if (!request.complete) forward.destroy(new Error('the client closed the connection'));
  });
  return {
    forward,
    copy,
    release: () => {
      if (request.complete) return;
      request.unpipe(forward);
      request.resume();
    },
  };
}

/** Reads a body to its end. Rejects when the sender goes away first. */
export function readWhole(request: IncomingMessage, sizeHint = 0): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once('close', () => {
      if (!request.complete) reject(new Error(`the client closed the connection before its ${sizeHint > 0 ? `${sizeHint}-byte ` : ''}body was complete`));
    });
    request.once('error', reject);
  });
}
