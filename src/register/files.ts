/** File operations of a request: pending until their callback or promise. A log line written after the response is such a one. */
import fs from 'node:fs';
import { currentContext, hold, holdUntil, release } from './context.ts';
import { wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';

function countingCallback(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const context = currentContext();
    const callback = args.at(-1);
    if (context === undefined || typeof callback !== 'function') return Reflect.apply(original, this, args);
    hold(context);
    const counted = function (this: unknown, ...values: unknown[]): unknown {
      release(context);
      return Reflect.apply(callback, this, values);
    };
    try {
      return Reflect.apply(original, this, [...args.slice(0, -1), counted]);
    } catch (error) {
      release(context);
      throw error;
    }
  };
}

function countingPromise(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const result = Reflect.apply(original, this, args);
    const context = currentContext();
    if (context !== undefined && result instanceof Promise) holdUntil(context, result);
    return result;
  };
}

/** Functions of fs whose callback is not "once, when it is done". */
const notOperations = new Set(['watch', 'watchFile', 'unwatchFile', 'createReadStream', 'createWriteStream', 'openAsBlob']);

/** Patches the callback and promise functions of node:fs; streams use the former. Methods of FileHandle objects are not counted. */
export function installFiles(): void {
  for (const name of Object.keys(fs)) {
    if (!notOperations.has(name) && typeof Reflect.get(fs, `${name}Sync`) === 'function') wrapMethod(fs, name, countingCallback);
  }
  for (const name of Object.keys(fs.promises)) {
    if (!notOperations.has(name) && typeof Reflect.get(fs.promises, name) === 'function') wrapMethod(fs.promises, name, countingPromise);
  }
}
