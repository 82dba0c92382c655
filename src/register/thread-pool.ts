/** What a request leaves to Node's thread pool besides files: compression, keys and hashes, names of hosts. Pending until it is done. */
import crypto from 'node:crypto';
import dns from 'node:dns';
import zlib from 'node:zlib';
import { currentContext, hold, release } from './context.ts';
import type { RequestContext } from './context.ts';
import { holdingCallback, holdingPromise, methodNames, wrapAsyncForms } from './holding.ts';
import { attempt, wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';

const heldBy = Symbol('foreshard.heldBy');

interface ZlibStream {
  /** The request whose bytes it is working on. */
  [heldBy]?: RequestContext | undefined;
}

function letGo(stream: ZlibStream): void {
  const context = stream[heldBy];
  if (context === undefined) return;
  stream[heldBy] = undefined;
  release(context);
}

/** `_transform` and `_flush`: the callback is the last argument; a stream that is destroyed may not call it any more. */
function working(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const stream = this as ZlibStream;
    const context = currentContext();
    const callback = args.at(-1);
    if (context === undefined || typeof callback !== 'function' || stream[heldBy] !== undefined) return Reflect.apply(original, this, args);
    stream[heldBy] = context;
    hold(context);
    return Reflect.apply(original, this, [...args.slice(0, -1), function (this: unknown, ...values: unknown[]) {
      letGo(stream);
      return Reflect.apply(callback, this, values);
    }]);
  };
}

function patchZlib(): void {
  wrapAsyncForms(zlib, new Set());
  const zlibBase = Object.getPrototypeOf(Object.getPrototypeOf(zlib.Gzip.prototype)) as object;
  for (const name of ['_transform', '_flush']) wrapMethod(zlibBase, name, working);
  wrapMethod(zlibBase, '_destroy', original => function (this: unknown, ...args) {
    letGo(this as ZlibStream);
    return Reflect.apply(original, this, args);
  });
}

function patchCrypto(): void {
  wrapAsyncForms(crypto, new Set());
  for (const name of ['randomBytes', 'randomInt', 'sign', 'verify', 'diffieHellman']) wrapMethod(crypto, name, holdingCallback);
  const subtle = Object.getPrototypeOf(crypto.webcrypto.subtle) as object;
  for (const name of methodNames(subtle)) wrapMethod(subtle, name, holdingPromise);
}

function patchDns(): void {
  const isLookUp = (name: string): boolean => /^(?:lookup|resolve|reverse)/.test(name);
  for (const owner of [dns, dns.Resolver.prototype, Object.getPrototypeOf(dns.Resolver.prototype) as object]) {
    for (const name of methodNames(owner).filter(isLookUp)) wrapMethod(owner, name, holdingCallback);
  }
  for (const owner of [dns.promises, dns.promises.Resolver.prototype]) {
    for (const name of methodNames(owner).filter(isLookUp)) wrapMethod(owner, name, holdingPromise);
  }
}

/** Patches node:zlib, node:crypto and node:dns. */
export function installThreadPool(): void {
  attempt('compression', patchZlib);
  attempt('crypto', patchCrypto);
  attempt('DNS', patchDns);
}
