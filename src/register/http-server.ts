/** Requests that come in: each runs in its context, and the header that names the context is gone before the service looks. */
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { contextHeader } from '../model/preload-protocol.ts';
import { hold, openContext, outside, release, storage } from './context.ts';
import type { RequestContext } from './context.ts';
import { property, wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';

const contextOf = Symbol('foreshard.context');
const releases = Symbol('foreshard.releases');

/** What events of a request may be emitted on. */
interface Carrier {
  [contextOf]?: RequestContext;
  [releases]?: boolean;
}

const exchangeEvents = new Set<unknown>(['request', 'checkContinue', 'checkExpectation']);
const takeoverEvents = new Set<unknown>(['upgrade', 'connect']);

let headerCount: symbol | undefined;

/** Reads the context header off a request, out of all four places where a service could see it. */
function takeHeader(req: http.IncomingMessage): string | undefined {
  const value = req.headers[contextHeader];
  if (typeof value !== 'string') return undefined;
  delete req.headers[contextHeader];
  // Node builds headersDistinct later from rawHeaders and a count of its own, which must shrink with it.
  headerCount ??= Object.getOwnPropertySymbols(req).find(symbol => symbol.description === 'kHeadersCount');
  if (headerCount === undefined) delete req.headersDistinct[contextHeader];
  const raw = req.rawHeaders;
  for (let at = raw.length - 2; at >= 0; at -= 2) {
    if (raw[at]?.toLowerCase() !== contextHeader) continue;
    raw.splice(at, 2);
    if (headerCount !== undefined) Reflect.set(req, headerCount, Number(Reflect.get(req, headerCount)) - 2);
  }
  return value;
}

/** Makes an `emit` of what {@link carry} was called with run in its context: `als.run` round the handler alone loses `req.on('end')`. */
export function emitInContext(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const carrier = this as Carrier;
    const context = carrier[contextOf];
    if (context === undefined) return Reflect.apply(original, this, args);
    try {
      if (storage.getStore() === context) return Reflect.apply(original, this, args);
      return storage.run(context, () => Reflect.apply(original, this, args));
    } finally {
      if (carrier[releases] === true && args[0] === 'close') {
        carrier[releases] = false;
        release(context);
      }
    }
  };
}

/** Says whose events are emitted on `target`. A plain symbol property: defining a hidden one costs more than all the rest of entering a context. */
export function carry(target: object, context: RequestContext): void {
  (target as Carrier)[contextOf] = context;
}

/** The context is pending until `target` emits `close`. */
function holdUntilClosed(target: Carrier, context: RequestContext): void {
  carry(target, context);
  target[releases] = true;
  hold(context);
}

/** The `emit` of an HTTP/1.1 server. */
function enterContext(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const exchange = exchangeEvents.has(args[0]);
    const run = (): unknown => Reflect.apply(original, this, args);
    if (!exchange && !takeoverEvents.has(args[0])) return run();
    const req = args[1] as http.IncomingMessage & Carrier;
    const known = req[contextOf];
    if (known !== undefined) return storage.run(known, run);
    const header = takeHeader(req);
    const context = header === undefined ? undefined : openContext(header);
    if (context === undefined) return outside(run);
    carry(req, context);
    holdUntilClosed(args[2] as Carrier, context);
    if (!exchange) ownEmit(args[2] as object);
    return storage.run(context, run);
  };
}

/** An upgraded socket belongs to its request; other sockets must not pay for that. */
function ownEmit(target: object): void {
  const emit = property(target, 'emit');
  if (typeof emit === 'function') Object.defineProperty(target, 'emit', { value: emitInContext(emit as AnyFunction), writable: true, configurable: true });
}

/** The `emit` of an HTTP/2 server; its compatibility layer emits `request` from within `stream`. */
function enterStream(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const run = (): unknown => Reflect.apply(original, this, args);
    if (args[0] !== 'stream') return run();
    const [, stream, headers, , raw] = args as [string, Carrier, Record<string, unknown>, unknown, unknown];
    const header = headers[contextHeader];
    delete headers[contextHeader];
    const at = Array.isArray(raw) ? raw.indexOf(contextHeader) : -1;
    if (Array.isArray(raw) && at >= 0) raw.splice(at, 2);
    const context = typeof header === 'string' ? openContext(header) : undefined;
    if (context === undefined) return outside(run);
    holdUntilClosed(stream, context);
    ownEmit(stream);
    return storage.run(context, run);
  };
}

/** Patches the servers of node:http, node:https and node:http2. */
export function installHttpServer(): void {
  for (const prototype of [http.IncomingMessage.prototype, http.ServerResponse.prototype]) wrapMethod(prototype, 'emit', emitInContext);
  for (const prototype of [http.Server.prototype, https.Server.prototype]) wrapMethod(prototype, 'emit', enterContext);
  for (const name of ['createServer', 'createSecureServer']) {
    wrapMethod(http2, name, original => function (this: unknown, ...args) {
      const server = Reflect.apply(original, this, args) as object;
      wrapMethod(server, 'emit', name === 'createServer' ? enterStream : inner => enterStream(enterContext(inner)));
      return server;
    });
  }
}
