/** Functions of Node.js that end later, by callback or promise: the request that calls one is pending until then. */
import { currentContext, hold, holdUntil, release } from './context.ts';
import { wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';

/** A function whose last argument is a callback that is called once. Calls without one are left alone. */
export function holdingCallback(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const callback = args.at(-1);
    const context = typeof callback === 'function' ? currentContext() : undefined;
    if (context === undefined) return Reflect.apply(original, this, args);
    hold(context);
    const counted = function (this: unknown, ...values: unknown[]): unknown {
      release(context);
      return Reflect.apply(callback as AnyFunction, this, values);
    };
    try {
      return Reflect.apply(original, this, [...args.slice(0, -1), counted]);
    } catch (error) {
      release(context);
      throw error;
    }
  };
}

/** A function that returns a promise. */
export function holdingPromise(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const result = Reflect.apply(original, this, args);
    const context = currentContext();
    if (context !== undefined && result instanceof Promise) holdUntil(context, result);
    return result;
  };
}

/** Methods that are functions, by name; getters are not looked at. */
export function methodNames(owner: object): string[] {
  return Object.getOwnPropertyNames(owner).filter(name => name !== 'constructor' && typeof Object.getOwnPropertyDescriptor(owner, name)?.value === 'function');
}

/** Wraps what a module has in two forms, `name` with a callback and `nameSync`. */
export function wrapAsyncForms(module: object, except: ReadonlySet<string>): void {
  for (const name of methodNames(module)) {
    if (!except.has(name) && typeof Reflect.get(module, `${name}Sync`) === 'function') wrapMethod(module, name, holdingCallback);
  }
}
