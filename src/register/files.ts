/** File operations of a request: pending until their callback or promise. A log line written after the response is such a one. */
import fs from 'node:fs';
import { holdingPromise, methodNames, wrapAsyncForms } from './holding.ts';
import { attempt, wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';

/** Functions of fs whose callback or promise is not "once, when it is done". */
const notOperations = new Set(['watch', 'watchFile', 'unwatchFile', 'createReadStream', 'createWriteStream', 'openAsBlob']);
const notOfHandles = new Set(['createReadStream', 'createWriteStream', 'readableWebStream', 'readLines', 'getAsyncId', 'getOwnNonIndexProperties']);

/** The class FileHandle is nowhere to be had: the first handle shows it. */
function watchingHandles(open: AnyFunction): AnyFunction {
  let isPatched = false;
  return function (this: unknown, ...args) {
    const opened = Reflect.apply(open, this, args);
    if (!(opened instanceof Promise)) return opened;
    return opened.then((handle: object) => {
      if (!isPatched) attempt('file handles', () => patchHandles(Object.getPrototypeOf(handle) as object));
      isPatched = true;
      // Each handle has a `close` of its own.
      if (Object.hasOwn(handle, 'close')) wrapMethod(handle, 'close', holdingPromise);
      return handle;
    });
  };
}

function patchHandles(prototype: object): void {
  for (const name of methodNames(prototype)) {
    if (!notOfHandles.has(name)) wrapMethod(prototype, name, holdingPromise);
  }
}

/** Patches the callback and promise functions of node:fs and the methods of FileHandle; streams use these. */
export function installFiles(): void {
  wrapAsyncForms(fs, notOperations);
  wrapMethod(fs.promises, 'open', watchingHandles);
  for (const name of methodNames(fs.promises)) {
    if (!notOperations.has(name)) wrapMethod(fs.promises, name, holdingPromise);
  }
}
