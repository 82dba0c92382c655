/**
 * Time as the request sees it. Inside a context `Date` starts at the recorded moment and advances only by what is delivered: a timer
 * that fires brings the clock to its own due time. A loop that waits for time to pass must end, so every 256th read adds 1 ms.
 * Not covered: performance.now, process.hrtime, Intl.DateTimeFormat without an argument, the Date header of responses.
 */
import { currentContext, moveClock } from './context.ts';
import type { RequestContext } from './context.ts';

const readsPerMs = 256;

/** Brings the request's clock to `dueMs`, never back. */
export function advanceClock(context: RequestContext, dueMs: number): void {
  if (context.clockMs !== undefined && context.clockMs < Math.trunc(dueMs)) moveClock(context, Math.trunc(dueMs));
}

function readClock(context: RequestContext, clockMs: number): number {
  if (++context.clockReads % readsPerMs !== 0) return clockMs;
  moveClock(context, clockMs + 1);
  return clockMs + 1;
}

/**
 * Replaces the global `Date`. It is a function that constructs real dates and shares their prototype: `instanceof`, `structuredClone`,
 * dates made by Node.js itself, `Date()` without `new` and subclasses all stay right, which neither a subclass nor a Proxy gives.
 * @param offsetMs added to real time outside any context
 */
export function installTime(offsetMs: number): void {
  const RealDate = Date;
  const realNow = Date.now;
  const now = function now(): number {
    const context = currentContext();
    if (context?.clockMs === undefined) return offsetMs === 0 ? realNow() : realNow() + offsetMs;
    return readClock(context, context.clockMs);
  };
  const replacement = function Date(...args: unknown[]): unknown {
    if (new.target === undefined) return new RealDate(now()).toString();
    const target = new.target === replacement ? RealDate : new.target;
    return Reflect.construct(RealDate, args.length === 0 ? [now()] : args, target);
  };
  for (const key of Reflect.ownKeys(RealDate)) {
    const descriptor = Object.getOwnPropertyDescriptor(RealDate, key);
    if (descriptor !== undefined) Object.defineProperty(replacement, key, key === 'now' ? { ...descriptor, value: now } : descriptor);
  }
  Object.defineProperty(RealDate.prototype, 'constructor', { value: replacement, writable: true, configurable: true, enumerable: false });
  Object.defineProperty(globalThis, 'Date', { value: replacement, writable: true, configurable: true, enumerable: false });
}
