/** How a function of Node.js or of a client library is replaced without the service noticing. */

/** Any function, seen from outside: what it takes and gives is the business of the patch. */
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What could not be patched, in words; filled by {@link attempt} and reported with `hello`. */
export const problems: string[] = [];

let tellOfProblem: () => void = () => {};

/** @param listener called whenever a problem is added, so that one found late is reported too */
export function onProblem(listener: () => void): void {
  tellOfProblem = listener;
}

/** Runs a patch. One that throws is skipped and noted: the service must never see an error of ours. */
export function attempt(what: string, patch: () => void): void {
  try {
    patch();
  } catch (error) {
    problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    tellOfProblem();
  }
}

/** Gives `replacement` the name, length and own properties (promisify symbols, for example) of `original`. */
export function dressedAs<T extends object>(original: object, replacement: T): T {
  for (const key of Reflect.ownKeys(original)) {
    if (key === 'prototype' || key === 'arguments' || key === 'caller') continue;
    const descriptor = Object.getOwnPropertyDescriptor(original, key);
    if (descriptor !== undefined) Reflect.defineProperty(replacement, key, descriptor);
  }
  return replacement;
}

/** Replaces `owner[name]`, inherited or own, by `make(original)`. Nothing happens where there is no such function. */
export function wrapMethod(owner: object, name: PropertyKey, make: (original: AnyFunction) => AnyFunction): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== 'function') return;
  const replacement = dressedAs(original, make(original as AnyFunction));
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value: replacement, writable: true, configurable: true, enumerable: before?.enumerable ?? false });
}

/** The property `name` of anything, or undefined where there is none. */
export function property(owner: unknown, name: PropertyKey): unknown {
  if ((typeof owner !== 'object' || owner === null) && typeof owner !== 'function') return undefined;
  return Reflect.get(owner, name);
}
