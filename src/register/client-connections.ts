/**
 * What the requests of a service share of its Redis clients: connections, pools and caches. Opening a connection is nobody's work, though
 * a request may set it going; a task of a pool is its caller's, though another request's end may start it.
 */
import { currentContext, holdUntil, outside, storage } from './context.ts';
import { property, wrapMethod } from './patching.ts';

/**
 * The `connect` of a client or of its socket: handshake, keep-alive pings, reconnecting and listeners run outside any request. The caller
 * waits for the promise in its own context all the same.
 */
export function patchConnect(prototype: object): void {
  wrapMethod(prototype, 'connect', original => function (this: unknown, ...args) {
    const context = currentContext();
    if (context === undefined) return Reflect.apply(original, this, args);
    const connected = outside(() => Reflect.apply(original, this, args));
    holdUntil(context, connected);
    return connected;
  });
}

/**
 * node-redis 5 and 6: class BasicClientSideCache. It is always empty: what one request has read must not answer another, and a read that no
 * gateway sees is not recorded.
 */
export function patchCache(prototype: object): void {
  wrapMethod(prototype, 'trackingOn', () => () => ['CLIENT', 'TRACKING', 'OFF']);
  wrapMethod(prototype, 'handleCache', () => async (_client, parser, ask, transform, typeMapping) => {
    const reply = await (ask as () => Promise<unknown>)();
    if (typeof transform !== 'function') return reply;
    return (transform as (...given: unknown[]) => unknown)(reply, property(parser, 'preserve'), typeMapping);
  });
}

/** node-redis 5 and 6: class RedisClientPool. A task runs in its caller's context; what the pool does around it is nobody's. */
export function patchPool(prototype: object): void {
  wrapMethod(prototype, 'execute', original => function (this: unknown, ...args) {
    const context = currentContext();
    const [task, ...rest] = args;
    if (context === undefined || typeof task !== 'function') return Reflect.apply(original, this, args);
    const itsOwn = (...given: unknown[]): unknown => storage.run(context, () => Reflect.apply(task, undefined, given));
    const done = outside(() => Reflect.apply(original, this, [itsOwn, ...rest]));
    holdUntil(context, done);
    return done;
  });
}
