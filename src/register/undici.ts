/**
 * undici, from npm or built in (`fetch`): calls carry the tag to the gateway, count as pending until the response is through, and what is
 * done with their responses is done for the request that made them, whichever opened the connection.
 */
import { subscribe } from 'node:diagnostics_channel';
import { contextHeader } from '../model/preload-protocol.ts';
import { currentContext, hold, release, storage } from './context.ts';
import type { RequestContext } from './context.ts';
import type { Family } from './loaded-clients.ts';
import { property, wrapMethod } from './patching.ts';
import type { RedirectTable } from './redirects.ts';

interface UndiciRequest {
  readonly origin?: unknown;
  addHeader?(name: string, value: string): unknown;
}

/** The origin's host and port, as the connection will be asked for. */
function addressOf(origin: unknown): { host: string; port: number } | undefined {
  const text = String(origin);
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return { host: url.hostname, port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port) };
}

/** Where a pool keeps calls until a connection is free, with whose they are. */
const queuedBy = new WeakMap<object, RequestContext>();

/** A pool takes a call in its caller's context, and hands it on in that of whoever's response made room. */
function patchPoolBase(prototype: object): void {
  const take = Object.getOwnPropertySymbols(prototype).find(symbol => symbol.description === 'dispatch');
  if (take !== undefined) {
    wrapMethod(prototype, take, original => function (this: unknown, ...args) {
      const context = currentContext();
      const handler = args[1];
      if (context !== undefined && typeof handler === 'object' && handler !== null && !queuedBy.has(handler)) queuedBy.set(handler, context);
      return Reflect.apply(original, this, args);
    });
  }
  const base = Object.getPrototypeOf(prototype) as object;
  wrapMethod(base, 'dispatch', original => function (this: unknown, ...args) {
    const context = queuedBy.get(args[1] as object);
    if (context === undefined || context === currentContext()) return Reflect.apply(original, this, args);
    return storage.run(context, () => Reflect.apply(original, this, args));
  });
}

/** undici's pools, from npm: the one built in has as many connections as there are calls. */
export const undiciPools: Family = {
  request: /[\\/]pool-base(?:\.js)?$/,
  prototypeIn: exports => property(property(exports, 'PoolBase'), 'prototype'),
  method: 'dispatch',
  besides: ['destroy'],
  patch: patchPoolBase,
};

/** What a connection tells a call of its response. */
const responseMethods = ['onHeaders', 'onData', 'onComplete', 'onError', 'onUpgrade'] as const;

function answerInContext(request: object, context: RequestContext): void {
  for (const name of responseMethods) {
    const original = property(request, name);
    if (typeof original !== 'function') continue;
    Reflect.set(request, name, function (this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => Reflect.apply(original, this, args));
    });
  }
}

/** undici's diagnostics channels: a call is created in its caller's context. */
export function watchUndici(table: RedirectTable): void {
  const owners = new WeakMap<object, RequestContext>();
  const tagged = new Map<unknown, boolean>();
  const originIsTagged = (origin: unknown): boolean => {
    const known = tagged.get(origin);
    if (known !== undefined) return known;
    const address = addressOf(origin);
    const answer = address !== undefined && table.carriesTag(address.host, address.port);
    // Listeners of this process come and go: only what the tool redirects is remembered.
    if (answer && typeof origin === 'string' && tagged.size < 1000 && address !== undefined && table.find(address.host, address.port)?.kind === 'http') tagged.set(origin, true);
    return answer;
  };
  subscribe('undici:request:create', message => {
    const context = currentContext();
    const request = property(message, 'request') as (UndiciRequest & object) | undefined;
    if (context === undefined || request === undefined) return;
    owners.set(request, context);
    hold(context);
    answerInContext(request, context);
    if (originIsTagged(request.origin)) request.addHeader?.(contextHeader, context.tag);
  });
  const ended = (message: unknown): void => {
    const request = property(message, 'request') as object;
    const context = owners.get(request);
    if (context === undefined) return;
    owners.delete(request);
    release(context);
  };
  subscribe('undici:request:trailers', ended);
  subscribe('undici:request:error', ended);
}
