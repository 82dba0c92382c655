/** Randomness as the request sees it: `Math.random` and node:crypto draw from the seed of the context. Outside one they are real. */
import crypto from 'node:crypto';
import type { Prng } from '../lib/prng.ts';
import { cryptoRandomOf, currentContext, mathRandomOf } from './context.ts';
import { wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';
import { spoilPool } from './random-pools.ts';

function drawn(): Prng | undefined {
  const context = currentContext();
  return context === undefined ? undefined : cryptoRandomOf(context);
}

function fill(bytes: Uint8Array, prng: Prng): void {
  const whole = bytes.length - (bytes.length % 4);
  let at = 0;
  for (; at < whole; at += 4) {
    const word = prng.nextUint32();
    bytes[at] = word;
    bytes[at + 1] = word >>> 8;
    bytes[at + 2] = word >>> 16;
    bytes[at + 3] = word >>> 24;
  }
  for (let word = at < bytes.length ? prng.nextUint32() : 0; at < bytes.length; at++, word >>>= 8) bytes[at] = word;
}

function randomBytes(size: number, prng: Prng): Buffer {
  const bytes = Buffer.alloc(size);
  fill(bytes, prng);
  return bytes;
}

function uuid(prng: Prng): string {
  const bytes = randomBytes(16, prng);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const span48 = 2 ** 48;

/** Uniform in [min, max), by rejection over 48 bits, as node:crypto does it. */
function integer(min: number, max: number, prng: Prng): number {
  const range = max - min;
  const limit = span48 - (span48 % range);
  for (;;) {
    const value = (prng.nextUint32() & 0xffff) * 2 ** 32 + prng.nextUint32();
    if (value < limit) return min + (value % range);
  }
}

/** The part of a buffer that (buffer, offset, size) means, in elements of the view; undefined where Node.js would throw. */
function slice(view: unknown, offset: unknown, size: unknown): Uint8Array | undefined {
  if (!ArrayBuffer.isView(view) && !(view instanceof ArrayBuffer)) return undefined;
  const [buffer, base] = ArrayBuffer.isView(view) ? [view.buffer, view.byteOffset] : [view, 0];
  const unit = 'BYTES_PER_ELEMENT' in view ? Number(view.BYTES_PER_ELEMENT) : 1;
  const from = (offset === undefined ? 0 : Number(offset)) * unit;
  const length = size === undefined ? view.byteLength - from : Number(size) * unit;
  if (!Number.isInteger(from) || !Number.isInteger(length) || from < 0 || length < 0 || from + length > view.byteLength) return undefined;
  return new Uint8Array(buffer, base + from, length);
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

type Callback = (error: null, value: unknown) => void;

/** What node:crypto calls with a callback is answered on the next tick: no thread pool, so the order of draws is the order of calls. */
function answer(callback: unknown, value: unknown): void {
  process.nextTick(callback as Callback, null, value);
}

const replacements: Record<string, (original: AnyFunction) => AnyFunction> = {
  randomUUID: original => function (this: unknown, ...args) {
    const prng = drawn();
    return prng === undefined ? Reflect.apply(original, this, args) : uuid(prng);
  },
  randomBytes: original => function (this: unknown, ...args) {
    const [size, callback] = args;
    const prng = drawn();
    if (prng === undefined || !isSize(size)) return Reflect.apply(original, this, args);
    const bytes = randomBytes(size, prng);
    if (typeof callback !== 'function') return bytes;
    answer(callback, bytes);
  },
  randomInt: original => function (this: unknown, ...args) {
    const prng = drawn();
    const numbers = args.filter(arg => typeof arg === 'number');
    const [min, max] = numbers.length === 1 ? [0, numbers[0] as number] : [numbers[0] as number, numbers[1] as number];
    const valid = Number.isSafeInteger(min) && Number.isSafeInteger(max) && max > min && max - min < span48;
    if (prng === undefined || !valid) return Reflect.apply(original, this, args);
    const value = integer(min, max, prng);
    const callback = args.at(-1);
    if (typeof callback !== 'function') return value;
    answer(callback, value);
  },
  randomFillSync: original => function (this: unknown, ...args) {
    spoilPool(args[0]);
    const prng = drawn();
    const bytes = prng === undefined ? undefined : slice(args[0], args[1], args[2]);
    if (prng === undefined || bytes === undefined) return Reflect.apply(original, this, args);
    fill(bytes, prng);
    return args[0];
  },
  randomFill: original => function (this: unknown, ...args) {
    const callback = args.at(-1);
    const [view, offset, size] = args.slice(0, -1);
    const prng = drawn();
    const bytes = prng === undefined ? undefined : slice(view, offset, size);
    if (prng === undefined || bytes === undefined || typeof callback !== 'function') return Reflect.apply(original, this, args);
    fill(bytes, prng);
    answer(callback, view);
  },
};

function getRandomValues(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const view = args[0];
    spoilPool(view);
    const prng = drawn();
    const integers = ArrayBuffer.isView(view) && !/^(?:Float|DataView)/.test(Object.prototype.toString.call(view).slice(8));
    const bytes = integers && view.byteLength <= 65_536 ? slice(view, undefined, undefined) : undefined;
    if (prng === undefined || bytes === undefined) return Reflect.apply(original, this, args);
    fill(bytes, prng);
    return view;
  };
}

/** Patches `Math.random`, node:crypto and WebCrypto. */
export function installRandomness(): void {
  const real = Math.random;
  wrapMethod(Math, 'random', () => function () {
    const context = currentContext();
    const prng = context === undefined ? undefined : mathRandomOf(context);
    return prng === undefined ? real() : prng.next();
  });
  for (const [name, make] of Object.entries(replacements)) wrapMethod(crypto, name, make);
  const web = Object.getPrototypeOf(crypto.webcrypto) as object;
  wrapMethod(web, 'randomUUID', replacements['randomUUID'] as (original: AnyFunction) => AnyFunction);
  wrapMethod(web, 'getRandomValues', getRandomValues);
}
