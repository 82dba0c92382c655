/**
 * Client libraries are found as they are loaded, by wrapping `Module._load`, whatever package they are in and however many copies there
 * are; in a bundle, where they are no modules, by their source (bundled.ts).
 */
import Module from 'node:module';
import { installBundled } from './bundled.ts';
import { attempt, property, wrapMethod } from './patching.ts';

/** A client library by one class of it. */
export interface Family {
  /** File or package as it is asked for. */
  readonly request: RegExp;
  /** From what the module exports to the prototype to patch. */
  prototypeIn(exports: unknown): unknown;
  readonly method: string;
  /** Methods one of which the class has too: others may have one of the name of `method`. */
  readonly besides: readonly string[];
  readonly patch: (prototype: object) => void;
}

/** Patches clients as they are loaded. */
export function installLoadedClients(families: readonly Family[]): void {
  const patched = new WeakSet<object>();
  wrapMethod(Module, '_load', original => function (this: unknown, ...args) {
    const exports = Reflect.apply(original, this, args);
    const request = args[0];
    if (typeof request !== 'string') return exports;
    for (const family of families) {
      if (family.request.test(request)) attempt(`client in ${request}`, () => patchOnce(family, exports, patched));
    }
    return exports;
  });
  installBundled((instance, method) => {
    const prototype = ownerOfMethod(instance, method);
    if (prototype === undefined || patched.has(prototype)) return undefined;
    const family = families.find(candidate => candidate.method === method && hasOneOf(prototype, candidate.besides));
    if (family === undefined) return undefined;
    attempt(`bundled client with ${method}`, () => patchOnce({ ...family, prototypeIn: () => prototype }, instance, patched));
    return property(prototype, method);
  });
}

function hasOneOf(prototype: object, methods: readonly string[]): boolean {
  return methods.some(name => typeof property(prototype, name) === 'function');
}

function ownerOfMethod(instance: object, method: string): object | undefined {
  for (let owner: unknown = Object.getPrototypeOf(instance); typeof owner === 'object' && owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, method)) return owner;
  }
  return undefined;
}

function patchOnce(family: Family, exports: unknown, patched: WeakSet<object>): void {
  const prototype = family.prototypeIn(exports);
  if (typeof prototype !== 'object' || prototype === null || patched.has(prototype)) return;
  if (typeof property(prototype, family.method) !== 'function' || !hasOneOf(prototype, family.besides)) return;
  patched.add(prototype);
  family.patch(prototype);
}
