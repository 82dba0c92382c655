/**
 * Packages that fill a buffer with random bytes once and serve many requests from it: what a request gets then depends on the requests
 * before it. nanoid (3 to 5) and uuid (8 to 11) compare a position with the pool's `length` to see whether it is used up. A pool of
 * theirs gets an own `length` of 0, so they refill it on every draw, inside the context that draws. The bytes are untouched.
 * In a bundle they are found by their source (bundled.ts). Other packages' pools are not covered.
 */
import { fileURLToPath } from 'node:url';

const smallestPoolBytes = 128;
const poolOwner = /[\\/]node_modules[\\/](?:nanoid|uuid)[\\/]/;
/** Our own frames, and those of node:crypto when one of its functions calls another, do not say who asked. */
const folder = new URL('.', import.meta.url);
const notTheCaller = [folder.href, fileURLToPath(folder), '(node:'];
const framesLookedAt = 4;

/** Takes the length off a pool that belongs to a known package; anything else, and anything small, is left alone. */
export function spoilPool(view: unknown): void {
  if (!(view instanceof Uint8Array) || view.byteLength < smallestPoolBytes || view.length === 0) return;
  if (poolOwner.test(caller())) spoil(view);
}

/** Takes the length off a pool; anything small is left alone. Returns what it was given. */
export function spoil(view: unknown): unknown {
  if (!(view instanceof Uint8Array) || view.byteLength < smallestPoolBytes || view.length === 0) return view;
  Object.defineProperty(view, 'length', { value: 0, configurable: true, writable: true });
  // Buffer's own subarray asks for the length; the typed array's does not.
  Object.defineProperty(view, 'subarray', { value: Reflect.get(Uint8Array.prototype, 'subarray'), configurable: true, writable: true });
  return view;
}

/** The frame that asked for the bytes. The stack is short, and only taken when a large buffer is filled. */
function caller(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = framesLookedAt;
  try {
    const holder: { stack?: string } = {};
    Error.captureStackTrace(holder, spoilPool);
    const frames = String(holder.stack).split('\n').slice(1);
    return frames.find(frame => !notTheCaller.some(other => frame.includes(other))) ?? '';
  } finally {
    Error.stackTraceLimit = limit;
  }
}
