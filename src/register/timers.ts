/**
 * Timers that code of a request starts: counted as pending until they fired or were cleared, and they move the request's clock when
 * they fire, unless they were unref'd. Not counted: intervals, timers over 60 s, timers that were unref'd. Delays stay real.
 */
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { currentContext, hold, release } from './context.ts';
import type { RequestContext } from './context.ts';
import { attempt, dressedAs, property, wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';
import { advanceClock } from './time.ts';

const longestCountedMs = 60_000;
const recordOf = Symbol('foreshard.timer');

interface TimerRecord {
  readonly context: RequestContext;
  readonly countable: boolean;
  counted: boolean;
  /** It will fire. */
  armed: boolean;
  /** Request time at which it is due; undefined where time is real. */
  dueMs: number | undefined;
  readonly delayMs: number;
}

/** Timers whose number was asked for: `clearTimeout` takes it too. */
const byNumber = new Map<number, object>();

function count(record: TimerRecord): void {
  if (record.counted || !record.countable) return;
  record.counted = true;
  hold(record.context);
}

function uncount(record: TimerRecord): void {
  if (!record.counted) return;
  record.counted = false;
  release(record.context);
}

function recordIn(timer: unknown): TimerRecord | undefined {
  return property(timer, recordOf) as TimerRecord | undefined;
}

function dueTime(context: RequestContext, delayMs: number): number | undefined {
  return context.clockMs === undefined ? undefined : context.clockMs + delayMs;
}

function effectiveDelay(value: unknown): number {
  const delay = Number(value);
  return delay >= 1 && delay <= 2_147_483_647 ? Math.trunc(delay) : 1;
}

type Kind = 'timeout' | 'interval' | 'immediate';

function tracking(kind: Kind, original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const context = currentContext();
    const callback = args[0];
    if (context === undefined || typeof callback !== 'function') return Reflect.apply(original, this, args);
    const delayMs = kind === 'immediate' ? 0 : effectiveDelay(args[1]);
    const record: TimerRecord = {
      context,
      countable: kind !== 'interval' && delayMs <= longestCountedMs,
      counted: false,
      armed: true,
      dueMs: kind === 'immediate' ? undefined : dueTime(context, delayMs),
      delayMs,
    };
    const fired = function (this: unknown, ...values: unknown[]): unknown {
      if (record.dueMs !== undefined) {
        // Nobody waits for a timer that was unref'd (undici's, a keep-alive): how often it fires depends on the machine.
        if (property(timer, 'hasRef') === undefined || (timer as NodeJS.Timeout).hasRef()) advanceClock(context, record.dueMs);
        if (kind === 'interval') record.dueMs += delayMs;
      }
      if (kind === 'interval') return Reflect.apply(callback, this, values);
      // The count is handed over for the time of the callback, which may call refresh() and so arm the timer again.
      const held = record.counted;
      record.counted = false;
      record.armed = false;
      try {
        return Reflect.apply(callback, this, values);
      } finally {
        if (held) release(context);
        if (!record.armed) forget(timer, record);
      }
    };
    const timer = Reflect.apply(original, this, [fired, ...args.slice(1)]) as object;
    Reflect.set(timer, recordOf, record);
    count(record);
    return timer;
  };
}

function forget(timer: object, record: TimerRecord): void {
  record.armed = false;
  uncount(record);
  if (byNumber.size === 0) return;
  for (const [number, known] of byNumber) if (known === timer) byNumber.delete(number);
}

function clearing(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    const given = args[0];
    const timer = typeof given === 'object' ? given : byNumber.get(Number(given));
    const result = Reflect.apply(original, this, args);
    const record = recordIn(timer);
    if (record !== undefined && timer !== undefined && timer !== null) forget(timer, record);
    return result;
  };
}

/** Methods of a timer that change whether it counts. */
function patchTimerPrototypes(): void {
  const timeout = setTimeout(() => {}, 0);
  clearTimeout(timeout);
  const immediate = setImmediate(() => {});
  clearImmediate(immediate);
  for (const prototype of [Object.getPrototypeOf(timeout), Object.getPrototypeOf(immediate)] as object[]) {
    after(prototype, 'unref', uncount);
    after(prototype, 'ref', record => record.armed && count(record));
  }
  const prototype = Object.getPrototypeOf(timeout) as object;
  after(prototype, 'close', uncount);
  after(prototype, 'refresh', (record, timer) => {
    record.dueMs = dueTime(record.context, record.delayMs);
    record.armed = true;
    if ((timer as NodeJS.Timeout).hasRef()) count(record);
  });
  wrapMethod(prototype, Symbol.toPrimitive, original => function (this: unknown) {
    const number = Reflect.apply(original, this, []);
    if (recordIn(this) !== undefined) byNumber.set(Number(number), this as object);
    return number;
  });
}

function after(prototype: object, name: string, act: (record: TimerRecord, timer: unknown) => unknown): void {
  wrapMethod(prototype, name, original => function (this: unknown, ...args) {
    const result = Reflect.apply(original, this, args);
    const record = recordIn(this);
    if (record !== undefined) act(record, this);
    return result;
  });
}

/** `timers/promises`: the same rules, by the promise. */
function awaiting(kind: Kind, original: AnyFunction, optionsAt: number): AnyFunction {
  return function (this: unknown, ...args) {
    const context = currentContext();
    const promise = Reflect.apply(original, this, args);
    if (context === undefined || !(promise instanceof Promise)) return promise;
    const delayMs = kind === 'immediate' ? 0 : effectiveDelay(args[0]);
    const counts = delayMs <= longestCountedMs && property(args[optionsAt], 'ref') !== false;
    const dueMs = kind === 'immediate' ? undefined : dueTime(context, delayMs);
    if (counts) hold(context);
    return promise.then(
      (value: unknown) => {
        if (dueMs !== undefined) advanceClock(context, dueMs);
        return value;
      },
    ).finally(() => counts && release(context));
  };
}

/** Patches the global timers, `node:timers` and `node:timers/promises`. */
export function installTimers(): void {
  attempt('timer objects', patchTimerPrototypes);
  wrapMethod(timersPromises, 'setTimeout', original => awaiting('timeout', original, 2));
  wrapMethod(timersPromises, 'setImmediate', original => awaiting('immediate', original, 1));
  attempt('timers/promises scheduler', () => {
    const scheduler: unknown = property(timersPromises, 'scheduler');
    if (typeof scheduler === 'object' && scheduler !== null) {
      wrapMethod(Object.getPrototypeOf(scheduler) as object, 'wait', original => awaiting('timeout', original, 1));
    }
  });
  const kinds = { setTimeout: 'timeout', setInterval: 'interval', setImmediate: 'immediate' } as const;
  for (const [name, kind] of Object.entries(kinds) as [keyof typeof kinds, Kind][]) {
    const original = timers[name] as AnyFunction;
    // Their promisify symbol is a getter that reads timers/promises, which is patched above.
    define(name, dressedAs(original, tracking(kind, original)));
  }
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate'] as const) {
    const original = timers[name] as AnyFunction;
    define(name, dressedAs(original, clearing(original)));
  }
}

function define(name: string, value: AnyFunction): void {
  for (const owner of [timers, globalThis]) Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: true });
}
